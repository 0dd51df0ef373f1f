"""Starts the worker of a pod, or several of them, and returns the exit code."""

import asyncio
import socket

import uvloop

from perennial.runtime.serving.boot import Boot
from perennial.runtime.serving.cells import Cells
from perennial.runtime.serving.listening import listen
from perennial.runtime.serving.logs import configure
from perennial.runtime.serving.worker import Worker, cells_for


def run(boot: Boot) -> int:
    """Serve until told to stop.

    Raises:
        OSError: the port cannot be listened on.
    """
    configure(boot.names)
    sock = listen(boot.host, boot.port)
    cells = cells_for(1)
    return asyncio.run(_serve(boot, cells, sock), loop_factory=uvloop.new_event_loop)


async def _serve(boot: Boot, cells: Cells, sock: socket.socket) -> int:
    return await Worker(boot, cells, [sock]).run()
