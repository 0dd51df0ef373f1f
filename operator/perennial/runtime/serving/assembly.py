"""Everything behind the paths of a loaded model, put together: queue, splitter, counters, windows, gRPC."""

import asyncio
import time
from collections.abc import Callable

import grpc.aio

from perennial.api.records.arms import ArmsReport
from perennial.api.records.server import RolloutPlan
from perennial.runtime.monitoring import WindowFlusher
from perennial.runtime.serving.app import App
from perennial.runtime.serving.arms import Arms
from perennial.runtime.serving.batching import Batcher
from perennial.runtime.serving.boot import Boot
from perennial.runtime.serving.cells import Cells
from perennial.runtime.serving.health import Health
from perennial.runtime.serving.inference import Inference
from perennial.runtime.serving.metadata import Metadata
from perennial.runtime.serving.metrics import Metrics
from perennial.runtime.serving.passing import PassingOn
from perennial.runtime.serving.plan import PlanFile
from perennial.runtime.serving.routes import add_model
from perennial.runtime.serving.samples import Samples
from perennial.runtime.serving.served import Served
from perennial.runtime.serving.shared_windows import Boxes, SharedCounters
from perennial.runtime.serving.splitter import Splitter
from perennial.runtime.serving.state import State
from perennial.runtime.serving.watching import Watcher, counters_of
from perennial.store import ObjectStore
from perennial.store.layout import WindowKeys

PUBLISH_SECONDS = 5.0
"""How often workers show their counts to the first one; what a crash of one of them loses at most."""

FINAL_SECONDS = 2.0
"""How much longer than the longest request the first worker waits at the end for the others' last counts."""


class Assembly:
    """The parts of one worker that need a model."""

    def __init__(
        self, boot: Boot, cells: Cells, metrics: Metrics, state: State, served: Served, store: ObjectStore
    ) -> None:
        settings = served.config.settings
        self._boot = boot
        self._metrics = metrics
        self._state = state
        self._served = served
        self._store = store
        self._counters = counters_of(served, served.config.monitoring)
        self._arms = Arms(cells, served.signature)
        self._splitter = Splitter(self._arms, metrics, settings.timeout_seconds)
        writer = f"{boot.pod}-{boot.boot_id}-{cells.worker}"
        self._samples = Samples(served, store, metrics, writer) if Samples.wanted(served.config) else None
        self._watcher = Watcher(served, self._counters, self._arms, metrics, self._samples)
        self._batcher = Batcher(
            served.predict,
            self._watcher.observe,
            max_rows=settings.max_batch_rows,
            queue_size=settings.queue_size,
            timeout=settings.timeout_seconds,
        )
        self._plan = PlanFile(boot.plan, self._follow, lambda: metrics.add("plan_errors"))
        self._app: App | None = None
        self._grpc: grpc.aio.Server | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._sampling: asyncio.Task[None] | None = None
        self._stop_flushing = asyncio.Event()
        self._shared: SharedCounters | None = None
        self._others: Callable[[], bool] = lambda: True
        self._published = 0.0

    @property
    def ticks(self) -> list[Callable[[], object]]:
        """What to do a few times a second."""
        return [self._plan.look, self._look_at_queue, self._settle]

    def add_to(self, app: App, health: Health) -> None:
        """Add the model's paths and begin to follow the plan."""
        self._app = app
        app.elsewhere = PassingOn(self._served, self._splitter, self._metrics).handler
        inference = Inference(self._served, self._batcher, self._splitter, self._arms, self._metrics)
        inference.on_refused = self._watcher.refused
        identity = {"pod": self._boot.pod, "boot_id": self._boot.boot_id, "version": self._served.config.version}

        def report() -> ArmsReport:
            self._watcher.settle()
            facts = {**identity, "plan_errors": self._metrics.count("plan_errors")}
            return self._arms.report(self._plan.plan, self._plan.seen_at, facts)

        health.report = report
        self._plan.start()
        add_model(app, Metadata(self._served), health, inference)

    async def start(self, number: int, boxes: Boxes | None) -> None:
        """Start gRPC and the flusher; with several workers only the first one writes windows."""
        self._start_flushing(number, boxes)
        if self._samples is not None:
            self._sampling = asyncio.get_running_loop().create_task(self._samples.run(self._stop_flushing))
        if self._boot.grpc_port is not None:
            from perennial.runtime.serving.grpc_server import GrpcService

            service = GrpcService(self._served, self._batcher, self._splitter, self._arms, self._metrics, self._state)
            host = f"[{self._boot.host}]" if ":" in self._boot.host else self._boot.host
            self._grpc = service.server(f"{host}:{self._boot.grpc_port}")
            await self._grpc.start()

    async def stop_grpc(self) -> None:
        """Take no more gRPC requests and answer those under way."""
        if self._grpc is not None:
            await self._grpc.stop(self._served.config.settings.timeout_seconds)

    async def close(self, answered_at: float) -> None:
        """Write the last windows, let the thread go.

        Args:
            answered_at: when every worker has answered its last request, at the latest, in monotonic seconds.
        """
        if self._shared is not None:
            self._shared.publish(final=True)
        if self._flushing is not None:
            while not self._others() and time.monotonic() < answered_at + FINAL_SECONDS:  # noqa: ASYNC110 - other processes set it
                await asyncio.sleep(0.05)
            self._stop_flushing.set()
            await self._flushing
        if self._sampling is not None:
            self._stop_flushing.set()
            await self._sampling
        self._batcher.close()

    def _follow(self, plan: RolloutPlan) -> None:
        self._watcher.settle()
        self._arms.begin(plan)
        self._splitter.follow(plan)
        if self._app is not None:
            self._app.sticky_header = plan.sticky_header.lower().encode()

    def _start_flushing(self, number: int, boxes: Boxes | None) -> None:
        config = self._served.config
        if self._counters is None or not config.deployment_uid:
            return
        if boxes is not None:
            self._shared = SharedCounters(self._counters, boxes, number)
            self._others = lambda: all(boxes.is_final(n) for n in range(boxes.workers))
            if number:
                return
        flusher = WindowFlusher(
            self._shared or self._counters,
            self._store,
            WindowKeys(config.namespace, config.deployment_uid, config.artifact_digest),
            pod=self._boot.pod,
            boot=self._boot.boot_id,
            interval=config.monitoring.flush_seconds,
        )
        self._flushing = asyncio.get_running_loop().create_task(flusher.run(self._stop_flushing))

    def _look_at_queue(self) -> None:
        late = self._batcher.expire(time.monotonic())
        if late:
            self._metrics.add("late", late)
        self._metrics.set("queued", self._batcher.depth)
        since = self._batcher.running_since
        self._metrics.set("running_since_ms", int(since * 1000) if since else 0)

    def _settle(self) -> None:
        self._watcher.settle()
        now = time.monotonic()
        if self._shared is not None and now - self._published > PUBLISH_SECONDS:
            self._published = now
            self._shared.publish()
            self._shared.forget_old(time.time())
