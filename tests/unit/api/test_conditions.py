"""Conditions: when time moves, what disappears, what stays."""

from datetime import UTC, datetime, timedelta
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from perennial.api import Condition, condition, is_true, with_condition, without_condition
from perennial.api.conditions import ConditionStatus

THEN = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = THEN + timedelta(hours=1)


def first() -> list[Condition]:
    return with_condition([], "Ready", False, "WaitingForFirstVersion", "soon", generation=1, now=THEN)


def test_a_condition_carries_all_that_kubernetes_wants() -> None:
    assert first()[0].to_json_dict() == {
        "type": "Ready",
        "status": "False",
        "reason": "WaitingForFirstVersion",
        "message": "soon",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T12:00:00Z",
    }


def test_time_does_not_move_while_the_status_stays() -> None:
    again = with_condition(first(), "Ready", False, "NoReadyPod", "why", generation=2, now=LATER)
    found = condition(again, "Ready")
    assert found is not None
    assert (found.reason, found.observed_generation) == ("NoReadyPod", 2)
    assert found.last_transition_time == "2026-01-01T12:00:00Z"


def test_time_moves_when_the_status_flips() -> None:
    flipped = with_condition(first(), "Ready", True, "Serving", generation=1, now=LATER)
    assert flipped[0].last_transition_time == "2026-01-01T13:00:00Z"
    assert is_true(flipped, "Ready")


def test_an_abnormal_condition_is_there_only_while_it_is_true() -> None:
    stalled = with_condition(first(), "Stalled", True, "SpecInvalid", generation=1, now=THEN)
    assert is_true(stalled, "Stalled")
    assert with_condition(stalled, "Stalled", False, "Serving", generation=1, now=LATER) == first()
    assert with_condition(first(), "Reconciling", "Unknown", "Running", generation=1, now=LATER) == first()


def test_other_conditions_and_their_order_are_kept() -> None:
    two = with_condition(first(), "Available", True, "MinimumReplicas", generation=1, now=THEN)
    changed = with_condition(two, "Ready", True, "Serving", generation=2, now=LATER)
    assert [c.type for c in changed] == ["Ready", "Available"]
    assert changed[1] == two[1]
    assert [c.type for c in without_condition(changed, "Ready")] == ["Available"]


def test_setting_the_same_twice_changes_nothing() -> None:
    assert with_condition(first(), "Ready", False, "WaitingForFirstVersion", "soon", generation=1, now=LATER) == first()


def test_a_message_that_is_too_long_for_the_server_is_cut() -> None:
    long = with_condition([], "Ready", False, "GateFailed", "x" * 3000, generation=1, now=THEN)
    assert len(long[0].message) <= 1024


TYPES = st.sampled_from(["Ready", "Available", "Stalled", "Reconciling"])
STATUSES = st.sampled_from(get_args(ConditionStatus))


@given(st.lists(st.tuples(TYPES, STATUSES), max_size=20))
def test_no_type_ever_stands_twice_and_none_abnormal_untrue(steps: list[tuple[str, ConditionStatus]]) -> None:
    held: list[Condition] = []
    for i, (type_, status) in enumerate(steps):
        held = with_condition(
            held,
            type_,
            status,
            "Some",
            generation=i,
            now=THEN,
        )
    assert len({c.type for c in held}) == len(held)
    assert all(c.status == "True" for c in held if c.type in ("Stalled", "Reconciling"))
    last = dict(steps)
    assert {c.type: c.status for c in held if c.type in ("Ready", "Available")} == {
        t: s for t, s in last.items() if t in ("Ready", "Available")
    }
