"""One worker process: opens the port, loads the model, serves, drains. What is behind the paths is in `assembly.py`."""

import asyncio
import gc
import json
import signal
import socket
import time
from collections.abc import Callable

import uvicorn

from perennial.api.records.server import REFUSED_EXIT_CODE
from perennial.runtime.artifacts import LoadRefused
from perennial.runtime.serving.app import App
from perennial.runtime.serving.assembly import Assembly
from perennial.runtime.serving.batching import SWEEP_SECONDS
from perennial.runtime.serving.boot import Boot
from perennial.runtime.serving.cells import Cells
from perennial.runtime.serving.health import Health
from perennial.runtime.serving.loading import fetch, load
from perennial.runtime.serving.logs import log
from perennial.runtime.serving.metrics import Metrics
from perennial.runtime.serving.protocol import IDLE_SECONDS, LimitedProtocol, check_times
from perennial.runtime.serving.routes import add_health
from perennial.runtime.serving.served import Served
from perennial.runtime.serving.shared_windows import Boxes
from perennial.runtime.serving.state import State
from perennial.store import ObjectStore, open_store
from perennial.store.errors import InvalidLocation

QUIET_SECONDS = 0.5
"""Without a connection for so long while draining, there is nothing left to wait for."""


class Worker:
    """One worker of a pod.

    Args:
        boot: what this start was told.
        cells: shared with the other workers; attached to this worker's row.
        sockets: that listen; inherited when there are more workers.
        number: of this worker.
        boxes: for the window counts of several workers.
        open_early: answer probes while the model is loading. One worker of a pod does; one that is started again
            takes no connection before it can answer it.
    """

    def __init__(
        self,
        boot: Boot,
        cells: Cells,
        sockets: list[socket.socket],
        number: int = 0,
        boxes: Boxes | None = None,
        *,
        open_early: bool = True,
    ) -> None:
        config = boot.config
        self._boot = boot
        self._cells = cells
        self._sockets = sockets
        self._number = number
        self._boxes = boxes
        self._state = State()
        self._metrics = Metrics(cells, {"model": config.model, "version": config.version})
        self._health = Health(config.model, self._state, self._metrics, config.settings.timeout_seconds)
        self._app = App(config.model, config.version, self._state, self._metrics)
        self._server = uvicorn.Server(_uvicorn_config(self._app, config.settings.timeout_seconds))
        self._stop = asyncio.Event()
        self._open_port = asyncio.Event()
        if open_early:
            self._open_port.set()
        self._ticks: list[Callable[[], object]] = [self._metrics.beat, self._check_connections]
        self._assembly: Assembly | None = None
        self._exit_code = 0

    async def run(self) -> int:
        """Serve until SIGTERM; the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        add_health(self._app, self._health)
        serving = loop.create_task(self._serve())
        ticking = loop.create_task(self._tick())
        loading = loop.create_task(self._load())
        stopping = loop.create_task(self._stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        answered_at = time.monotonic() + self._boot.config.settings.stop_seconds
        await self._drain()
        await asyncio.gather(serving, self._assembly.stop_grpc() if self._assembly else asyncio.sleep(0))
        loading.cancel()
        if self._assembly is not None:
            await self._assembly.close(answered_at)
        ticking.cancel()
        log("stopped", exit_code=self._exit_code)
        return self._exit_code

    async def _serve(self) -> None:
        """Take connections, as soon as they are welcome."""
        opening, stopping = asyncio.ensure_future(self._open_port.wait()), asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({opening, stopping}, return_when=asyncio.FIRST_COMPLETED)
        opening.cancel()
        stopping.cancel()
        if self._open_port.is_set():
            await self._server._serve(self._sockets)

    async def _load(self) -> None:
        """Fetch, verify, load, warm up; then be ready."""
        config, folder = self._boot.config, self._boot.folder / f"model-{self._number}"
        try:
            store = open_store(config.registry)
            await asyncio.to_thread(fetch, store, config, folder, self._waiting_for)
            self._state.reason = "the model is being loaded and verified"
            served = await asyncio.to_thread(load, config, folder)
            await self._open(served, store)
        except (LoadRefused, InvalidLocation) as error:
            self._refuse(error)
        except Exception as error:
            log("the server cannot start", level=40, error=f"{type(error).__name__}: {error}")
            self._exit_code = 1
            self._stop.set()

    def _waiting_for(self, reason: str) -> None:
        self._state.reason = reason

    def _refuse(self, error: Exception) -> None:
        """Say why where the kubelet finds it, and end: the same bytes will never be served."""
        message = f"{type(error).__name__}: {error}"
        self._state.reason = message
        log("the artifact is refused", level=40, reason=type(error).__name__, error=str(error))
        if self._boot.termination_log.exists():
            outcome = {"outcome": "Refused", "reason": type(error).__name__, "message": message[:3500]}
            self._boot.termination_log.write_text(json.dumps(outcome))
        self._exit_code = REFUSED_EXIT_CODE
        self._stop.set()

    async def _open(self, served: Served, store: ObjectStore) -> None:
        """Put the model behind its paths."""
        assembly = Assembly(self._boot, self._cells, self._metrics, self._state, served, store)
        assembly.add_to(self._app, self._health)
        await assembly.start(self._number, self._boxes)
        self._assembly = assembly
        self._ticks += assembly.ticks
        gc.collect()
        gc.freeze()  # what a loaded model holds is never garbage: do not walk it again and again
        if self._state.phase == "Loading":
            self._state.phase, self._state.reason = "Ready", ""
            self._metrics.set("ready", 1)
            self._open_port.set()
        log("the model is ready", artifact=served.config.artifact_digest, path=served.model.path)

    async def _tick(self) -> None:
        """What happens a few times a second, whatever the load."""
        while True:
            for action in self._ticks:
                action()
            await asyncio.sleep(SWEEP_SECONDS)

    def _check_connections(self) -> None:
        connections = self._server.server_state.connections
        check_times(connections)
        self._metrics.set("in_flight", sum(1 for c in connections if isinstance(c, LimitedProtocol) and not c.is_idle))

    async def _drain(self) -> None:
        """Stop being ready, let kept connections learn it from `Connection: close`, then close what is idle."""
        self._state.phase, self._state.reason = "Draining", "the server is shutting down"
        self._metrics.set("ready", 0)
        connections = self._server.server_state.connections
        log("draining", connections=len(connections))
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (self._boot.config.settings.drain_seconds if self._exit_code == 0 else 0)
        quiet_since = loop.time()
        while loop.time() < deadline and loop.time() - quiet_since < QUIET_SECONDS:
            await asyncio.sleep(0.05)
            if connections:
                quiet_since = loop.time()
        self._server.should_exit = True


def _uvicorn_config(app: App, timeout: float) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=LimitedProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=int(timeout) + 1,
        backlog=2048,
    )
