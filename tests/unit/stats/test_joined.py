"""A cohort that a Job has measured is judged as one whose rows are at hand."""

from typing import Any

import pytest

from perennial.api.records.findings import LabelJoin
from perennial.api.records.run import Measured
from perennial.stats.performance import PerformanceOptions, judge_joined

SCORE = PerformanceOptions("roc_auc", floor=0.7)
LOSS = PerformanceOptions("rmse", ceiling=10.0)


def join(lower: float, upper: float, **more: Any) -> LabelJoin:
    facts: dict[str, Any] = {
        "start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z", "predictions": 1000, "labels": 1000,
        "coverage": 1.0, "rarer": 400,
        "measured": Measured(value=(lower + upper) / 2, lower=lower, upper=upper, n=1000),
    }  # fmt: skip
    return LabelJoin(**{**facts, **more})


@pytest.mark.parametrize(
    ("options", "lower", "upper", "state"),
    [
        (SCORE, 0.5, 0.6, "Lost"),
        (SCORE, 0.6, 0.8, "Warning"),
        (SCORE, 0.72, 0.8, "Clear"),
        (LOSS, 11.0, 12.0, "Lost"),
        (LOSS, 8.0, 9.0, "Clear"),
    ],
)
def test_the_bounds_decide_against_the_floor_of_a_score_and_the_ceiling_of_a_loss(
    options: PerformanceOptions, lower: float, upper: float, state: str
) -> None:
    found = judge_joined(join(lower, upper), options)
    assert (found.state, found.lower, found.upper) == (state, lower, upper)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"labels": 400, "coverage": 0.4}, "400 labels, 500 are needed"),
        ({"coverage": 0.6}, "80% are needed"),
        ({"rarer": 20}, "20 labels of the rarer class"),
        ({"coverage_by_decile": [1.0, 0.7]}, "labels depend on predictions"),
        ({"measured": None}, "is not defined"),
        ({"predictions": 0, "labels": 0, "coverage": 0.0, "rarer": None, "measured": None}, "0 labels"),
    ],
)
def test_labels_that_allow_no_verdict_are_never_called_lost(changes: dict[str, Any], told: str) -> None:
    found = judge_joined(join(0.1, 0.2, **changes), SCORE)
    assert found.state == "InsufficientLabels"
    assert told in found.message
    assert found.value is None


def test_a_regression_has_no_rarer_class_to_be_short_of() -> None:
    assert judge_joined(join(8.0, 9.0, rarer=None), LOSS).state == "Clear"
