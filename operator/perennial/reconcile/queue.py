"""Which key is looked at next: deduplicated, one at a time per key, with due times and backoff.

Pure bookkeeping with the time passed in; who waits and works is reconcile/loop.py.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from perennial.reconcile.context import Key

FIRST_BACKOFF = 0.2
LONGEST_BACKOFF = 60.0


@dataclass(slots=True)
class _State:
    """What is known of one key; forgotten when there is nothing left to know."""

    ready_since: float | None = None  # waits for a worker
    working: bool = False
    again: bool = False  # asked for while a worker had it
    due: float | None = None  # its own next look: replaced by every look
    asked: float | None = None  # somebody else wants a look by then: the earliest wins
    failures: int = 0
    generation: int = 0  # heap items of an older one are void


@dataclass
class WorkQueue:
    """Keys to reconcile. Times are seconds of one monotonic clock.

    A key is in at most one worker's hands; asked for meanwhile, it comes again afterwards, once.
    """

    jitter: Callable[[float, float], float] = random.uniform
    _states: dict[Key, _State] = field(default_factory=dict)
    _ready: deque[Key] = field(default_factory=deque)
    _heap: list[tuple[float, int, Key]] = field(default_factory=list)
    _counter: int = 0

    def add(self, key: Key, now: float) -> None:
        """Look at the key as soon as a worker is free."""
        state = self._states.setdefault(key, _State())
        if state.working:
            state.again = True
        elif state.ready_since is None:
            state.ready_since = now
            self._ready.append(key)

    def add_after(self, key: Key, seconds: float, now: float) -> None:
        """Look at the key by then at the latest; an earlier wish of that kind stands."""
        if seconds <= 0:
            return self.add(key, now)
        state = self._states.setdefault(key, _State())
        if state.asked is None or now + seconds < state.asked:
            state.asked = now + seconds
            self._schedule(key, state)
        return None

    def take(self, now: float) -> Key | None:
        """The key that has waited longest, None when none is due. Give it back with `done` or `failed`."""
        self._wake(now)
        if not self._ready:
            return None
        key = self._ready.popleft()
        state = self._states[key]
        state.ready_since, state.working, state.due = None, True, None
        self._schedule(key, state)
        return key

    def done(self, key: Key, now: float, next_look: float | None) -> None:
        """A look succeeded; the next one of its own accord is in `next_look` seconds (None: only when asked)."""
        self._states[key].failures = 0
        self._finish(key, now, next_look)

    def failed(self, key: Key, now: float) -> float:
        """A look failed: try again after 0.2 s, doubling to 60 s, with jitter. Returns the wait in seconds."""
        state = self._states[key]
        wait = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(state.failures, 32)) * self.jitter(0.5, 1.0)
        state.failures += 1
        self._finish(key, now, wait)
        return wait

    def next_due(self) -> float | None:
        """When the next key becomes due, None when none will by itself."""
        while self._heap and not self._is_valid(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def depth(self) -> int:
        """Keys that wait for a worker."""
        return len(self._ready)

    def oldest(self, now: float) -> float:
        """Seconds that the first of them has waited."""
        return max(0.0, now - (self._states[self._ready[0]].ready_since or now)) if self._ready else 0.0

    def _finish(self, key: Key, now: float, next_look: float | None) -> None:
        state = self._states[key]
        state.working = False
        state.due = None if next_look is None else now + next_look
        self._schedule(key, state)
        if state.again:
            state.again = False
            self.add(key, now)
        elif state.due is None and state.asked is None:
            del self._states[key]

    def _wake(self, now: float) -> None:
        while self._heap and self._heap[0][0] <= now:
            item = heapq.heappop(self._heap)
            if not self._is_valid(item):
                continue
            key = item[2]
            state = self._states[key]
            state.due = None if state.due is not None and state.due <= now else state.due
            state.asked = None if state.asked is not None and state.asked <= now else state.asked
            self._schedule(key, state)
            self.add(key, now)

    def _schedule(self, key: Key, state: _State) -> None:
        """Put the key's earlier time on the heap; what stood there of this key before is void."""
        times = [t for t in (state.due, state.asked) if t is not None]
        self._counter += 1
        state.generation = self._counter if times else 0
        if not times:
            return
        heapq.heappush(self._heap, (min(times), self._counter, key))
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._states):
            self._heap = [item for item in self._heap if self._is_valid(item)]
            heapq.heapify(self._heap)

    def _is_valid(self, item: tuple[float, int, Key]) -> bool:
        state = self._states.get(item[2])
        return state is not None and state.generation == item[1]
