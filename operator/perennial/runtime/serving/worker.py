"""One worker process: puts the parts together, loads the model, serves, drains."""

import asyncio
import gc
import json
import signal
import socket
from collections.abc import Callable

import uvicorn

from perennial.api.records.server import RolloutPlan
from perennial.runtime.artifacts import LoadRefused
from perennial.runtime.monitoring import Counters, WindowFlusher
from perennial.runtime.serving import arms as arms_module
from perennial.runtime.serving import metrics as metrics_module
from perennial.runtime.serving.app import App
from perennial.runtime.serving.arms import Arms
from perennial.runtime.serving.batching import SWEEP_SECONDS, Batcher
from perennial.runtime.serving.boot import Boot
from perennial.runtime.serving.cells import Cells, Layout
from perennial.runtime.serving.health import Health
from perennial.runtime.serving.inference import Inference
from perennial.runtime.serving.loading import fetch, load
from perennial.runtime.serving.logs import log
from perennial.runtime.serving.metadata import Metadata
from perennial.runtime.serving.metrics import Metrics
from perennial.runtime.serving.plan import PlanFile
from perennial.runtime.serving.protocol import IDLE_SECONDS, LimitedProtocol, check_times
from perennial.runtime.serving.routes import add_health, add_model
from perennial.runtime.serving.served import Served
from perennial.runtime.serving.splitter import Splitter
from perennial.runtime.serving.state import State
from perennial.runtime.serving.watching import Watcher, counters_of
from perennial.store import ObjectStore, open_store
from perennial.store.layout import WindowKeys

REFUSED = 78
"""Exit code when the artifact is refused: trying again with the same configuration is useless."""


def cells_for(workers: int) -> Cells:
    """The shared cells of a pod."""
    return Cells(Layout.of({**metrics_module.SECTIONS, **arms_module.sections()}), workers)


