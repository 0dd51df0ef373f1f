"""Verdicts on runs, from measurements alone."""

import os
from typing import Any

import numpy as np
import pytest

from perennial.api.evaluation import Gate
from perennial.api.records.run import Comparison, Measured, RunRecord, SliceMeasured
from perennial.policy.gates import judge, verdict_of

RUN = "sha256:" + "1" * 64
CHAMPION = "sha256:" + "2" * 64


def run(**more: Any) -> RunRecord:
    base: dict[str, Any] = {
        "runDigest": RUN,
        "runKey": "k",
        "namespace": "n",
        "model": "m",
        "data": {"digest": "d", "rows": 1, "bytes": 1, "columns": 1},
        "environmentDigest": "e",
        "task": "Binary",
        "attempt": "a",
        "files": {},
        "artifact": {"digest": "x"},
        "metrics": {},
    }
    return RunRecord.model_validate({**base, **more})


def auc(value: float, se: float = 0.01, n: int = 2000) -> dict[str, Measured]:
    return {"roc_auc": Measured(value=value, lower=value - 1.96 * se, upper=value + 1.96 * se, se=se, n=n)}


def gate(**fields: Any) -> Gate:
    return Gate.model_validate({"metric": "roc_auc", **fields})


@pytest.mark.parametrize(
    ("value", "rule", "result"),
    [
        (0.70, {"min": 0.7}, "Passed"),
        (0.699, {"min": 0.7}, "Failed"),
        (0.71, {"min": 0.7, "confidence": 0.95}, "NotEnoughEvidence"),
        (0.72, {"min": 0.7, "confidence": 0.95}, "Passed"),
        (0.68, {"min": 0.7, "confidence": 0.95}, "Failed"),
        (0.69, {"min": 0.7, "confidence": 0.95}, "NotEnoughEvidence"),
        (0.3, {"max": 0.3}, "Passed"),
        (0.31, {"max": 0.3}, "Failed"),
        (0.27, {"max": 0.3, "confidence": 0.95}, "Passed"),
    ],
)
def test_a_limit_compares_the_estimate_or_with_confidence_the_unfavourable_bound(
    value: float, rule: dict[str, float], result: str
) -> None:
    name = "log_loss" if "max" in rule else "roc_auc"
    measured = {name: auc(value)["roc_auc"]}
    assert judge([gate(**{"metric": name, **rule})], run(metrics=measured))[0].result == result


def test_missing_evidence_says_how_many_rows_would_do() -> None:
    found = judge([gate(min=0.7, confidence=0.95)], run(metrics=auc(0.71, n=2000)))[0]
    # n·((1.645 + 0.842)·0.01/0.01)² = 2000 · 6.18
    assert found.rows_needed == pytest.approx(12366, rel=0.01)
    assert verdict_of([found]).state == "Pending"


def test_a_metric_that_was_not_measured_leaves_the_version_pending() -> None:
    results = judge([Gate(metric="f1", min=0.5)], run(metrics=auc(0.9)))
    assert results[0].result == "NotJudged"
    assert "it measured roc_auc" in results[0].message
    assert verdict_of(results).state == "Pending"


def compared(delta: float, se: float, **more: Any) -> Comparison:
    return Comparison(
        against=CHAMPION, metric="roc_auc", n=1000, delta=delta, se=se, challenger=0.7 + delta, champion=0.7, **more
    )


@pytest.mark.parametrize(
    ("delta", "se", "rule", "result"),
    [
        (0.0, 0.002, {}, "Passed"),  # −0.0033 ≥ −0.005
        (0.0, 0.004, {}, "NotEnoughEvidence"),
        (-0.02, 0.004, {}, "Failed"),
        (-0.02, 0.02, {}, "NotEnoughEvidence"),
        (0.01, 0.004, {"mode": "Superior"}, "Passed"),
        (0.005, 0.004, {"mode": "Superior"}, "NotEnoughEvidence"),
        (-0.01, 0.004, {"mode": "Superior"}, "Failed"),
        (-0.01, 0.001, {"relativeTolerance": 0.02}, "Passed"),  # 2 % of 0.7
    ],
)
def test_a_champion_gate_decides_by_the_bounds_of_the_difference(
    delta: float, se: float, rule: dict[str, Any], result: str
) -> None:
    found = judge([gate(champion=rule)], run(comparisons=[compared(delta, se)]), champion=CHAMPION)
    assert [f.result for f in found] == [result]


def test_without_a_champion_and_for_the_champion_itself_the_gate_passes() -> None:
    assert judge([gate(champion={})], run())[0].result == "Passed"
    assert judge([gate(champion={})], run(), champion=RUN)[0].result == "Passed"


def test_a_champion_that_was_not_compared_is_no_evidence() -> None:
    assert judge([gate(champion={})], run(), champion=CHAMPION)[0].result == "NotEnoughEvidence"


def test_small_losses_cannot_pile_up_past_the_best_unseen_version() -> None:
    best = Comparison(
        against="sha256:" + "3" * 64,
        role="BestUnseen",
        metric="roc_auc",
        n=1000,
        delta=-0.03,
        se=0.002,
        challenger=0.7,
        champion=0.73,
    )
    found = judge([gate(champion={})], run(comparisons=[compared(0.0, 0.002), best]), champion=CHAMPION)
    assert [f.result for f in found] == ["Passed", "Failed"]
    assert verdict_of(found).state == "Refused"


