"""When a drift score is an alarm: effect size, sample size with multiplicity, season."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

Floats = NDArray[np.float64]


def noise_limit(
    effective_rows: NDArray[Any], reference_rows: NDArray[Any], bins: NDArray[Any], *, alpha: float, watched: int
) -> Floats:
    """(1/n_eff + 1/m)·χ²(B − 1; 1 − α/K): PSI that sampling alone exceeds with probability α/K. Shape (columns,).

    Bonferroni over the K watched columns (C. E. Bonferroni, 1936); the distribution of PSI is in
    `perennial.stats.psi.psi`. Infinite for a column with one bin, which cannot drift in its bins.
    """
    freedom = np.maximum(np.asarray(bins, dtype=np.float64) - 1.0, 1.0)
    limit: Floats = sampling_scale(effective_rows, reference_rows) * np.asarray(chdtri(freedom, alpha / watched))
    limit[np.asarray(bins) <= 1] = np.inf
    return limit


def sampling_scale(effective_rows: NDArray[Any], reference_rows: NDArray[Any]) -> Floats:
    """1/n_eff + 1/m, shape (columns,)."""
    scale: Floats = 1.0 / np.maximum(effective_rows, 1e-9) + 1.0 / np.maximum(reference_rows, 1e-9)
    return scale


def expected_noise(effective_rows: NDArray[Any], reference_rows: NDArray[Any], bins: NDArray[Any]) -> Floats:
    """(B − 1)(1/n_eff + 1/m): the mean of PSI when nothing has changed, shape (columns,)."""
    return sampling_scale(effective_rows, reference_rows) * (np.asarray(bins, dtype=np.float64) - 1.0)
