"""Requests that arrive together are predicted together; slow models leave the loop; the queue is bounded.

A batch is what is already waiting in this turn of the loop: nobody waits for more to come.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from perennial.runtime.serving.errors import DeadlineExceeded, Overloaded
from perennial.runtime.serving.inputs import Rows, merged

Outputs = dict[str, np.ndarray[Any, Any]]
Predict = Callable[[Rows, tuple[str, ...] | None], Outputs]
Observe = Callable[[Rows, Outputs, list[int], list[int]], None]

INLINE_SECONDS = 0.005
"""A batch that is expected to take longer is predicted in a thread, so that the loop goes on answering."""

SWEEP_SECONDS = 0.25
"""How often waiting requests are looked at for their deadline."""


@dataclass(slots=True)
class Waiting:
    """One request in the queue."""

    rows: Rows
    names: tuple[str, ...] | None
    future: asyncio.Future[Outputs]
    deadline: float  # time.monotonic()
    slot: int


class Batcher:
    """Predicts what waits, batch by batch.

    Args:
        predict: rows and wanted output names → arrays.
        observe: told of each predicted batch: rows, arrays, and hash slot and row count of each request in it.
        max_rows: rows of one batch (a larger request goes alone).
        queue_size: requests that may wait.
        timeout: seconds from arrival to answer.
    """

    def __init__(self, predict: Predict, observe: Observe, *, max_rows: int, queue_size: int, timeout: float) -> None:
        self._predict = predict
        self._observe = observe
        self._max_rows = max_rows
        self._queue_size = queue_size
        self._timeout = timeout
        self._waiting: deque[Waiting] = deque()
        self._running: list[Waiting] = []
        self._predicted: list[tuple[Rows, Outputs, list[int], list[int]]] = []
        self._scheduled = False
        self._thread: ThreadPoolExecutor | None = None
        self._seconds = 0.0  # moving average of a call's fixed part
        self._seconds_per_row = 0.0  # and of its part per row
        self.running_since: float | None = None  # time.monotonic() of the prediction under way
        self.batches = 0
        self.batched_rows = 0

    @property
    def depth(self) -> int:
        """Requests that wait."""
        return len(self._waiting)

    def submit(self, rows: Rows, names: tuple[str, ...] | None, slot: int = 0) -> asyncio.Future[Outputs]:
        """Queue one request of a hash slot.

        Raises:
            Overloaded: the queue is full.
        """
        if len(self._waiting) >= self._queue_size:
            raise Overloaded(f"{len(self._waiting)} requests are waiting already; try again in a moment")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outputs] = loop.create_future()
        self._waiting.append(Waiting(rows, names, future, time.monotonic() + self._timeout, slot))
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._turn)
        return future

    def expire(self, now: float) -> int:
        """Answer requests that are past their deadline; called by a timer. Returns how many."""
        late = [w for w in (*self._running, *self._waiting) if w.deadline <= now and not w.future.done()]
        for one in late:
            one.future.set_exception(
                DeadlineExceeded(f"no prediction within {self._timeout:g} s; try again, or send fewer rows at once")
            )
        if late:
            self._waiting = deque(w for w in self._waiting if not w.future.done())
        return len(late)

    def close(self) -> None:
        """Let the thread go."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)

    def _turn(self) -> None:
        batch = self._next_batch()
        if not batch:
            self._scheduled = False
            return
        rows = sum(w.rows.count for w in batch)
        if self._seconds + self._seconds_per_row * rows > INLINE_SECONDS:
            self._in_thread(batch)
            return
        self.running_since = time.monotonic()
        self._settle(batch, self._run(batch))
        self._again()

    def _again(self) -> None:
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._turn)
        else:
            self._scheduled = False

    def _next_batch(self) -> list[Waiting]:
        """Waiting requests of one form and the same outputs, up to `max_rows`; first come, first served."""
        batch: list[Waiting] = []
        total = 0
        while self._waiting:
            one = self._waiting[0]
            if one.future.done():  # expired, or the client went away
                self._waiting.popleft()
                continue
            if batch and not (total + one.rows.count <= self._max_rows and one.names == batch[0].names):
                break
            batch.append(one)
            total += one.rows.count
            self._waiting.popleft()
        return batch

    def _in_thread(self, batch: list[Waiting]) -> None:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="predict")
        self._running = batch
        self.running_since = time.monotonic()
        loop = asyncio.get_running_loop()
        loop.run_in_executor(self._thread, self._run, batch).add_done_callback(
            lambda done: self._thread_done(batch, done)  # back on the loop
        )

    def _thread_done(self, batch: list[Waiting], done: asyncio.Future[list[Outputs | Exception]]) -> None:
        self._running = []
        if done.cancelled():
            return
        self._settle(batch, done.result())
        self._again()

    def _run(self, batch: list[Waiting]) -> list[Outputs | Exception]:
        """Predict a batch. When it fails as a whole, each request is tried alone, so that one spoils no other."""
        started = time.perf_counter()
        try:
            rows = merged([w.rows for w in batch])
            outputs = self._predict(rows, batch[0].names)
        except Exception as error:
            return [error] if len(batch) == 1 else [self._alone(w) for w in batch]
        self._measure(time.perf_counter() - started, rows.count)
        counts = [w.rows.count for w in batch]
        self._predicted.append((rows, outputs, [w.slot for w in batch], counts))
        return [outputs] if len(batch) == 1 else _split(outputs, counts)

    def _alone(self, one: Waiting) -> Outputs | Exception:
        return self._run([one])[0]

    def _measure(self, seconds: float, rows: int) -> None:
        """Moving averages; few rows tell the fixed part, many rows the part per row."""
        if rows <= 16:
            self._seconds += 0.2 * (seconds - self._seconds)
        else:
            per_row = max(seconds - self._seconds, 0.0) / rows
            self._seconds_per_row += 0.2 * (per_row - self._seconds_per_row)

    def _settle(self, batch: list[Waiting], results: list[Outputs | Exception]) -> None:
        self.running_since = None
        self.batches += 1
        for one, result in zip(batch, results, strict=True):
            self.batched_rows += one.rows.count
            if one.future.done():
                continue
            if isinstance(result, Exception):
                one.future.set_exception(result)
            else:
                one.future.set_result(result)
        for predicted in self._predicted:
            self._observe(*predicted)
        self._predicted.clear()


def _split(outputs: Outputs, counts: list[int]) -> list[Outputs | Exception]:
    parts: list[Outputs | Exception] = []
    start = 0
    for count in counts:
        parts.append({name: values[start : start + count] for name, values in outputs.items()})
        start += count
    return parts
