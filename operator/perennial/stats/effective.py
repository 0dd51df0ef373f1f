"""How many independent rows a window of clustered rows is worth: the design effect of additive block sums."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

MIN_BLOCKS = 20
"""Below this many non-empty blocks the design effect of a window is not estimated."""


def block_sums(block_counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Σ_b c_bj², Σ_b c_bj·n_b (shape (bins,)) and Σ_b n_b² of counts of shape (blocks, bins)."""
    rows = block_counts.sum(axis=1)
    return (block_counts**2).sum(axis=0), (block_counts * rows[:, None]).sum(axis=0), int((rows**2).sum())


def design_effect(
    counts: NDArray[Any], squares: NDArray[Any], crosses: NDArray[Any], row_squares: NDArray[Any] | float
) -> NDArray[np.float64]:
    """Variance of a share under clustering over its variance with independent rows, at least 1.

    deff = max(1, mean over bins of Σ_b (c_bj − n_b·p_j)² / (n·p_j·(1 − p_j))), the linearised variance of a
    ratio estimator (W. G. Cochran, Sampling Techniques, 3rd ed., §9A; L. Kish, Survey Sampling, 1965, §8.2).

    Args:
        counts, squares, crosses: shape (…, bins); see `block_sums`. Bins without rows are left out.
        row_squares: shape (…).

    Returns:
        shape (…).
    """
    counts = np.asarray(counts, dtype=np.float64)
    n = counts.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = counts / n
        scatter = squares - 2 * p * crosses + p**2 * np.asarray(row_squares, dtype=np.float64)[..., None]
        ratio = scatter / (n * p * (1 - p))
    used = (p > 0) & (p < 1)
    total = np.where(used, ratio, 0.0).sum(axis=-1)
    many = used.sum(axis=-1)
    mean: NDArray[np.float64] = np.divide(total, many, out=np.ones_like(total), where=many > 0)
    return np.maximum(1.0, mean)
