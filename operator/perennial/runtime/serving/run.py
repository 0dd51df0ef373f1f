"""Starts the worker of a pod, or several of them, and returns the exit code."""

import asyncio
import gc
import socket
from typing import TYPE_CHECKING

from perennial.api.records.server import REFUSED_EXIT_CODE
from perennial.runtime.serving.boot import Boot
from perennial.runtime.serving.cells import Cells
from perennial.runtime.serving.counting import cells_for
from perennial.runtime.serving.listening import listen
from perennial.runtime.serving.logs import configure
from perennial.runtime.serving.metrics import GAUGES

if TYPE_CHECKING:
    from perennial.runtime.serving.shared_windows import Boxes


def run(boot: Boot) -> int:
    """Serve until told to stop.

    Raises:
        OSError: the port cannot be listened on.
    """
    configure(boot.names)
    workers = boot.config.settings.workers
    sock = listen(boot.host, boot.port)
    cells = cells_for(workers)
    if workers == 1:
        return _work(boot, cells, sock, 0)
    return _supervise(boot, cells, sock, workers)


def _supervise(boot: Boot, cells: Cells, sock: socket.socket, workers: int) -> int:
    from perennial.runtime.serving.shared_windows import Boxes
    from perennial.runtime.serving.workers import Supervisor

    boxes = Boxes(workers)
    gc.freeze()  # what the workers inherit is shared until somebody writes to it
    return Supervisor(workers, lambda n: _work(boot, cells, sock, n, boxes), frozenset({REFUSED_EXIT_CODE})).run()


def _work(boot: Boot, cells: Cells, sock: socket.socket, number: int, boxes: "Boxes | None" = None) -> int:
    """One worker. Its libraries are imported here, so that the parent of several stays small."""
    import uvloop

    from perennial.runtime.serving.worker import Worker

    first = number == 0 and not cells.total("gauges")[GAUGES.index("ready")]
    cells.attach(number)
    cells.clear("heartbeat_ms", "gauges")  # what a worker that died has left there

    async def serve() -> int:
        return await Worker(boot, cells, [sock], number, boxes, open_early=first).run()

    return asyncio.run(serve(), loop_factory=uvloop.new_event_loop)
