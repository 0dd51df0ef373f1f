"""What goes and what stays, decided from an inventory alone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.store.gc import Inventory, Live, ModelInventory, RunInventory, plan
from perennial.store.layout import ModelKeys, WindowKeys
from perennial.store.objects import ObjectInfo

NOW = datetime(2026, 6, 1, tzinfo=UTC)
KEYS = ModelKeys("team", "m")
RUN = "ab" * 32
DIGEST = f"sha256:{RUN}"
WINDOWS = WindowKeys("team", "uid", "cd" * 32)


def stored(key: str, days: float, size: int = 10) -> ObjectInfo:
    """An object that was written so many days ago."""
    return ObjectInfo(key, size, last_modified=NOW - timedelta(days=days))


def a_run(days: float = 100, attempt: str = "", **ages: float) -> RunInventory:
    """A run with two attempts; `ages` gives some of its objects another age."""
    keys = {
        "pointer": KEYS.run_pointer("k"),
        "request": KEYS.request(RUN),
        "model": KEYS.attempt(RUN, "won", "model.skops"),
        "lost": KEYS.attempt(RUN, "lost", "model.skops"),
        "checkpoint": KEYS.checkpoint(RUN, "won", "1"),
        "run": KEYS.run(RUN),
        "verdict": KEYS.evaluation(RUN, "e"),
    }
    made = {name: stored(key, ages.get(name, days)) for name, key in keys.items()}
    objects = tuple(made[n] for n in ("request", "model", "lost", "checkpoint", "run"))
    return RunInventory(DIGEST, objects, (made["verdict"],), (made["pointer"],), attempt)


def of_model(run: RunInventory, referred: frozenset[str] = frozenset()) -> Inventory:
    return Inventory("team", (ModelInventory("m", (run,), referred),))


def removed(inventory: Inventory, live: Live | None = None) -> list[str]:
    return [o.key for group in plan(inventory, live or Live(), NOW).groups for o in group.objects]


def test_a_run_that_nothing_refers_to_goes_whole_pointer_and_run_json_first() -> None:
    gone = removed(of_model(a_run()))
    assert gone[:2] == [KEYS.run_pointer("k"), KEYS.run(RUN)]
    assert len(gone) == 7


@pytest.mark.parametrize(
    ("referred", "live"),
    [(frozenset({DIGEST}), Live()), (frozenset(), Live(runs=frozenset({DIGEST})))],
    ids=["by a version or alias", "by a live object"],
)
def test_a_run_that_something_refers_to_stays_however_old(referred: frozenset[str], live: Live) -> None:
    assert removed(of_model(a_run(days=5000), referred), live) == []


def test_what_an_unfinished_run_has_left_stays_while_a_training_of_its_model_is_not_over() -> None:
    whole = a_run()
    begun = RunInventory(DIGEST, tuple(o for o in whole.objects if o.key != KEYS.run(RUN)), pointers=whole.pointers)
    assert removed(of_model(begun), Live(working=frozenset({"m"}))) == []
    assert len(removed(of_model(begun), Live(working=frozenset({"another"})))) == 5
    assert len(removed(of_model(whole), Live(working=frozenset({"m"})))) == 7


@pytest.mark.parametrize("young", ["pointer", "request", "model", "lost", "checkpoint", "run", "verdict"])
def test_one_young_object_keeps_its_whole_run(young: str) -> None:
    assert removed(of_model(a_run(**{young: 6.9}))) == []
    assert len(removed(of_model(a_run(**{young: 7.1})))) == 7


def test_of_a_finished_run_that_stays_only_lost_attempts_and_checkpoints_go() -> None:
    gone = removed(of_model(a_run(attempt="won"), frozenset({DIGEST})))
    assert sorted(gone) == sorted([KEYS.attempt(RUN, "lost", "model.skops"), KEYS.checkpoint(RUN, "won", "1")])
    assert removed(of_model(a_run(attempt="won", lost=6), frozenset({DIGEST}))) == []


def test_an_attempt_whose_name_begins_like_the_winner_s_is_not_spared_for_it() -> None:
    objects = (stored(KEYS.attempt(RUN, "won-2", "f"), 50), stored(KEYS.attempt(RUN, "won", "f"), 50))
    run = RunInventory(DIGEST, objects, attempt="won")
    assert removed(of_model(run, frozenset({DIGEST}))) == [KEYS.attempt(RUN, "won-2", "f")]


def test_a_run_is_spared_if_a_version_is_claimed_before_it_goes() -> None:
    (group,) = plan(of_model(a_run()), Live(), NOW).groups
    assert group.unless == KEYS.version_of_run(RUN)


@pytest.mark.parametrize(("ages", "gone"), [((36, 36), 2), ((36, 34), 0), ((34, 34), 0)])
def test_a_slot_of_windows_goes_whole_after_35_days(ages: tuple[float, float], gone: int) -> None:
    slot = NOW - timedelta(days=40)
    files = (stored(WINDOWS.window(slot, "p", "b"), ages[0]), stored(WINDOWS.total(slot), ages[1]))
    assert len(removed(Inventory("team", windows=files))) == gone


def test_score_logs_go_five_weeks_after_their_labels_may_have_come() -> None:
    key = "team/_payloads/uid/abc/scores/20260101T000000Z/pod-1.parquet"
    waits = Live(labels_delay={"uid": timedelta(days=60)})
    assert removed(Inventory("team", scores=(stored(key, 36),)), Live()) == [key]
    assert removed(Inventory("team", scores=(stored(key, 34),)), Live()) == []
    assert removed(Inventory("team", scores=(stored(key, 94),)), waits) == []
    assert removed(Inventory("team", scores=(stored(key, 96),)), waits) == [key]


def test_payloads_are_kept_as_long_as_their_deployment_says_and_never_less_than_7_days() -> None:
    old, young = WINDOWS.payload(NOW - timedelta(days=8), "p", 1), WINDOWS.payload(NOW - timedelta(days=6), "p", 1)
    inventory = Inventory("team", payloads=(stored(old, 8), stored(young, 6)))
    assert removed(inventory) == []
    assert removed(inventory, Live(payloads_kept={"uid": timedelta(days=1)})) == [old]
    assert removed(inventory, Live(payloads_kept={"another": timedelta(days=1)})) == []


def test_logs_go_after_35_days_unless_a_status_names_them() -> None:
    logs = (stored(KEYS.log("j", "old"), 36), stored(KEYS.log("j", "named"), 36), stored(KEYS.log("j", "young"), 34))
    inventory = Inventory("team", (ModelInventory("m", (), logs=logs),))
    assert removed(inventory, Live(keys=frozenset({KEYS.log("j", "named")}))) == [KEYS.log("j", "old")]


def test_left_probes_go_after_7_days() -> None:
    assert removed(Inventory("team", probes=(stored("_probe/a", 8), stored("_probe/b", 6)))) == ["_probe/a"]


def test_an_object_without_a_time_is_never_old() -> None:
    assert removed(Inventory("team", probes=(ObjectInfo("_probe/a", 1),))) == []


def test_the_oldest_go_first() -> None:
    slots = [NOW - timedelta(days=d) for d in (50, 90, 70)]
    files = tuple(stored(WINDOWS.window(s, "p", "b"), (NOW - s).days) for s in slots)
    assert removed(Inventory("team", windows=files)) == [WINDOWS.window(s, "p", "b") for s in sorted(slots)]


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 60), st.booleans()), max_size=30))
def test_no_plan_ever_holds_anything_young_or_referred_to(rows: list[tuple[int, float, bool]]) -> None:
    runs, referred = [], set()
    for number, days, keep in rows:
        digest = f"sha256:{number:064d}"
        runs.append(RunInventory(digest, (stored(KEYS.run(digest), days),)))
        if keep:
            referred.add(digest)
    groups = plan(Inventory("team", (ModelInventory("m", tuple(runs), frozenset(referred)),)), Live(), NOW).groups
    for group in groups:
        assert group.newest < NOW - timedelta(days=7)
        assert not any(digest.removeprefix("sha256:") in group.objects[0].key for digest in referred)
