"""A metric's value with its confidence interval: by formula where there is one, else by bootstrap."""

from math import exp, log, nan, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from perennial.stats.bootstrap import deviations, subsample
from perennial.stats.metrics import Rows, roc_auc_parts, row_losses, value
from perennial.stats.proportions import normal_quantile, wilson

Floats = NDArray[np.float64]

SHARES = ("accuracy", "alert_rate")


class Interval(NamedTuple):
    """Two-sided interval; `se` is the standard error on the metric's own scale, NaN where it is not defined."""

    value: float
    lower: float
    upper: float
    se: float
    n: int
    method: str


def interval(
    metric: str,
    y_true: NDArray[Any],
    *,
    y_pred: NDArray[Any] | None = None,
    y_score: NDArray[Any] | None = None,
    groups: NDArray[Any] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Value and two-sided interval of a metric.

    Accuracy, precision and recall by Wilson's score interval, ROC AUC by DeLong on the logit scale, means of
    per-row losses by the delta method, everything else by 500 bootstraps on at most 20,000 rows. With groups, rows
    of one group move together in all of them.

    Args:
        metric: a name of `perennial.stats.metrics.METRICS`.
        y_true: class numbers 0 … classes−1 (binary: 1 is positive) or values, shape (rows,).
        y_pred: predicted class numbers or values, shape (rows,).
        y_score: P(positive), shape (rows,), or P(class), shape (rows, classes).
        groups: what rows belong together (a day, a user), shape (rows,).

    Raises:
        KeyError: there is no such metric.
        ValueError: the metric needs scores and none were given.
    """
    score = None if y_score is None else np.asarray(y_score, dtype=np.float64)
    rows = Rows(np.asarray(y_true), None if y_pred is None else np.asarray(y_pred), score)
    if metric in SHARES:
        return _share(row_losses(metric, rows), groups, confidence)
    if metric in ("precision", "recall"):
        return _conditional_share(metric, rows, groups, confidence)
    if metric in ("roc_auc", "roc_auc_ovr"):
        return _auc(rows, groups, confidence)
    terms = row_losses(metric, rows)
    if terms is not None:
        return _mean(metric, terms, groups, confidence)
    return _bootstrapped(metric, rows, groups, confidence, seed)


def grouped(influence: Floats, groups: NDArray[Any] | None) -> Floats:
    """Influences added up within groups, shape (groups,); unchanged without groups."""
    if groups is None:
        return influence
    return np.bincount(np.unique(groups, return_inverse=True)[1], weights=influence)


def mean_error(terms: Floats, groups: NDArray[Any] | None) -> float:
    """Standard error of the mean of per-row terms; of a ratio estimator over clusters when groups are given."""
    if terms.size < 2:
        return nan
    sums = grouped(terms - terms.mean(), groups)
    if sums.size < 2:
        return nan
    return sqrt(float(sums @ sums) * sums.size / (sums.size - 1)) / terms.size


def _share(hits: Floats | None, groups: NDArray[Any] | None, confidence: float) -> Interval:
    terms = np.empty(0) if hits is None else hits
    n = terms.size
    share = float(terms.mean()) if n else nan
    se = mean_error(terms, groups)
    simple = share * (1 - share) / n if n else 0.0
    effect = max(1.0, se * se / simple) if groups is not None and simple > 0 and se == se else 1.0
    lower, upper = wilson(share * n / effect, n / effect, confidence) if n else (0.0, 1.0)
    return Interval(share, lower, upper, se, n, "Wilson" if groups is None else "Wilson, clustered")


def _conditional_share(metric: str, rows: Rows, groups: NDArray[Any] | None, confidence: float) -> Interval:
    """Precision among rows called positive, recall among positive rows: Wilson on those rows."""
    among = (rows.answer if metric == "precision" else rows.truth) == 1
    hit = ((rows.answer == 1) & (rows.truth == 1))[among].astype(np.float64)
    if hit.size == 0:
        return Interval(value(metric, rows), 0.0, 1.0, nan, rows.truth.size, "Wilson")
    found = _share(hit, None if groups is None else np.asarray(groups)[among], confidence)
    return found._replace(n=int(rows.truth.size))


def _auc(rows: Rows, groups: NDArray[Any] | None, confidence: float) -> Interval:
    parts = roc_auc_parts(rows)
    auc = float(np.mean([a for a, _ in parts]))
    sums = grouped(np.mean([i for _, i in parts], axis=0), groups)
    se = sqrt(float(sums @ sums))
    n = int(rows.truth.size)
    if not 0 < auc < 1 or se == 0:
        bounds = (nan, nan) if auc != auc else (auc, auc)
        return Interval(auc, *bounds, nan, n, "DeLong")
    # The logit keeps the bounds inside (0, 1) and covers better near 1 (M. S. Pepe, 2003, §5.2).
    half = normal_quantile(0.5 + confidence / 2) * se / (auc * (1 - auc))
    middle = log(auc / (1 - auc))
    lower, upper = (1 / (1 + exp(-(middle + s * half))) for s in (-1, 1))
    return Interval(auc, lower, upper, se, n, "DeLong")


def _mean(metric: str, terms: Floats, groups: NDArray[Any] | None, confidence: float) -> Interval:
    mean, se = float(terms.mean()) if terms.size else nan, mean_error(terms, groups)
    if metric == "rmse":
        # d√x = dx / (2√x)
        mean, se = sqrt(mean), se / (2 * sqrt(mean)) if mean > 0 else 0.0
    half = normal_quantile(0.5 + confidence / 2) * se
    return Interval(mean, max(0.0, mean - half), mean + half, se, int(terms.size), "delta method")


def _bootstrapped(metric: str, rows: Rows, groups: NDArray[Any] | None, confidence: float, seed: int) -> Interval:
    n = int(rows.truth.size)
    estimate = value(metric, rows)
    taken = subsample(n, groups, seed)
    some = rows if taken is None else rows.take(taken)
    own = groups if taken is None or groups is None else np.asarray(groups)[taken]
    spread = deviations(lambda w: value(metric, some, w), int(some.truth.size), own, seed)
    spread = spread * sqrt(some.truth.size / n)
    if spread.size < 2:
        return Interval(estimate, nan, nan, nan, n, "bootstrap")
    tail = (1 - confidence) / 2
    low, high = np.quantile(spread, [tail, 1 - tail])
    return Interval(estimate, estimate + float(low), estimate + float(high), float(spread.std(ddof=1)), n, "bootstrap")
