"""The life of the operator's process: standby, fill the cache, watch and work, hand over."""

import asyncio
import logging
import signal
from collections.abc import Mapping

import kopf
from kopf._cogs.structs.references import Insights

from perennial.handlers.discovery import discover
from perennial.handlers.health import serve_health
from perennial.handlers.intake import Intake
from perennial.handlers.shell import registry, settings, watcher_names
from perennial.handlers.supervisor import Supervisor
from perennial.kube.access import Access
from perennial.kube.client import Kube
from perennial.kube.errors import Expired, Retryable
from perennial.kube.lease import Lease, LeaseTimes, end_process
from perennial.kube.resources import OWN_KINDS
from perennial.observe.cache import Cache
from perennial.reconcile.config import OperatorConfig
from perennial.reconcile.context import Clock, Context, Key, Reconciler, Related
from perennial.reconcile.loop import Loop
from perennial.reconcile.metrics import CACHED
from perennial.reconcile.relist import fill, prune
from perennial.reconcile.storage import StoragePool

log = logging.getLogger(__name__)

FIRST_PRUNE_SECONDS = 60.0
"""What vanished between the first list and the start of the watches is found then."""
PRUNE_SECONDS = 1800.0
STOP_SECONDS = 8.0
"""Time for looks and watches to end; within the pod's grace period of 30 s the Lease must be given back too."""


class Operator:
    """One operator process."""

    def __init__(
        self,
        config: OperatorConfig,
        access: Access,
        reconcilers: Mapping[str, Reconciler],
        related: Mapping[str, Related],
        *,
        times: LeaseTimes | None = None,
    ):
        self._config = config
        self._access = access
        self.cache = Cache()
        self.lease = Lease(access, config.namespace, config.identity, times=times)
        self.loop = Loop(reconcilers, workers=config.workers)
        self.intake = Intake(self.cache, self.loop.enqueue, related)
        self.kube = Kube(access, on_write=self.intake.wrote, may_write=self.lease.check)
        self.supervisor = Supervisor(watcher_names(config.watched))
        self._storage = StoragePool()
        self._state = "waiting for the Lease"
        self._main: asyncio.Task[None] | None = None
        CACHED.set_function(lambda: len(self.cache))

    async def run(self) -> None:
        """Until a signal (then it is cancelled or returns), or until something ends that must not."""
        self._main = asyncio.current_task()
        self._obey_signals(self._main)
        health = await serve_health(self._config.port, alive=self._not_alive, ready=self._not_ready)
        tasks = [asyncio.create_task(self.supervisor.run(), name="supervisor")]
        try:
            await self.lease.acquire()
            await self._fill()
            tasks += self._start()
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._end(tasks)
            await health.cleanup()

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        ended = [task for task in tasks if task.done() and not task.cancelled()]
        for task in tasks:
            task.cancel()
        _, hung = await asyncio.wait(tasks, timeout=STOP_SECONDS)
        self._storage.close()
        await asyncio.to_thread(self.lease.release)
        await self.kube.close()
        if hung:  # kopf's watchers may swallow their cancellation; the Lease is given back, nothing else matters
            end_process(1 if ended else 0)
        for task in ended:
            error = task.exception()
            if error is not None:
                raise error

    def _obey_signals(self, running: "asyncio.Task[None] | None") -> None:
        for number in (signal.SIGTERM, signal.SIGINT):  # as process 1 of a container it would be deaf to them
            asyncio.get_running_loop().add_signal_handler(number, running.cancel if running else _nothing)

    async def _fill(self) -> None:
        self._state = "reading the cluster"
        while True:
            try:
                missing = await fill(self.kube, self.cache, self._config.watched)
                break
            except (Retryable, Expired) as error:
                log.warning("the cluster could not be read, trying again: %s", error)
                await asyncio.sleep(2.0)
        if missing:
            log.warning("the API server does not serve %s; install the CRDs of the chart", ", ".join(missing))
        log.info("%d objects read", len(self.cache))

    def _start(self) -> list[asyncio.Task[None]]:
        self._state = ""
        context = Context(self.cache, self.kube, self._storage, Clock(), self._config, self.loop.enqueue)
        for kind in OWN_KINDS:
            for _, namespace, name in self.cache.names(kind):
                self.loop.enqueue(Key(kind, namespace, name))
        return [
            asyncio.create_task(self.loop.run(context), name="reconcile loop"),
            asyncio.create_task(self._prune(), name="prune"),
            asyncio.create_task(self._watch(), name="watches"),
        ]

    async def _prune(self) -> None:
        await asyncio.sleep(FIRST_PRUNE_SECONDS)
        while True:
            repaired = await prune(
                self.kube, self.cache, self._config.watched, seen=self.intake.ask, gone=self.intake.ask
            )
            if repaired:
                log.warning("%d cache entries were not what the cluster holds; repaired", repaired)
            await asyncio.sleep(PRUNE_SECONDS)

    async def _watch(self) -> None:
        namespaces = self._config.watch_namespaces
        others = asyncio.all_tasks()
        handlers, setup, insights = registry(self.intake, self._access), settings(), Insights()
        tasks = await kopf.spawn_tasks(
            registry=handlers,
            settings=setup,
            insights=insights,
            standalone=True,
            clusterwide=not namespaces,
            namespaces=namespaces,
        )
        self._obey_signals(self._main)  # kopf has taken the signals for itself
        late = asyncio.create_task(discover(self.kube, insights, handlers, setup, self._config.watched[0]))
        try:
            await kopf.run_tasks(tasks, ignored=others | {late})
        finally:
            late.cancel()

    def _not_alive(self) -> list[str]:
        return [] if self.supervisor.alive() else ["the event loop is stuck"]

    def _not_ready(self) -> list[str]:
        if self._state == "waiting for the Lease":
            return []  # a standby is ready: it needs nothing but its turn
        return [self._state] if self._state else [f"not watched: {what}" for what in self.supervisor.missing()]


def _nothing() -> None:
    """A coroutine outside of any task cannot be cancelled."""
