"""Bootstrap replicates of a metric by resampling weights: of rows, or of whole groups (days, users)."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

REPLICATES = 500
MAX_ROWS = 20_000

Floats = NDArray[np.float64]


def weights(n: int, groups: NDArray[Any] | None, seed: int, replicates: int = REPLICATES) -> Iterator[Floats]:
    """How often each row is drawn, shape (n,), replicate after replicate.

    Whole groups are drawn when `groups` (shape (n,)) is given: rows of one group are not independent
    (A. C. Davison, D. V. Hinkley, Bootstrap Methods, 1997, §3.8).
    """
    rng = np.random.default_rng(seed)
    index = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    many = int(index.max()) + 1 if n else 0
    for _ in range(replicates):
        drawn = np.bincount(rng.integers(0, many, many), minlength=many)
        yield drawn[index].astype(np.float64)


def subsample(n: int, groups: NDArray[Any] | None, seed: int) -> NDArray[np.int64] | None:
    """At most 20,000 row numbers, ascending; whole groups where groups are given. None: take all rows."""
    if n <= MAX_ROWS:
        return None
    rng = np.random.default_rng([seed, n])
    if groups is None:
        return np.sort(rng.choice(n, MAX_ROWS, replace=False))
    names, index = np.unique(groups, return_inverse=True)
    sizes = np.bincount(index)
    order = rng.permutation(names.size)
    taken = order[: max(1, int(np.searchsorted(np.cumsum(sizes[order]), MAX_ROWS, side="right")))]
    return np.flatnonzero(np.isin(index, taken))


def deviations(statistic: Callable[[Floats], float], n: int, groups: NDArray[Any] | None, seed: int) -> Floats:
    """Sorted differences of the replicates from the statistic on all rows; undefined replicates are left out."""
    centre = statistic(np.ones(n))
    drawn = np.array([statistic(w) for w in weights(n, groups, seed)])
    return np.sort(drawn[np.isfinite(drawn)] - centre)
