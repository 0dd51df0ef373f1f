"""Window counts of several workers as one writer's: each publishes its own in shared memory, the first adds them up.

A worker that is started again takes over what its predecessor had published, so that files stay cumulative.
"""

import mmap
import struct
from collections.abc import Iterable, Mapping

import msgspec

from perennial.api.records.window import WindowRecord
from perennial.runtime.monitoring import Counters
from perennial.runtime.serving.logs import log
from perennial.stats.windows import sum_windows

HALF = 2 * 1024 * 1024
"""Bytes for one publication of a worker: about 20 slots of 50 features."""

_HEADER = struct.Struct("<QQQQ")  # sequence, length of half 0, length of half 1, final
Slots = Mapping[int, WindowRecord]


class Boxes:
    """Shared memory with two halves a worker: one is read while the other is written. Created before forking."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._size = _HEADER.size + 2 * HALF
        self._memory = mmap.mmap(-1, self._size * workers)

    def write(self, worker: int, slots: Slots, *, final: bool = False) -> bool:
        """Publish a worker's slots. False: they do not fit, and the last publication stays."""
        body = msgspec.json.encode({str(slot): record.to_json().decode() for slot, record in slots.items()})
        if len(body) > HALF:
            log("window counts exceed shared memory and are not published", level=40, bytes=len(body))
            return False
        start = worker * self._size
        sequence, *lengths, _ = _HEADER.unpack_from(self._memory, start)
        half = (sequence + 1) % 2
        at = start + _HEADER.size + half * HALF
        self._memory[at : at + len(body)] = body
        lengths[half] = len(body)
        _HEADER.pack_into(self._memory, start, sequence + 1, *lengths, int(final))
        return True

    def read(self, worker: int) -> dict[int, WindowRecord]:
        """A worker's last publication."""
        start = worker * self._size
        while True:
            sequence, *lengths, _ = _HEADER.unpack_from(self._memory, start)
            at = start + _HEADER.size + sequence % 2 * HALF
            body = bytes(self._memory[at : at + lengths[sequence % 2]])
            if _HEADER.unpack_from(self._memory, start)[0] <= sequence + 1:  # the half that was read is untouched
                break
        texts = msgspec.json.decode(body) if body else {}
        return {int(slot): WindowRecord.from_json(text) for slot, text in texts.items()}

    def is_final(self, worker: int) -> bool:
        """Whether a worker will publish nothing more."""
        return bool(_HEADER.unpack_from(self._memory, worker * self._size)[3])

    def reopen(self, worker: int) -> None:
        """A worker starts: it is not final."""
        start = worker * self._size
        sequence, *lengths, _ = _HEADER.unpack_from(self._memory, start)
        _HEADER.pack_into(self._memory, start, sequence, *lengths, 0)


class SharedCounters:
    """One worker's side: publishes what it counts; the first worker's flusher reads the sum of all.

    Args:
        counters: this worker's.
        boxes: of all workers.
        worker: this one's number.
    """

    def __init__(self, counters: Counters, boxes: Boxes, worker: int) -> None:
        self._counters = counters
        self._boxes = boxes
        self._worker = worker
        self._before = boxes.read(worker)
        self.slot_seconds = counters.slot_seconds
        boxes.reopen(worker)

    def publish(self, *, final: bool = False) -> None:
        """Show this worker's counts to the first one."""
        mine = {slot: self._counters.to_window(slot) for slot in self._counters.slots}
        newest = max((*mine, *self._before), default=0)
        kept = {s: r for s, r in self._before.items() if s >= newest - 2 * self.slot_seconds}
        together = {slot: _sum(d[slot] for d in (mine, kept) if slot in d) for slot in {*mine, *kept}}
        self._boxes.write(self._worker, together, final=final)

    @property
    def slots(self) -> list[int]:
        """Slots that any worker counted in."""
        return sorted({slot for worker in range(self._boxes.workers) for slot in self._boxes.read(worker)})

    def to_window(self, slot: int, *, complete: bool = False) -> WindowRecord:
        """The sum over the workers, as one writer's."""
        published = [self._boxes.read(worker) for worker in range(self._boxes.workers)]
        total = _sum(slots[slot] for slots in published if slot in slots)
        return total.model_copy(update={"writers": 1, "complete": complete})

    def forget(self, slot: int) -> None:
        """Drop a slot of this worker; the others drop theirs when they are two slots old."""
        self._counters.forget(slot)
        self._before.pop(slot, None)

    def forget_old(self, now: float) -> None:
        """Drop slots that the first worker has written for the last time."""
        for slot in [s for s in self._counters.slots if now >= s + 3 * self.slot_seconds]:
            self.forget(slot)


def _sum(records: Iterable[WindowRecord]) -> WindowRecord:
    return sum_windows(records).model_copy(update={"writers": 1})
