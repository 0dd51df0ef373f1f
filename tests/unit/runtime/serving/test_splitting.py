import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.api.records.server import SLOTS, RolloutPlan
from perennial.runtime.serving.choice import choose

URL = "http://candidate:8080"


@given(st.integers(0, 2**32 - 1))
def test_without_a_candidate_nothing_leaves(number: int) -> None:
    choice = choose(RolloutPlan(weight=100, mirror=100), None, number)
    assert not choice.forward
    assert not choice.mirror
    assert 0 <= choice.slot < SLOTS


@pytest.mark.parametrize(("weight", "mirror"), [(0, 0), (5, 0), (25, 40), (50, 100), (100, 100)])
def test_shares_are_those_of_the_plan(weight: float, mirror: float) -> None:
    plan = RolloutPlan(rollout="r", candidate_url=URL, weight=weight, mirror=mirror)
    numbers = random.Random(3)
    choices = [choose(plan, None, numbers.getrandbits(32)) for _ in range(40_000)]
    forwarded = sum(c.forward for c in choices) / len(choices)
    assert abs(forwarded - weight / 100) < 0.011  # 4.4 standard deviations
    local = [c for c in choices if not c.forward]
    if local:
        assert abs(sum(c.mirror for c in local) / len(local) - mirror / 100) < 0.016
    assert not any(c.forward and c.mirror for c in choices)


@given(st.binary(max_size=20), st.floats(0, 100), st.floats(0, 100))
def test_who_is_with_the_candidate_stays_there_when_the_weight_grows(value: bytes, one: float, other: float) -> None:
    low, high = sorted((one, other))
    at_low = choose(RolloutPlan(rollout="r-0", sticky_key="r", candidate_url=URL, weight=low), value, 0)
    at_high = choose(RolloutPlan(rollout="r-1", sticky_key="r", candidate_url=URL, weight=high), value, 1)
    assert at_high.forward or not at_low.forward
    assert at_low.slot == at_high.slot


def test_another_rollout_picks_other_users_first() -> None:
    values = [str(i).encode() for i in range(2000)]
    plans = [RolloutPlan(sticky_key=name, candidate_url=URL, weight=10) for name in ("a", "b")]
    first, second = ({v for v in values if choose(plan, v, 0).forward} for plan in plans)
    assert len(first & second) < 0.3 * len(first)


def test_every_slot_gets_its_part_of_either_arm() -> None:
    plan = RolloutPlan(rollout="r", candidate_url=URL, weight=50)
    choices = [choose(plan, str(i).encode(), 0) for i in range(20_000)]
    for forward in (True, False):
        slots = [c.slot for c in choices if c.forward is forward]
        assert all(90 < slots.count(slot) < 230 for slot in range(SLOTS))
