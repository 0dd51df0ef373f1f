"""Realised and estimated performance: what labels allow to say, and what they do not."""

import numpy as np
import pytest

from perennial.api.records.profile import Calibration
from perennial.stats.calibration import cross_fitted_error, isotonic
from perennial.stats.estimated import estimate
from perennial.stats.metrics import Rows, value
from perennial.stats.performance import (
    CohortVerdict,
    PerformanceOptions,
    coverage_spread,
    judge_cohort,
    performance_state,
)

OPTIONS = PerformanceOptions("roc_auc", floor=0.7)
WHEN = {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"}


def _cohort(rng: np.random.Generator, n: int, separation: float) -> Rows:
    y = (rng.random(n) < 0.3).astype(int)
    return Rows(y, None, 1 / (1 + np.exp(-(rng.normal(size=n) + separation * y - 1))))


def _judged(separation: float, n: int = 3000, labelled: float = 1.0) -> CohortVerdict:
    rng = np.random.default_rng(0)
    rows = _cohort(rng, n, separation)
    return judge_cohort(rows, rng.random(n) < labelled, OPTIONS, **WHEN)


@pytest.mark.parametrize(("separation", "state"), [(2.0, "Clear"), (0.3, "Lost"), (0.72, "Warning")])
def test_a_cohort_is_lost_only_when_even_the_favourable_bound_is_below_the_floor(separation: float, state: str) -> None:
    found = _judged(separation)
    assert found.state == state
    assert found.lower is not None
    assert found.upper is not None
    assert (found.upper < 0.7) == (state == "Lost")
    assert (found.lower >= 0.7) == (state == "Clear")


def test_at_the_floor_exactly_a_cohort_is_called_lost_in_about_5_percent() -> None:
    rng = np.random.default_rng(1)
    options = PerformanceOptions("accuracy", floor=0.8)
    lost = 0
    for _ in range(600):
        y = rng.integers(0, 2, 600)
        rows = Rows(y, np.where(rng.random(600) < 0.8, y, 1 - y))
        lost += judge_cohort(rows, np.ones(600, dtype=bool), options, **WHEN).state == "Lost"
    assert 0.02 <= lost / 600 <= 0.08


@pytest.mark.parametrize(("n", "labelled", "told"), [(400, 1.0, "500 are needed"), (3000, 0.5, "80% are needed")])
def test_too_few_labels_are_said_and_never_called_clear(n: int, labelled: float, told: str) -> None:
    found = _judged(0.3, n, labelled)
    assert found.state == "InsufficientLabels"
    assert told in found.message
    assert found.value is None


def test_labels_that_depend_on_predictions_trigger_nothing() -> None:
    rng = np.random.default_rng(2)
    rows = _cohort(rng, 4000, 0.3)
    labelled = rng.random(4000) < np.where(rows.probability > np.quantile(rows.probability, 0.8), 0.6, 1.0)
    assert coverage_spread(rows.probability, labelled) > 0.3
    found = judge_cohort(rows, labelled, OPTIONS, **WHEN)
    assert found.state == "InsufficientLabels"
    assert "depend on predictions" in found.message


def test_two_of_three_lost_cohorts_lose_and_unjudged_ones_do_not_count() -> None:
    clear, lost, few = _judged(2.0), _judged(0.3), _judged(0.3, 400)
    assert performance_state([clear, lost, clear], OPTIONS).state == "Warning"
    assert performance_state([lost, few, few, lost], OPTIONS).state == "Lost"
    assert performance_state([clear, few], OPTIONS).state == "InsufficientLabels"
    assert performance_state([], OPTIONS).state == "InsufficientLabels"


def _calibration(rng: np.random.Generator, n: int = 20_000, bend: float = 1.0) -> Calibration:
    score = rng.beta(2, 4, n)
    hit = rng.random(n) < score**bend
    codes = np.clip((score * 100).astype(int), 0, 99)
    return Calibration(
        rows=n,
        counts=np.bincount(codes, minlength=100).tolist(),
        hits=np.bincount(codes[hit], minlength=100).tolist(),
        threshold=0.4,
        error=cross_fitted_error(codes, hit),
    )


@pytest.mark.parametrize("metric", ["roc_auc", "accuracy", "precision", "recall", "f1", "log_loss", "brier_score"])
def test_the_estimate_covers_what_labels_show_later_when_only_the_inputs_moved(metric: str) -> None:
    rng = np.random.default_rng(3)
    calibration = _calibration(rng)
    score = rng.beta(3, 3, 5000)  # other inputs than on the hold-out, the same P(y|x)
    y = (rng.random(5000) < score).astype(int)
    counts = np.bincount(np.clip((score * 100).astype(int), 0, 99), minlength=100)
    found = estimate(calibration, counts.tolist(), metric)
    realised = value(metric, Rows(y, (score >= 0.4).astype(int), score))
    assert found.lower is not None
    assert found.upper is not None
    assert found.lower - 0.01 <= realised <= found.upper + 0.01
    assert "P(y|x) is unchanged" in found.message


def test_a_miscalibrated_score_is_mended_by_the_hold_out_before_it_estimates() -> None:
    rng = np.random.default_rng(4)
    calibration = _calibration(rng, bend=2.0)
    assert calibration.error <= 0.03
    rate = isotonic(np.array(calibration.counts, float), np.array(calibration.hits, float))
    assert rate[50] == pytest.approx(0.505**2, abs=0.05)


def test_no_estimate_without_calibration_or_with_a_small_or_bad_one() -> None:
    rng = np.random.default_rng(5)
    good, scores = _calibration(rng), [1] * 100
    for calibration, told in (
        (None, "no calibrated scores"),
        (good.model_copy(update={"rows": 900}), "900 hold-out rows"),
        (good.model_copy(update={"error": 0.05}), "0.050"),
        (good.model_copy(update={"threshold": None}), "not available for roc_auc"),
    ):
        found = estimate(calibration, scores, "roc_auc")
        assert found.value is None
        assert told in found.message


def test_the_calibration_error_of_a_calibrated_score_is_small_and_of_one_that_turns_back_is_not() -> None:
    rng = np.random.default_rng(6)
    codes = rng.integers(0, 100, 5000)
    assert cross_fitted_error(codes, rng.random(5000) < codes / 100) < 0.03
    turned_back = rng.random(5000) < np.abs(codes / 50 - 1)
    assert cross_fitted_error(codes, turned_back) > 0.1