class Worker:
    """One worker of a pod.

    Args:
        boot: what this start was told.
        cells: shared with the other workers; attached to this worker's row.
        sockets: listening sockets of this process or inherited ones.
    """

    def __init__(self, boot: Boot, cells: Cells, sockets: list[socket.socket]) -> None:
        config = boot.config
        self._boot = boot
        self._cells = cells
        self._sockets = sockets
        self._state = State()
        self._metrics = Metrics(cells, {"model": config.model, "version": config.version})
        self._health = Health(config.model, self._state, self._metrics, config.settings.timeout_seconds)
        self._app = App(config.model, config.version, self._state, self._metrics)
        self._server = uvicorn.Server(_uvicorn_config(self._app, config.settings.timeout_seconds))
        self._stop = asyncio.Event()
        self._stop_flushing = asyncio.Event()
        self._ticks: list[Callable[[], object]] = [self._metrics.beat, self._check_connections]
        self._batcher: Batcher | None = None
        self.exit_code = 0

    async def run(self) -> int:
        """Serve until SIGTERM; the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        add_health(self._app, self._health)
        serving = loop.create_task(self._server._serve(self._sockets))
        ticking = loop.create_task(self._tick())
        working = loop.create_task(self._load_and_watch())
        stopping = loop.create_task(self._stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await self._drain()
        await serving
        self._stop_flushing.set()
        if self._batcher is not None:
            await working
            self._batcher.close()
        else:
            working.cancel()
        ticking.cancel()
        return self.exit_code

    async def _load_and_watch(self) -> None:
        """Load the model, then flush windows until the end."""
        config, folder = self._boot.config, self._boot.folder / "model"
        try:
            store = open_store(config.registry)
            await asyncio.to_thread(fetch, store, config, folder, self._waiting_for)
            self._state.reason = "the model is being loaded and verified"
            served = await asyncio.to_thread(load, config, folder)
        except LoadRefused as error:
            self._refuse(error)
            return
        flusher = self._open(served, store)
        if flusher is not None:
            await flusher.run(self._stop_flushing)

    def _waiting_for(self, reason: str) -> None:
        self._state.reason = reason

    def _refuse(self, error: LoadRefused) -> None:
        """Say why where the kubelet finds it, and end: the same bytes will never be served."""
        message = f"{type(error).__name__}: {error}"
        self._state.reason = message
        log("the artifact is refused", level=40, reason=type(error).__name__, error=str(error))
        if self._boot.termination_log.exists():
            outcome = {"outcome": "Refused", "reason": type(error).__name__, "message": message[:3500]}
            self._boot.termination_log.write_text(json.dumps(outcome))
        self.exit_code = REFUSED
        self._stop.set()

    def _open(self, served: Served, store: ObjectStore) -> WindowFlusher | None:
        """Put the model behind its paths."""
        config = self._boot.config
        arms = Arms(self._cells, served.signature)
        splitter = Splitter(arms, self._metrics)
        plan = PlanFile(
            self._boot.plan,
            on_plan=lambda p: self._follow(p, arms, splitter),
            on_error=lambda: self._metrics.add("plan_errors"),
        )
        plan.start()
        counters = counters_of(served, config.monitoring)
        watcher = Watcher(served, counters, arms, self._metrics)
        settings = config.settings
        batcher = Batcher(
            served.predict,
            watcher.observe,
            max_rows=settings.max_batch_rows,
            queue_size=settings.queue_size,
            timeout=settings.timeout_seconds,
        )
        inference = Inference(served, batcher, splitter, arms, self._metrics)
        inference.on_refused = watcher.refused
        identity = {"pod": self._boot.pod, "boot_id": self._boot.boot_id, "version": config.version}
        self._health.report = lambda: arms.report(
            plan.plan, plan.seen_at, {**identity, "plan_errors": self._metrics.count("plan_errors")}
        )
        add_model(self._app, Metadata(served), self._health, inference)
        self._batcher = batcher
        self._ticks += [plan.look, watcher.settle, self._look_at_queue]
        gc.collect()
        gc.freeze()  # what a loaded model holds is never garbage: do not walk it again and again
        if self._state.phase == "Loading":
            self._state.phase, self._state.reason = "Ready", ""
            self._metrics.set("ready", 1)
        log("the model is ready", artifact=config.artifact_digest, path=served.model.path)
        return self._flusher(counters, store)

    def _follow(self, plan: RolloutPlan, arms: Arms, splitter: Splitter) -> None:
        arms.begin(plan)
        splitter.follow(plan)
        self._app.sticky_header = plan.sticky_header.lower().encode()

    def _flusher(self, counters: Counters | None, store: ObjectStore) -> WindowFlusher | None:
        config = self._boot.config
        if counters is None or not config.deployment_uid:
            return None
        keys = WindowKeys(config.namespace, config.deployment_uid, config.artifact_digest)
        return WindowFlusher(
            counters,
            store,
            keys,
            pod=self._boot.pod,
            boot=self._boot.boot_id,
            interval=config.monitoring.flush_seconds,
        )

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

    def _look_at_queue(self) -> None:
        assert self._batcher is not None  # noqa: S101 - ticks begin with it
        loop_time = asyncio.get_running_loop().time()
        late = self._batcher.expire(loop_time)
        if late:
            self._metrics.add("late", late)
        self._metrics.set("queued", self._batcher.depth)
        since = self._batcher.running_since
        self._metrics.set("running_since_ms", int(since * 1000) if since else 0)

    async def _drain(self) -> None:
        """Stop being ready, let kept connections learn it from `Connection: close`, then close what is idle."""
        self._state.phase, self._state.reason = "Draining", "the server is shutting down"
        self._metrics.set("ready", 0)
        log("draining", connections=len(self._server.server_state.connections))
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (self._boot.config.settings.drain_seconds if self.exit_code == 0 else 0)
        quiet = 0
        while loop.time() < deadline and quiet < 4:
            await asyncio.sleep(0.1)
            quiet = 0 if self._server.server_state.connections else quiet + 1
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
