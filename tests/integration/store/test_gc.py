"""Removal from a real store: what goes is gone, what stays works, and a death half-way harms nothing."""

from datetime import datetime, timedelta
from itertools import count

import pytest

from perennial.api.records.run import VersionRecord
from perennial.store import ObjectStore
from perennial.store.errors import Corrupt
from perennial.store.gc import Live, Plan, collect, plan, sweep
from perennial.store.layout import WindowKeys
from perennial.store.registry import Registry
from perennial.store.windows import Windows
from tests.support.faulty_store import Killed, killed_at
from tests.support.run_records import run_record

AT = "2026-03-01T14:00:00Z"
KEPT, DEAD, REFUSED, LIVE = (run_record(name) for name in ("kept", "dead", "refused", "live"))
WINDOWS = WindowKeys("team", "uid", "sha256:" + "cd" * 32)


@pytest.fixture
def filled(store: ObjectStore) -> ObjectStore:
    registry = Registry(store, "team", "flights")
    for run in (KEPT, DEAD, REFUSED, LIVE):
        registry.runs.freeze_request(run.run_digest, b"{}")
        store.put(registry.keys.attempt(run.run_digest, run.attempt, "model.skops"), b"model")
        registry.runs.publish(run)
    store.put(registry.keys.attempt(KEPT.run_digest, "lost", "model.skops"), b"lost")
    store.put(registry.keys.checkpoint(KEPT.run_digest, "lost", "1"), b"checkpoint")
    store.put(registry.keys.request("sha256:" + "0" * 64), b"never finished")
    registry.evaluations.write(DEAD.run_digest, "e" * 64, {"result": "Failed"})
    for run in (KEPT, REFUSED):
        registry.versions.claim(run.run_digest, "t", at=AT)
    registry.versions.set_state(2, "Refused", reasons=["GateFailed"], at=AT)
    lost = VersionRecord(number=3, run_digest=DEAD.run_digest, token="t", state="Abandoned")
    store.put(registry.keys.version(3), lost.to_json())
    registry.aliases.move("approved", number=1, run_digest=KEPT.run_digest, by="uid/a", at=AT)
    Windows(store, WINDOWS).put(datetime.fromisoformat(AT), "p", "b", b"{}")
    store.put(WINDOWS.scores(datetime.fromisoformat(AT), "p", 1), b"id, time, score")
    store.put("team/_owner.json", b"{}")
    store.put("team/flights/notes.txt", b"put here by a person")
    store.put("team/_windows/notes.txt", b"put here by a person")
    store.put("other/flights/runs/x/run.json", b"another namespace")
    return store


def later(store: ObjectStore, days: float) -> Plan:
    """The plan that would be made so many days from now, with one run held by a live object."""
    live = Live(runs=frozenset({LIVE.run_digest}))
    return plan(collect(store, "team"), live, store.clock() + timedelta(days=days))


def keys(store: ObjectStore) -> set[str]:
    return {o.key for o in store.list()}


def test_nothing_goes_in_the_first_seven_days(filled: ObjectStore) -> None:
    assert later(filled, 6.9).groups == ()


def test_after_that_the_dead_run_and_what_is_left_over_go_and_the_rest_stays(filled: ObjectStore) -> None:
    before = keys(filled)
    swept = sweep(filled, later(filled, 8))
    gone = before - keys(filled)
    registry = Registry(filled, "team", "flights")
    assert gone == {
        registry.keys.run_pointer(DEAD.run_key),
        registry.keys.run(DEAD.run_digest),
        registry.keys.request(DEAD.run_digest),
        registry.keys.attempt(DEAD.run_digest, DEAD.attempt, "model.skops"),
        registry.keys.evaluation(DEAD.run_digest, "e" * 64),
        registry.keys.attempt(KEPT.run_digest, "lost", "model.skops"),
        registry.keys.checkpoint(KEPT.run_digest, "lost", "1"),
        registry.keys.request("sha256:" + "0" * 64),
    }
    assert sum(len(g.objects) for g in swept.removed) == len(gone)
    for run in (KEPT, REFUSED, LIVE):
        assert registry.runs.find(run.run_key) == run
    assert registry.runs.find(DEAD.run_key) is None
    assert later(filled, 8).groups == ()


def test_windows_go_after_35_days(filled: ObjectStore) -> None:
    start = datetime.fromisoformat(AT)
    sweep(filled, later(filled, 34))
    assert len(list(Windows(filled, WINDOWS).files(start))) == 1
    assert len(list(filled.list(WINDOWS.score_log))) == 1
    sweep(filled, later(filled, 36))
    assert list(Windows(filled, WINDOWS).files(start)) == []
    assert list(filled.list(WINDOWS.score_log)) == []
    assert filled.head("team/_windows/notes.txt") is not None


def test_a_dry_run_tells_the_same_and_removes_nothing(filled: ObjectStore) -> None:
    before, what = keys(filled), later(filled, 8)
    told = sweep(filled, what, dry_run=True)
    assert keys(filled) == before
    assert told == sweep(filled, what)
    assert told.bytes > 0


def test_a_run_that_got_a_version_since_the_plan_stays(filled: ObjectStore) -> None:
    what = later(filled, 8)
    registry = Registry(filled, "team", "flights")
    registry.versions.claim(DEAD.run_digest, "late", at=AT)
    swept = sweep(filled, what)
    assert [DEAD.run_digest in group.what for group in swept.spared] == [True]
    assert registry.runs.find(DEAD.run_key) == DEAD


def test_a_death_at_any_removal_leaves_no_half_run_and_the_next_sweep_ends_it(filled: ObjectStore) -> None:
    registry = Registry(filled, "team", "flights")
    for write in count(1):
        what = later(filled, 8)
        total = sum(len(g.objects) for g in what.groups)
        if not total:
            break
        try:
            sweep(killed_at(filled, min(write, total), after=True), what)
        except Killed:
            assert filled.head(registry.keys.request(DEAD.run_digest)) or not registry.runs.read(DEAD.run_digest)
    assert not registry.runs.exists(DEAD.run_digest)
    assert registry.runs.find(KEPT.run_key) == KEPT
    assert write > 2


@pytest.mark.parametrize("key", ["versions/00000001.json", "aliases/approved.json"])
def test_nothing_is_planned_while_a_reference_cannot_be_read(filled: ObjectStore, key: str) -> None:
    filled.put(f"team/flights/{key}", b"{")
    with pytest.raises(Corrupt):
        collect(filled, "team")
