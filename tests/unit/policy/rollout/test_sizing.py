"""Scaling down waits for a rollout and five minutes of calm; scaling up never waits."""

from datetime import timedelta

import pytest

from perennial.policy.rollout import Move, RolloutState, advance
from perennial.policy.rollout.sizing import CALM, full_size, held_back
from tests.unit.policy.rollout.test_advance import GOOD, ONE, RULES, T0, TWO, facts, stable_one, walk

SECOND = timedelta(seconds=1)


def stepping() -> RolloutState:
    prepared = advance(stable_one(), facts(TWO, ONE), RULES, T0).state
    return advance(prepared, facts(TWO, ONE, TWO), RULES, T0).state


@pytest.mark.parametrize("asked", [3, 4, 9])
def test_as_many_or_more_are_given_at_once_in_the_middle_of_a_rollout(asked: int) -> None:
    assert full_size(asked, 3, stepping(), T0).replicas == asked


def test_fewer_wait_while_a_candidate_is_on_its_way() -> None:
    size = full_size(1, 3, stepping(), T0)
    assert (size.replicas, size.until) == (3, None)
    assert "from 3 to 1 replicas waits" in size.message


def test_none_at_all_is_a_switch_off_and_never_waits() -> None:
    assert full_size(0, 3, stepping(), T0).replicas == 0


def test_fewer_wait_in_the_bake_and_five_minutes_after_it() -> None:
    done, events, _ = walk(stepping(), T0, RULES, facts(TWO, ONE, TWO, verdict=GOOD), timedelta(hours=3))
    assert events[-1] == "Promoted"
    end = done.history[-1].at
    assert full_size(1, 3, done, end + CALM - SECOND).until == end + CALM
    assert full_size(1, 3, done, end + CALM).replicas == 1


def test_the_first_version_may_shrink_at_once_and_one_without_pods_has_nothing_to_hold() -> None:
    assert full_size(1, 3, stable_one(), T0).replicas == 1
    assert full_size(1, None, stepping(), T0).replicas == 1


def test_what_waits_is_told_and_looked_at_again() -> None:
    move = Move(stable_one(), "Stable", "", timedelta(hours=1))
    size = full_size(1, 3, stable_one().recorded(TWO, "RolledBack", "", T0), T0)
    told = held_back(move, size, T0)
    assert "waits until the rollout has been over" in told.message
    assert told.check_after == CALM
    assert held_back(move, full_size(3, 3, stable_one(), T0), T0) is move
