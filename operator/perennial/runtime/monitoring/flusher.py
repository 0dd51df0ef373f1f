"""Brings a pod's counts into storage: cumulative window files, every few minutes with jitter and on shutdown.

One flusher a pod. A crash loses at most the rows since the last flush; a failed upload loses nothing, for the next
file holds everything again.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from perennial.api.records.window import WindowRecord
from perennial.store.errors import StorageError
from perennial.store.layout import WindowKeys
from perennial.store.objects import ObjectStore

log = logging.getLogger(__name__)

INTERVAL = 300.0
JITTER = 0.2
"""The share of the interval by which flushes of several pods are spread."""
RETRY = 30.0
KEEP_UNSENT = 48
"""Slots that wait for storage at most; older ones are dropped and logged."""


class CountsSlots(Protocol):
    """What a flusher needs of counters: a pod with one process passes `Counters`, more merge theirs behind this."""

    @property
    def slots(self) -> list[int]:
        """Starts of the slots that hold counts, seconds since 1970 UTC, oldest first."""

    @property
    def slot_seconds(self) -> int:
        """Length of a slot."""

    def to_window(self, slot: int, *, complete: bool = False) -> WindowRecord:
        """The cumulative counts of one slot."""

    def forget(self, slot: int) -> None:
        """Drop a slot whose final file is stored."""


class WindowFlusher:
    """Writes the window files of one pod.

    Args:
        counters: what is flushed; used only from the event loop's thread.
        store: the registry's store; used only from a worker thread.
        keys: where windows of this deployment and artifact lie.
        pod: the pod's name.
        boot: an identifier of this start of the container, so that a restart never overwrites an earlier file.
        interval: seconds between flushes.
        clock: seconds since 1970 UTC.
    """

    def __init__(
        self,
        counters: CountsSlots,
        store: ObjectStore,
        keys: WindowKeys,
        *,
        pod: str,
        boot: str,
        interval: float = INTERVAL,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """See the class."""
        self._counters, self._store, self._keys = counters, store, keys
        self._pod, self._boot = pod, boot
        self._interval, self._clock = interval, clock
        self._sent: dict[int, tuple[int, bool]] = {}
        self.failures = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Flush until told to stop, then once more; call `stop.set()` on SIGTERM after the last request."""
        while not stop.is_set():
            failed = self.failures
            await self.flush()
            wait = RETRY if self.failures > failed else self._pause()
            try:
                await asyncio.wait_for(stop.wait(), timeout=wait)
            except TimeoutError:
                continue
        await self.flush(last=True)

    async def flush(self, *, last: bool = False) -> int:
        """Write every slot that has changed; how many were written.

        Args:
            last: the pod will count nothing more: what is written now is complete.
        """
        written = 0
        for slot in self._counters.slots:
            over = last or self._clock() >= slot + self._counters.slot_seconds
            record = self._counters.to_window(slot, complete=over)
            state = (record.rows + record.dropped, over)
            if self._sent.get(slot) != state and await self._write(slot, record):
                self._sent[slot] = state
                written += 1
            if over and self._sent.get(slot) == state:
                self._forget(slot)
        self._bound()
        return written

    async def _write(self, slot: int, record: WindowRecord) -> bool:
        key = self._keys.window(datetime.fromtimestamp(slot, UTC), self._pod, self._boot)
        try:
            await asyncio.to_thread(self._store.put, key, record.to_json(), content_type="application/json")
        except StorageError as error:
            self.failures += 1
            log.warning("window %s is not stored and stays in memory: %s", key, error)
            return False
        return True

    def _forget(self, slot: int) -> None:
        # A row of this slot that comes later (a clock set back) would start a file from zero: keep it for one slot.
        if self._clock() >= slot + 2 * self._counters.slot_seconds:
            self._counters.forget(slot)
            self._sent.pop(slot, None)

    def _bound(self) -> None:
        for slot in self._counters.slots[:-KEEP_UNSENT]:
            log.error(
                "window of %s is dropped after %d slots without storage", datetime.fromtimestamp(slot, UTC), KEEP_UNSENT
            )
            self._counters.forget(slot)
            self._sent.pop(slot, None)

    def _pause(self) -> float:
        """Until the next flush: the interval with jitter, or shortly after the slot's end if that comes first."""
        spread = random.uniform(1 - JITTER, 1 + JITTER) * self._interval  # noqa: S311 - spreading load, no secret
        now = self._clock()
        to_end = self._counters.slot_seconds - now % self._counters.slot_seconds
        return min(spread, to_end + random.uniform(1.0, 60.0) if to_end < spread else spread)  # noqa: S311
