"""The flusher: cumulative files in a real folder store, restarts, outages, shutdown."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from perennial.api.records.signature import InputColumn, Signature
from perennial.api.records.window import WindowRecord
from perennial.runtime.monitoring import Counters, WindowFlusher, build_profile
from perennial.stats.windows import sum_windows
from perennial.store import open_store
from perennial.store.errors import Unreachable
from perennial.store.layout import WindowKeys
from perennial.store.objects import ObjectStore

HOUR = 1_700_000_400 // 3600 * 3600
KEYS = WindowKeys("shop", "uid-1", "sha256:" + "a" * 64)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = HOUR + 10.0

    def __call__(self) -> float:
        return self.now


def _counters() -> Counters:
    inputs = [InputColumn(name="x", kind="numeric", datatype="FP64")]
    table = {"x": np.random.default_rng(0).normal(size=1000)}
    return Counters(build_profile(table, Signature(task="Regression", inputs=inputs, outputs=[])))


def _observe(counters: Counters, rows: int, at: float) -> None:
    counters.observe({"x": np.zeros(rows)}, {}, at)


def _files(store: ObjectStore) -> list[WindowRecord]:
    return [WindowRecord.from_json(store.get(o.key).body) for o in store.list(KEYS.windows)]


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(tmp_path.as_uri())


def _flusher(counters: Counters, store: ObjectStore, clock: Clock, boot: str = "b1") -> WindowFlusher:
    return WindowFlusher(counters, store, KEYS, pod="pod-0", boot=boot, clock=clock)


async def test_a_slots_file_is_replaced_by_a_fuller_one_and_unchanged_slots_are_not_written(store: ObjectStore) -> None:
    counters, clock = _counters(), Clock()
    flusher = _flusher(counters, store, clock)
    _observe(counters, 3, clock.now)
    assert await flusher.flush() == 1
    assert await flusher.flush() == 0
    _observe(counters, 4, clock.now)
    assert await flusher.flush() == 1
    assert [(f.rows, f.complete) for f in _files(store)] == [(7, False)]


async def test_a_restarted_pod_adds_a_file_and_the_sum_holds_both_lives(store: ObjectStore) -> None:
    clock = Clock()
    for boot, rows in (("b1", 5), ("b2", 6)):
        counters = _counters()
        _observe(counters, rows, clock.now)
        await _flusher(counters, store, clock, boot).flush(last=True)
    total = sum_windows(_files(store))
    assert (total.rows, total.writers, total.complete) == (11, 2, True)


async def test_a_killed_pod_loses_only_what_came_after_its_last_flush_and_the_sum_says_so(store: ObjectStore) -> None:
    counters, clock = _counters(), Clock()
    flusher = _flusher(counters, store, clock)
    _observe(counters, 5, clock.now)
    await flusher.flush()
    _observe(counters, 2, clock.now)
    total = sum_windows(_files(store))
    assert (total.rows, total.complete) == (5, False)


async def test_a_slot_is_complete_only_when_written_after_its_end(store: ObjectStore) -> None:
    counters, clock = _counters(), Clock()
    flusher = _flusher(counters, store, clock)
    _observe(counters, 5, clock.now)
    await flusher.flush()
    clock.now = HOUR + 3600
    await flusher.flush()
    assert [(f.rows, f.complete) for f in _files(store)] == [(5, True)]
    clock.now = HOUR + 7200
    await flusher.flush()
    assert counters.slots == []


async def test_an_outage_of_storage_loses_nothing(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    counters, clock = _counters(), Clock()
    flusher = _flusher(counters, store, clock)
    _observe(counters, 5, clock.now)

    def refuse(*args: object, **kwargs: object) -> str:
        raise Unreachable("storage at 127.0.0.1 does not answer")

    with monkeypatch.context() as outage:
        outage.setattr(type(store), "put", refuse)
        clock.now = HOUR + 3700
        assert await flusher.flush() == 0
        assert flusher.failures == 1
        clock.now = HOUR + 4 * 3600
        await flusher.flush()
    assert await flusher.flush() == 1
    assert [f.rows for f in _files(store)] == [5]


async def test_being_told_to_stop_writes_what_was_counted_as_complete(store: ObjectStore) -> None:
    counters, stop = _counters(), asyncio.Event()
    clock = Clock()
    running = asyncio.create_task(_flusher(counters, store, clock).run(stop))
    await asyncio.sleep(0.05)
    _observe(counters, 9, clock.now)
    stop.set()
    await asyncio.wait_for(running, 5)
    assert [(f.rows, f.complete) for f in _files(store)] == [(9, True)]


def test_pods_do_not_flush_at_the_same_moment(store: ObjectStore) -> None:
    flusher = _flusher(_counters(), store, Clock())
    pauses = {flusher._pause() for _ in range(100)}
    assert min(pauses) >= 240
    assert max(pauses) - min(pauses) > 60
