"""Windows: cumulative files replaced in place, one sum a slot."""

from datetime import UTC, datetime, timedelta

import pytest

from perennial.store import ObjectStore
from perennial.store.layout import WindowKeys
from perennial.store.windows import Windows

SLOT = datetime(2026, 3, 1, 14, tzinfo=UTC)
NEXT = SLOT + timedelta(hours=1)


@pytest.fixture
def windows(store: ObjectStore) -> Windows:
    return Windows(store, WindowKeys("team", "uid-1", "sha256:" + "ab" * 32))


def test_a_pod_s_later_count_replaces_its_earlier_one(windows: Windows) -> None:
    windows.put(SLOT, "p-1", "b0", b"1")
    windows.put(SLOT, "p-1", "b0", b"2")
    windows.put(SLOT, "p-1", "b1", b"3")
    windows.put(SLOT, "p-0", "b0", b"4")
    assert [f.body for f in windows.files(SLOT)] == [b"4", b"2", b"3"]


def test_slots_are_listed_in_time_and_apart_for_each_artifact(windows: Windows, store: ObjectStore) -> None:
    other = Windows(store, WindowKeys("team", "uid-1", "sha256:" + "cd" * 32))
    assert windows.slots() == []
    windows.put(NEXT, "p", "b", b"")
    windows.put(SLOT, "p", "b", b"")
    other.put(SLOT - timedelta(hours=5), "p", "b", b"")
    store.put("team/_windows/uid-1/" + "ab" * 32 + "/no-slot/p-b.json", b"")
    assert windows.slots() == [SLOT, NEXT]


def test_the_first_sum_stays_and_is_no_file_of_a_pod(windows: Windows) -> None:
    windows.put(SLOT, "p", "b", b"1")
    assert windows.total(SLOT) is None
    assert windows.put_total(SLOT, b"sum") == b"sum"
    assert windows.put_total(SLOT, b"another") == b"sum"
    assert windows.total(SLOT) == b"sum"
    assert [f.body for f in windows.files(SLOT)] == [b"1"]


def test_the_newest_write_of_a_slot_is_told_by_the_clock_of_the_store(windows: Windows, store: ObjectStore) -> None:
    assert windows.newest(SLOT) is None
    windows.put(SLOT, "p", "b", b"1")
    assert abs(windows.newest(SLOT) - store.clock()) < timedelta(seconds=5)
