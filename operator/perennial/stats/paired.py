"""Two models on the same rows: the difference of a metric with its uncertainty, oriented so that larger is better."""

from dataclasses import dataclass
from math import ceil, isfinite, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perennial.stats.bootstrap import subsample, weights
from perennial.stats.intervals import grouped
from perennial.stats.metrics import Rows, roc_auc_parts, row_losses, value
from perennial.stats.proportions import normal_quantile, tango_bound

Floats = NDArray[np.float64]

TANGO, DELONG, BOOTSTRAP = "Tango", "paired DeLong", "paired bootstrap"
AUCS = ("roc_auc", "roc_auc_ovr")


@dataclass(frozen=True, slots=True)
class Difference:
    """Challenger minus champion, oriented; the fields of `perennial.api.records.run.Comparison`."""

    n: int
    delta: float
    se: float
    challenger: float
    champion: float
    method: str
    bootstrap: tuple[float, ...] = ()  # sorted differences where the method is a paired bootstrap


def compare(
    metric: str,
    challenger: Rows,
    champion: Rows,
    *,
    larger_is_better: bool,
    groups: NDArray[Any] | None = None,
    seed: int = 0,
) -> Difference:
    """The difference of two models' metric on the same rows.

    Accuracy by Tango's paired score interval, ROC AUC by paired DeLong, everything else (and accuracy with groups)
    by 500 paired bootstraps on at most 20,000 rows.

    Args:
        challenger, champion: the same truth with each model's answers.
        groups: what rows belong together (a day, a user), shape (rows,).

    Raises:
        KeyError: there is no such metric.
        ValueError: the metric needs scores and a model has none.
    """
    sign = 1.0 if larger_is_better else -1.0
    ours, theirs = value(metric, challenger), value(metric, champion)
    n, delta = int(challenger.truth.size), sign * (ours - theirs)
    if metric == "accuracy" and groups is None:
        return Difference(n, delta, _accuracy_error(challenger, champion), ours, theirs, TANGO)
    if metric in AUCS:
        mine, other = (np.mean([i for _, i in roc_auc_parts(r)], axis=0) for r in (challenger, champion))
        sums = grouped(mine - other, groups)
        return Difference(n, delta, sqrt(float(sums @ sums)), ours, theirs, DELONG)
    draws = sign * _bootstrapped(metric, challenger, champion, groups, seed) + delta
    se = float(draws.std(ddof=1)) if draws.size > 1 else nan
    return Difference(n, delta, se, ours, theirs, BOOTSTRAP, tuple(np.sort(draws).tolist()))


def difference_bounds(
    n: int, delta: float, se: float, method: str, bootstrap: tuple[float, ...] | list[float], *, alpha: float
) -> tuple[float, float]:
    """One-sided lower and upper bound of the difference, each at confidence 1 − alpha.

    Tango's from its discordant pairs, which delta and se determine; quantiles of the bootstrap while at least ten
    draws lie beyond them, else normal.
    """
    if not isfinite(se):
        return -np.inf, np.inf
    z = normal_quantile(1 - alpha)
    if method == TANGO:
        discordant = n * n * se * se + n * delta * delta
        wins, losses = (discordant + n * delta) / 2, (discordant - n * delta) / 2
        return tango_bound(wins, losses, n, z), tango_bound(wins, losses, n, -z)
    if len(bootstrap) * alpha >= 10:
        low, high = np.quantile(np.asarray(bootstrap), [alpha, 1 - alpha])
        return float(low), float(high)
    return delta - z * se, delta + z * se


def rows_needed(n: int, delta: float, se: float, *, tolerance: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """Rows at which a non-inferiority test would decide: n·((z_(1−α) + z_power)·SE / (tolerance + max(Δ̂, 0)))².

    The usual sample size of a non-inferiority comparison (S.-C. Chow et al., Sample Size Calculations in Clinical
    Research, 3rd ed., §3.2), the variance taken from the data at hand.

    Raises:
        ValueError: tolerance and difference leave no distance to show.
    """
    distance = tolerance + max(delta, 0.0)
    if distance <= 0 or not isfinite(se):
        raise ValueError(f"rows_needed: no number of rows decides with tolerance {tolerance}, Δ {delta}, SE {se}")
    return ceil(n * ((normal_quantile(1 - alpha) + normal_quantile(power)) * se / distance) ** 2)


def _accuracy_error(challenger: Rows, champion: Rows) -> float:
    ours, theirs = row_losses("accuracy", challenger), row_losses("accuracy", champion)
    assert ours is not None  # noqa: S101  accuracy is a mean over rows
    assert theirs is not None  # noqa: S101
    difference = ours - theirs
    return sqrt(float(difference @ difference) - difference.sum() ** 2 / difference.size) / difference.size


def _bootstrapped(metric: str, challenger: Rows, champion: Rows, groups: NDArray[Any] | None, seed: int) -> Floats:
    """Deviations of replicated differences from the difference on the rows used, scaled to all rows."""
    n = int(challenger.truth.size)
    taken = subsample(n, groups, seed)
    own = groups
    if taken is not None:
        challenger, champion = challenger.take(taken), champion.take(taken)
        own = None if groups is None else np.asarray(groups)[taken]
    used = int(challenger.truth.size)
    drawn = _draws(metric, challenger, champion, own, seed)
    centre = value(metric, challenger) - value(metric, champion)
    return (drawn[np.isfinite(drawn)] - centre) * sqrt(used / n)


def _draws(metric: str, challenger: Rows, champion: Rows, groups: NDArray[Any] | None, seed: int) -> Floats:
    n = int(challenger.truth.size)
    ours, theirs = row_losses(metric, challenger), row_losses(metric, champion)
    if ours is not None and theirs is not None and metric != "rmse":
        difference = ours - theirs
        return np.array([float(w @ difference / w.sum()) for w in weights(n, groups, seed)])
    return np.array([value(metric, challenger, w) - value(metric, champion, w) for w in weights(n, groups, seed)])
