"""A status is stored as it is unless it says something else."""

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
from hypothesis import given

from perennial.reconcile.status import LONGEST_MESSAGE, settle

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def condition(status: str = "True", reason: str = "Made", message: str = "m", type: str = "Ready") -> dict:
    return {"type": type, "status": status, "reason": reason, "message": message}


def stored(*conditions: dict, **rest) -> dict:
    return settle({}, {"conditions": conditions, **rest}, generation=1, now=NOW)


def test_the_same_decision_later_is_the_same_status() -> None:
    old = stored(condition(), version={"number": 1})
    assert settle(old, {"conditions": [condition()], "version": {"number": 1}}, generation=1, now=LATER) == old


def test_a_transition_time_that_a_decision_carries_is_noise() -> None:
    old = stored(condition())
    fresh = {**condition(), "lastTransitionTime": "2026-09-09T00:00:00Z"}
    assert settle(old, {"conditions": [fresh]}, generation=1, now=LATER) == old


def test_the_transition_time_moves_with_the_status_alone() -> None:
    old = stored(condition())
    same = settle(old, {"conditions": [condition(reason="Other")]}, generation=1, now=LATER)
    other = settle(old, {"conditions": [condition(status="False")]}, generation=1, now=LATER)
    assert same["conditions"][0]["lastTransitionTime"] == "2026-01-02T03:04:05Z"
    assert other["conditions"][0]["lastTransitionTime"] == "2026-01-02T04:04:05Z"


def test_the_generation_that_was_looked_at_stands_everywhere() -> None:
    new = settle(stored(condition()), {"conditions": [condition()]}, generation=2, now=LATER)
    assert new["observedGeneration"] == 2
    assert new["conditions"][0]["observedGeneration"] == 2
    assert new["conditions"][0]["lastTransitionTime"] == "2026-01-02T03:04:05Z"


def test_what_is_no_longer_said_is_gone() -> None:
    old = stored(condition(), condition(type="Stalled"), failure={"reason": "OutOfMemory"})
    new = settle(old, {"conditions": [condition()], "failure": None}, generation=1, now=LATER)
    assert new == stored(condition())


def test_a_message_longer_than_the_schema_allows_is_cut() -> None:
    message = settle({}, {"conditions": [condition(message="x" * 5000)]}, generation=1, now=NOW)["conditions"][0][
        "message"
    ]
    assert len(message) == LONGEST_MESSAGE
    assert message.endswith("…")


conditions = st.lists(
    st.builds(condition, st.sampled_from(["True", "False", "Unknown"]), st.sampled_from("AB"), st.text(max_size=9)),
    max_size=1,
)


@given(conditions, conditions, st.integers(1, 3))
def test_settling_twice_changes_nothing(before: list[dict], after: list[dict], generation: int) -> None:
    once = settle(stored(*before), {"conditions": after}, generation=generation, now=LATER)
    again = settle(once, {"conditions": after}, generation=generation, now=LATER + timedelta(days=1))
    assert again == once