ACCURACY = Gate.model_validate({"metric": "accuracy", "champion": {"tolerance": 0.02}})


def paired(both: int, wins: int, losses: int, neither: int) -> Comparison:
    """Accuracy of two models on the same rows, from the four counts of who was right."""
    n = both + wins + losses + neither
    delta = (wins - losses) / n
    se = (wins + losses - n * delta * delta) ** 0.5 / n
    ours, theirs = (both + wins) / n, (both + losses) / n
    return Comparison(
        against=CHAMPION, metric="accuracy", n=n, delta=delta, se=se, challenger=ours, champion=theirs, method="Tango"
    )


def test_an_accuracy_gate_rests_on_tangos_bounds() -> None:
    # T. Tango, Statistics in Medicine 17 (1998), §5: 44 pairs, 0 and 1 discordant: (−0.118, 0.059) at 95 % on two sides
    one = Gate.model_validate({"metric": "accuracy", "champion": {"tolerance": 0.2, "confidence": 0.975}})
    (found,) = judge([one], run(comparisons=[paired(43, 0, 1, 0)]), champion=CHAMPION)
    assert (found.lower, found.upper) == pytest.approx((-0.118, 0.059), abs=2e-3)


def test_models_that_agree_on_few_rows_are_no_evidence_and_on_many_they_are() -> None:
    (few,) = judge([ACCURACY], run(comparisons=[paired(90, 0, 0, 10)]), champion=CHAMPION)
    assert few.result == "NotEnoughEvidence"
    assert few.rows_needed is not None
    assert few.rows_needed > 100
    (many,) = judge([ACCURACY], run(comparisons=[paired(900, 0, 0, 100)]), champion=CHAMPION)
    assert many.result == "Passed"


@pytest.mark.parametrize("n", [150, 400, 1500])
def test_an_accuracy_gate_errs_in_at_most_5_percent_on_either_side(n: int) -> None:
    rng = np.random.default_rng(n)
    draws = 4000 if os.environ.get("PERENNIAL_SOAK") else 1000

    def share(loss: float, result: str) -> float:
        counts = rng.multinomial(n, [0.85, 0.04, 0.04 + loss, 0.07 - loss], draws)
        results = (judge([ACCURACY], run(comparisons=[paired(*c)]), champion=CHAMPION) for c in counts.tolist())
        return sum(found.result == result for (found,) in results) / draws

    allowed = 0.05 + 3 * (0.05 * 0.95 / draws) ** 0.5
    assert share(0.02, "Passed") <= allowed  # exactly as bad as the tolerance
    assert share(0.0, "Failed") <= 0.05
    assert share(0.02, "Failed") <= allowed


def test_a_worn_hold_out_needs_more_to_decide() -> None:
    once = judge([gate(champion={})], run(comparisons=[compared(0.0, 0.0029)]), champion=CHAMPION, uses=9)
    often = judge([gate(champion={})], run(comparisons=[compared(0.0, 0.0029)]), champion=CHAMPION, uses=20)
    assert once[0].result == "Passed"
    assert often[0].result == "NotEnoughEvidence"


def level(name: str, value: float, rows: int, rarer: int, se: float = 0.02) -> SliceMeasured:
    return SliceMeasured(column="carrier", level=name, rows=rows, rarer=rarer, metrics=auc(value, se, rows))


def test_a_slice_refuses_only_when_even_its_favourable_bound_misses_and_small_ones_are_listed() -> None:
    rule = gate(min=0.55, slice={"column": "carrier"})
    slices = [level("AA", 0.52, 500, 100), level("DL", 0.54, 500, 100), level("HA", 0.2, 40, 5)]
    found = {r.slice: r.result for r in judge([rule], run(slices=slices))}
    assert found == {"carrier=AA": "Passed", "carrier=DL": "Passed", "carrier=HA": "NotJudged"}
    worse = judge([rule], run(slices=[level("AA", 0.45, 500, 100)]))
    assert worse[0].result == "Failed"


def test_small_slices_hold_nothing_up_but_a_slice_that_was_not_made_does() -> None:
    rule = gate(min=0.55, slice={"column": "carrier"})
    assert verdict_of(judge([rule], run(slices=[level("HA", 0.2, 40, 5)]))).state == "Approved"


@pytest.mark.parametrize(
    ("rate", "state"), [(0.05, "Approved"), (0.2, "Approved"), (0.21, "Refused"), (0.04, "Refused")]
)
def test_an_outlier_detector_without_target_is_judged_by_its_alert_rate(rate: float, state: str) -> None:
    results = judge([], run(task="Outlier", alertRate=rate, contamination=0.1))
    assert verdict_of(results).state == state


def test_no_gates_approve_and_manual_approval_waits_for_a_person() -> None:
    assert verdict_of([]).state == "Approved"
    assert verdict_of([], manual=True).reason == "AwaitingApproval"
    assert verdict_of(judge([gate(min=0.9)], run(metrics=auc(0.8))), manual=True).state == "Refused"
