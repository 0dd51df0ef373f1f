"""Intervals cover the truth as often as they say, with independent and with clustered rows."""

import os

import numpy as np
import pytest

from perennial.stats.intervals import interval
from perennial.stats.metrics import METRICS

REPLICATES = 2000 if os.environ.get("PERENNIAL_SOAK") else 300


def _binary(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    y = (rng.random(n) < 0.3).astype(int)
    p = 1 / (1 + np.exp(-(rng.normal(size=n) + 1.2 * y - 1.2)))
    return y, p


@pytest.mark.parametrize("metric", ["roc_auc", "accuracy", "precision", "recall", "log_loss", "brier_score"])
def test_a_95_percent_interval_covers_the_truth_in_about_95_percent(metric: str) -> None:
    rng = np.random.default_rng(7)
    y, p = _binary(rng, 400_000)
    truth = interval(metric, y, y_score=p).value
    hits = 0
    for _ in range(REPLICATES):
        y, p = _binary(rng, 300)
        found = interval(metric, y, y_score=p)
        hits += found.lower <= truth <= found.upper
    assert hits / REPLICATES == pytest.approx(0.95, abs=4 * (0.05 * 0.95 / REPLICATES) ** 0.5)


def test_a_clustered_interval_covers_where_a_plain_one_does_not() -> None:
    rng = np.random.default_rng(8)
    plain = clustered = 0
    for _ in range(REPLICATES):
        groups = np.repeat(np.arange(60), 20)
        error = np.repeat(rng.normal(size=60), 20) + 0.3 * rng.normal(size=1200)
        args = ("mse", np.zeros(1200)), {"y_pred": error}
        wide = interval(*args[0], **args[1], groups=groups)
        narrow = interval(*args[0], **args[1])
        clustered += wide.lower <= 1.09 <= wide.upper
        plain += narrow.lower <= 1.09 <= narrow.upper
    assert clustered / REPLICATES > 0.88
    assert plain / REPLICATES < 0.6


@pytest.mark.parametrize("metric", sorted(METRICS))
def test_every_metric_has_an_interval_around_its_value_that_depends_on_the_seed_alone(metric: str) -> None:
    rng = np.random.default_rng(9)
    y, p = _binary(rng, 200)
    kind = {"y_pred": y + rng.normal(size=200)} if metric in _REGRESSION else {"y_score": p}
    first, again = (interval(metric, y, **kind, seed=3) for _ in range(2))
    assert first == again
    assert first.lower <= first.value <= first.upper
    assert first.lower < first.upper
    assert first.n == 200


_REGRESSION = {"mae", "mse", "rmse", "mape", "r2", "median_absolute_error"}


def test_no_rows_give_no_value_and_the_widest_interval() -> None:
    found = interval("accuracy", np.empty(0, dtype=int), y_pred=np.empty(0, dtype=int))
    assert np.isnan(found.value)
    assert (found.lower, found.upper) == (0.0, 1.0)


def test_a_metric_of_scores_without_scores_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match="needs scores"):
        interval("roc_auc", np.array([0, 1]), y_pred=np.array([0, 1]))
