"""Counters of several pods, added up."""

from perennial.api.records.arms import ArmCounts, ArmsReport, PredictionCounts, ShadowCounts, SlotCounts
from perennial.policy.rollout.arms import arms_of, baking_arms


def arm(requests: int = 0, errors: int = 0, slot: int = 3, rows: int = 0, **more: int) -> ArmCounts:
    predicted = PredictionCounts(
        rows=rows, counts=[rows, 0], squares=[rows**2, 0.0], cross=[rows**2, 0.0], slot_rows_squared=rows**2
    )
    return ArmCounts(
        version="2",
        requests=requests,
        errors=errors,
        latency={100: requests},
        slots={slot: SlotCounts(requests=requests, errors=errors, latency={100: requests})},
        predictions={"1": predicted} if rows else {},
        **more,
    )


def report(
    own: ArmCounts, candidate: ArmCounts | None = None, rollout: str = "now", **more: ShadowCounts
) -> ArmsReport:
    return ArmsReport(pod="p", boot_id="b", rollout=rollout, own=own, candidate=candidate, **more)


def test_pods_are_added_up_slot_by_slot_and_the_candidates_predictions_come_from_its_own_pods() -> None:
    stable = [report(arm(100, 1, rows=100), arm(10, 2)), report(arm(50, slot=4, rows=50), arm(5, 1, slot=4))]
    both = arms_of("now", stable, [report(arm(15, rows=15, non_finite=3))])
    assert (both.stable.requests, both.stable.errors, both.stable.latency) == (150, 1, {100: 150})
    assert {n: (s.requests, s.errors) for n, s in both.candidate.slots.items()} == {3: (10, 2), 4: (5, 1)}
    assert both.candidate.predictions["1"].rows == 15
    assert both.stable.predictions["1"].squares == [100.0**2 + 50.0**2, 0.0]
    assert (both.reports, both.predicting) == (2, 1)


def test_values_that_are_no_numbers_are_those_that_the_candidates_own_pods_saw() -> None:
    both = arms_of("now", [report(arm(100), arm(10))], [report(arm(5, non_finite=3)), report(arm(5, non_finite=4))])
    assert (both.candidate.non_finite, both.stable.non_finite) == (7, 0)


def test_a_pod_that_still_counts_for_another_step_is_left_out() -> None:
    stable = [report(arm(100), arm(10)), report(arm(999, 999), arm(999, 999), rollout="before")]
    both = arms_of("now", stable, [report(arm(5, rows=5), rollout="before")])
    assert (both.stable.requests, both.candidate.requests, both.candidate.predictions) == (100, 10, {})
    assert (both.reports, both.predicting) == (1, 0)


def test_pairs_of_a_shadow_are_added_and_the_largest_difference_stays_the_largest() -> None:
    shadows = [ShadowCounts(pairs=2, rows=4, disagreements=1, absolute=0.5, largest=0.4), ShadowCounts(largest=0.9)]
    both = arms_of("now", [report(arm(1), arm(1), shadow=s) for s in shadows], [])
    assert both.shadow == ShadowCounts(pairs=2, rows=4, disagreements=1, absolute=0.5, largest=0.9)
    assert arms_of("now", [report(arm(1), arm(1))], []).shadow is None


def test_while_baking_a_request_that_was_sent_on_counts_once_and_one_that_failed_on_the_way_is_an_error() -> None:
    new = [report(arm(1000, 5))]
    previous = [report(arm(7, 7), arm(40, 2, slot=9)), report(arm(), arm(9, 9), rollout="before")]
    baking = baking_arms("now", new, previous)
    assert (baking.candidate.requests, baking.candidate.errors) == (1002, 7)
    assert baking.candidate.slots[9].errors == 2
    assert baking.stable.requests == 0
