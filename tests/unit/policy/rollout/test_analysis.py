"""The verdict on one step: when it is judged, what fails it, and what the rows tell people."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perennial.api.deployment_status import CandidateStatus
from perennial.api.records.arms import ArmCounts, PredictionCounts, ShadowCounts
from perennial.api.records.profile import OutputReference, Profile
from perennial.api.rollout import Analysis, Rollout
from perennial.policy.rollout import Rules, StepRule
from perennial.policy.rollout.analysis import analyse, gross, score_edges
from perennial.policy.rollout.analysis.clustering import Share
from perennial.policy.rollout.analysis.error_rate import accepted
from perennial.policy.rollout.analysis.latency import quantile
from perennial.policy.rollout.analysis.shift import clustering
from perennial.policy.rollout.arms import Arms
from tests.support.simulated_arms import Arm, Model, arms

STABLE = Model()
DEFAULT = Rules.of(Rollout())


def both(candidate: Model = STABLE, *, stable: Model = STABLE, many: int = 20_000, times: int = 5) -> Arms:
    rng = np.random.default_rng(1)
    old, new = Arm(stable, rng), Arm(candidate, rng)
    old.serve(many * times)
    new.serve(many)
    return arms(old, new)


def rules(*analysis: Analysis, least: int = 0) -> Rules:
    return replace(DEFAULT, analysis=analysis, steps=(StepRule(10, least),))


ERRORS = Analysis(metric="errorRate", max=0.01)
P95 = Analysis(metric="latencyP95", max_ratio=1.2)
SHIFT = Analysis(metric="predictionShift", max=0.2)


def test_a_step_is_not_judged_before_it_is_due_and_then_passes_on_complete_evidence() -> None:
    waiting, rows = analyse(both(), DEFAULT, 0, due=False)
    assert waiting.result == "Short"
    assert {r.result for r in rows} == {"Waiting"}
    passed, rows = analyse(both(), DEFAULT, 0, due=True)
    assert passed.result == "Passed"
    assert [(r.metric, r.result) for r in rows] == [
        ("errorRate", "Passed"),
        ("latencyP95", "Passed"),
        ("predictionShift", "Passed"),
    ]


def test_what_is_missing_is_told_with_what_the_requests_so_far_exclude() -> None:
    verdict, rows = analyse(both(many=2000), DEFAULT, 0, due=True)
    assert verdict.result == "Short"
    assert rows[0].needed is not None
    assert f"errorRate needs {rows[0].needed} requests, 2000 were counted" in verdict.message
    assert rows[0].excludes.startswith("an error rate above")


def test_a_harm_is_not_acted_on_before_the_evidence_is_complete_unless_time_is_over() -> None:
    bad = both(Model(error_rate=0.03), many=3000)
    assert analyse(bad, DEFAULT, 0, due=True)[0].result == "Short"
    late, rows = analyse(bad, DEFAULT, 0, due=True, late=True)
    assert (late.result, late.reason) == ("Failed", "AnalysisFailed")
    assert rows[0].result == "Failed"
    assert "2.93% of 3000 requests failed, stable 0.91%; at most 1.16% may" in late.message


def test_when_time_is_over_what_is_not_beyond_its_limit_is_said_to_lack_evidence() -> None:
    verdict, rows = analyse(both(many=2000), DEFAULT, 0, due=True, late=True)
    assert verdict.result == "Short"
    assert [r.result for r in rows] == ["NotEnoughEvidence", "Passed", "Passed"]


def test_the_spec_can_ask_for_more_requests_than_the_evidence_needs_and_never_for_fewer() -> None:
    enough = both(many=20_000)
    verdict, rows = analyse(enough, rules(P95, least=30_000), 0, due=True)
    assert (verdict.result, rows[0].needed) == ("Short", 30_000)
    assert analyse(enough, rules(P95, least=10), 0, due=True)[1][0].needed > 100  # type: ignore[operator]


def test_without_any_analysis_a_step_passes_on_its_requests_alone() -> None:
    assert analyse(both(many=100), rules(least=200), 0, due=True)[0].result == "Short"
    assert analyse(both(many=200), rules(least=200), 0, due=True)[0].result == "Passed"


def test_nothing_is_judged_of_arms_that_counted_nothing() -> None:
    verdict, rows = analyse(Arms(ArmCounts(), ArmCounts()), DEFAULT, 0, due=True)
    assert verdict.result == "Short"
    assert {r.result for r in rows} == {"Waiting"}


@pytest.mark.parametrize(
    ("stable", "low", "high"),
    [
        (0.005, 11_000, 15_000),  # 0.5 % against the accepted 1 %
        (0.01, 6500, 9500),
        (0.0, 6500, 10_000),
    ],
)
def test_the_evidence_on_errors_is_what_telling_twice_the_tolerance_takes(stable: float, low: int, high: int) -> None:
    _, rows = analyse(both(Model(error_rate=stable), stable=Model(error_rate=stable)), DEFAULT, 0, due=True)
    assert rows[0].needed is not None
    assert low <= rows[0].needed <= high


@pytest.mark.parametrize("spread", [0.4, 0.6, 0.8])
def test_the_evidence_on_latency_follows_from_stables_spread(spread: float) -> None:
    wide, narrow = (
        analyse(both(replace(STABLE, spread=s), stable=replace(STABLE, spread=s)), rules(P95), 0, due=True)[1][0]
        for s in (spread, 0.3)
    )
    assert wide.needed is not None
    assert narrow.needed is not None
    assert narrow.needed < wide.needed < 5000


@pytest.mark.parametrize(
    ("rule", "base", "limit"),
    [
        (Analysis(metric="errorRate", max=0.01), 0.001, 0.006),  # the default tolerance is 0.005
        (Analysis(metric="errorRate", max=0.01), 0.006, 0.01),
        (Analysis(metric="errorRate", max=0.01), 0.03, 0.0325),
        (Analysis(metric="errorRate", tolerance=0.02), 0.03, 0.05),
        (Analysis(metric="errorRate", max=0.01, tolerance=0.0), 0.03, 0.03),
        (Analysis(metric="errorRate", tolerance=0.5), 0.9, 1.0),
    ],
)
def test_errors_up_to_max_and_never_more_than_the_tolerance_above_stable(
    rule: Analysis, base: float, limit: float
) -> None:
    assert accepted(rule, base) == pytest.approx(limit)


@given(base=st.floats(0, 1), largest=st.floats(0, 1), tolerance=st.floats(0, 1))
def test_what_stable_does_as_well_is_always_accepted(base: float, largest: float, tolerance: float) -> None:
    assert accepted(Analysis(metric="errorRate", max=largest, tolerance=tolerance), base) >= base


def test_a_latency_beyond_an_absolute_limit_fails_even_if_stable_is_as_slow() -> None:
    rule = Analysis(metric="latencyP95", max=0.005)
    verdict, _ = analyse(both(), rules(rule), 0, due=True)
    assert verdict.result == "Failed"
    assert "at most 5 ms" in verdict.message


def test_the_shift_that_the_gate_expected_is_accepted_and_half_as_much_is_not() -> None:
    shifted = both(replace(STABLE, scores=(3.0, 4.0)))
    assert analyse(shifted, rules(SHIFT), 0, due=True, expected_shift=0.3)[0].result == "Failed"
    verdict, rows = analyse(shifted, rules(SHIFT), 0, due=True, expected_shift=0.6)
    assert verdict.result == "Passed"
    assert "(expected 0.60)" in rows[0].message


def test_a_model_whose_predictions_are_not_counted_is_not_judged_by_them_and_says_so() -> None:
    blind = both()
    blind = replace(
        blind,
        stable=blind.stable.model_copy(update={"predictions": {}}),
        candidate=blind.candidate.model_copy(update={"predictions": {}}),
    )
    verdict, rows = analyse(blind, rules(SHIFT), 0, due=True)
    assert (verdict.result, rows[0].result) == ("Passed", "NotJudged")
    assert "count no predictions" in rows[0].message


def test_an_output_that_only_stable_has_keeps_the_shift_waiting() -> None:
    arms_ = both()
    arms_ = replace(arms_, candidate=arms_.candidate.model_copy(update={"predictions": {}}))
    assert analyse(arms_, rules(SHIFT), 0, due=True)[1][0].result == "Waiting"


def test_a_metric_named_twice_has_one_row_the_one_that_matters_most() -> None:
    two = rules(P95, Analysis(metric="latencyP95", max=0.005), ERRORS)
    verdict, rows = analyse(both(), two, 0, due=True)
    assert [(r.metric, r.result) for r in rows] == [("latencyP95", "Failed"), ("errorRate", "Passed")]
    assert verdict.result == "Failed"


@given(
    stable=st.integers(0, 3000),
    candidate=st.integers(0, 3000),
    rates=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    seconds=st.floats(1e-6, 100),
    tolerance=st.floats(0, 1),
    late=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_whatever_was_counted_there_is_a_verdict_with_rows_that_fit_the_status(
    stable: int, candidate: int, rates: tuple[float, float], seconds: float, tolerance: float, late: bool
) -> None:
    rng = np.random.default_rng(stable)
    old, new = Arm(Model(error_rate=rates[0]), rng), Arm(Model(error_rate=rates[1], seconds=seconds), rng)
    old.serve(stable)
    new.serve(candidate)
    asked = rules(Analysis(metric="errorRate", tolerance=tolerance), P95, Analysis(metric="latencyP99", max=0.1), SHIFT)
    verdict, rows = analyse(arms(old, new), asked, 0, due=True, late=late)
    assert verdict.requests == candidate
    assert len(rows) == 4
    CandidateStatus(revision="r", analysis=rows, message=verdict.message)


def test_a_shadows_pairs_are_told_and_fail_nothing() -> None:
    shadow = ShadowCounts(pairs=90, rows=100, disagreements=7, absolute=2.0, largest=0.5, incomparable=1)
    verdict, rows = analyse(replace(both(), shadow=shadow), DEFAULT, 0, due=True)
    assert verdict.result == "Passed"
    assert (rows[-1].metric, rows[-1].candidate, rows[-1].result) == ("disagreement", 0.07, "NotJudged")
    assert "7 of 100 rows were answered differently" in rows[-1].message


def with_(arms_: Arms, **more: Any) -> Arms:
    return replace(arms_, candidate=arms_.candidate.model_copy(update=more))


def test_a_value_that_is_no_number_ends_the_step_at_once_unless_stable_has_as_many() -> None:
    bad = with_(both(many=100), non_finite=1)
    verdict, _ = analyse(bad, DEFAULT, 0, due=False)
    assert (verdict.result, verdict.reason) == ("Gross", "NonFinitePredictions")
    usual = replace(bad, stable=bad.stable.model_copy(update={"non_finite": 5}))
    assert gross(usual, DEFAULT.analysis) is None
    assert gross(with_(usual, non_finite=50), DEFAULT.analysis) is not None
    uncounted = replace(usual, stable=usual.stable.model_copy(update={"predictions": {}}))
    assert gross(with_(uncounted, non_finite=50, predictions={}), DEFAULT.analysis) is not None


def test_a_candidate_that_fails_every_request_is_stopped_within_a_hundred() -> None:
    verdict, _ = analyse(both(Model(error_rate=1.0), many=100), DEFAULT, 0, due=False)
    assert verdict.result == "Gross"
    assert "100.0% of 100 requests failed" in verdict.message


def test_a_candidate_that_fails_as_often_as_a_failing_stable_is_no_gross_harm() -> None:
    failing = Model(error_rate=0.3)
    assert gross(both(failing, stable=failing), DEFAULT.analysis) is None


def test_nineteen_errors_are_a_hiccup() -> None:
    assert gross(both(Model(error_rate=1.0), many=19), DEFAULT.analysis) is None


def _one_bin(rows: int, bins: int = 100) -> dict[str, PredictionCounts]:
    table = np.zeros((64, bins))
    table[:, 50] = rows / 64
    n = table.sum(axis=1)
    held = PredictionCounts(
        rows=rows,
        counts=table.sum(axis=0).astype(int).tolist(),
        squares=(table**2).sum(axis=0).tolist(),
        cross=(table * n[:, None]).sum(axis=0).tolist(),
        slot_rows_squared=float((n**2).sum()),
    )
    return {"0": held, "1": held}


def test_constant_predictions_end_the_step_at_once_where_stables_vary() -> None:
    constant = with_(both(many=640), predictions=_one_bin(640))
    verdict, _ = analyse(constant, DEFAULT, 0, due=False)
    assert verdict.result == "Gross"
    assert "the same for all 640 rows" in verdict.message
    as_stable = replace(constant, stable=constant.stable.model_copy(update={"predictions": _one_bin(6400)}))
    assert gross(as_stable, DEFAULT.analysis) is None


def test_a_quantile_is_read_within_its_bin() -> None:
    rng = np.random.default_rng(3)
    arm = Arm(replace(STABLE, seconds=0.01, spread=0.7), rng)
    arm.serve(1_000_000)
    exact = 0.01 * np.exp(0.7 * 1.6449)
    assert quantile(arm.counts().latency, 0.95) == pytest.approx(exact, rel=0.01)
    assert quantile({}, 0.95) is None


def test_requests_that_are_alike_within_slots_are_worth_less() -> None:
    alike = Share.of([10.0] * 8 + [0.0] * 56, [10.0] * 64, 0.01)
    apart = Share.of([1.0, 2.0] * 32, [12.0] * 64, 0.01)
    assert alike.worth < 80
    assert apart.worth > 600


def test_a_bound_beyond_the_limit_takes_enough_events_and_knows_of_the_limits_own_noise() -> None:
    assert not Share(1, 20).is_above(0.01, 0.01)  # P(at least one of 20 at 1 %) = 18 %
    assert Share(40, 2000).is_above(0.01, 0.01)
    assert not Share(40, 2000).is_above(0.01, 0.01, noise=0.01**2)


def test_rows_of_a_client_are_spread_over_pods_and_their_likeness_is_not_lost() -> None:
    rng = np.random.default_rng(5)
    arm = Arm(STABLE, rng)
    arm.predictions = rng.multinomial(500, rng.dirichlet(np.full(100, 0.2), 64)).astype(float)  # each slot its own
    pods = [Arm(STABLE, rng) for _ in range(4)]
    for pod in pods:
        pod.predictions = rng.binomial(arm.predictions.astype(int), 0.25).astype(float)
    whole = clustering(arm.counts().predictions["1"], 1)
    parts = [pod.counts().predictions["1"] for pod in pods]
    added = PredictionCounts(
        rows=sum(p.rows for p in parts),
        counts=np.sum([p.counts for p in parts], axis=0).tolist(),
        squares=np.sum([p.squares for p in parts], axis=0).tolist(),
        cross=np.sum([p.cross for p in parts], axis=0).tolist(),
        slot_rows_squared=sum(p.slot_rows_squared for p in parts),
    )
    assert whole > 2
    assert clustering(added, 4) == pytest.approx(whole, rel=0.25)


def test_common_bins_are_those_of_the_score_and_a_label_is_none() -> None:
    def output(name: str, kind: str) -> OutputReference:
        held = {"name": name, "kind": kind, "edges": [1.0, 2.0] if name == "predict" else [3.0], "counts": [1, 1, 0]}
        return OutputReference.model_validate({**held, "effectiveRows": 2.0, "effective_rows": 2.0, "output": name})

    def edges(*outputs: OutputReference) -> tuple[float, ...]:
        return score_edges(Profile(rows=1, features=[], outputs=list(outputs)))

    assert edges(output("predict", "numeric")) == (1.0, 2.0)
    assert edges(output("predict", "numeric"), output("decision_function", "numeric")) == (3.0,)
    assert edges(output("predict", "categorical")) == ()
