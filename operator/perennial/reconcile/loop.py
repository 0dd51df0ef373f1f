"""The workers: take a key, look at the object, give the key back with the time of the next look.

What a look does is the reconciler's; which keys are due is reconcile/queue.py's.
"""

import asyncio
import logging
import random
import time
from collections.abc import Mapping

from perennial.kube.errors import ApiError, NamespaceTerminating, NotFound, Replaced, Retryable
from perennial.reconcile import metrics
from perennial.reconcile.context import Context, Key, Reconciler
from perennial.reconcile.queue import WorkQueue

RESYNC_SECONDS = 600.0
"""Every object is looked at again after about this long (± 20 %), whatever was missed."""
LOOK_SECONDS = 300.0
"""A look that takes longer is given up, so that a hanging one cannot keep a worker for ever."""

log = logging.getLogger(__name__)


class Loop:
    """A work queue and the workers that empty it, on one event loop."""

    def __init__(self, reconcilers: Mapping[str, Reconciler], *, workers: int, resync: float = RESYNC_SECONDS):
        self._reconcilers = reconcilers
        self._workers = workers
        self._resync = resync
        self._queue = WorkQueue()
        self._changed = asyncio.Event()

    def enqueue(self, key: Key, seconds: float = 0.0) -> None:
        """Look at a key in so many seconds at the latest. Only from the event loop's own thread."""
        self._queue.add_after(key, seconds, time.monotonic())
        self._changed.set()

    def depth(self) -> int:
        """Keys that wait for a worker."""
        return self._queue.depth()

    async def run(self, context: Context) -> None:
        """Work until cancelled."""
        slots = asyncio.Semaphore(self._workers)
        async with asyncio.TaskGroup() as looks:
            while True:
                await slots.acquire()
                key = await self._next()
                task = looks.create_task(self._look(key, context), name=f"look at {key}")
                task.add_done_callback(lambda _: slots.release())

    async def _next(self) -> Key:
        while True:
            now = time.monotonic()
            self._changed.clear()
            key = self._queue.take(now)
            metrics.QUEUE_DEPTH.set(self._queue.depth())
            metrics.OLDEST_KEY.set(self._queue.oldest(now))
            if key is not None:
                return key
            due = self._queue.next_due()
            try:
                await asyncio.wait_for(self._changed.wait(), None if due is None else max(0.0, due - now))
            except TimeoutError:
                continue

    async def _look(self, key: Key, context: Context) -> None:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                wish = await self._reconcilers[key.kind](key, context)
        except (NotFound, Replaced, NamespaceTerminating) as error:
            self._gone(key, error, context)
        except Exception as error:  # whatever an object does to us, only its own key waits for it
            self._failed(key, error, context)
        else:
            self._queue.done(key, time.monotonic(), self._next_look(key, wish, context))
            metrics.RECONCILES.labels(key.kind, "success").inc()
        finally:
            metrics.DURATION.labels(key.kind).observe(time.monotonic() - begun)
            self._changed.set()

    def _next_look(self, key: Key, wish: float | None, context: Context) -> float | None:
        if context.cache.uid(key.kind, key.namespace, key.name) is None:
            return wish  # the object is gone: nothing to resync
        resync = self._resync * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret
        return resync if wish is None else min(max(wish, 0.0), resync)

    def _gone(self, key: Key, error: ApiError, context: Context) -> None:
        log.info("put off: %s", error, extra=_about(key, context))
        self._queue.failed(key, time.monotonic())
        metrics.RECONCILES.labels(key.kind, "gone").inc()

    def _failed(self, key: Key, error: Exception, context: Context) -> None:
        wait = self._queue.failed(key, time.monotonic())
        reason = type(error).__name__
        metrics.RETRIES.labels(key.kind, reason).inc()
        metrics.RECONCILES.labels(key.kind, "error").inc()
        level, trace = (logging.WARNING, None) if isinstance(error, Retryable) else (logging.ERROR, error)
        log.log(
            level,
            "look failed, next in %.1f s: %s: %s",
            wait,
            reason,
            error,
            exc_info=trace,
            extra=_about(key, context),
        )


def _about(key: Key, context: Context) -> dict[str, object]:
    body = context.cache.get(key.kind, key.namespace, key.name)
    return {"object": str(key), "generation": body["metadata"].get("generation") if body else None}
