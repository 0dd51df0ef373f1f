"""How many independent rows a window of clustered rows is worth: the design effect of additive block sums."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perennial.api.records.profile import BlockSums

MIN_BLOCKS = 20
"""Below this many non-empty blocks the design effect of a window is not estimated."""


def block_sums(block_counts: NDArray[np.int64]) -> BlockSums:
    """The sums of counts of shape (blocks, bins), the last bin being the missing one."""
    rows = block_counts.sum(axis=1)
    ranks = block_counts @ bin_ranks(block_counts.shape[1])
    return BlockSums(
        blocks=int((rows > 0).sum()),
        squares=(block_counts**2).sum(axis=0).tolist(),
        crosses=(block_counts * rows[:, None]).sum(axis=0).tolist(),
        row_squares=int((rows**2).sum()),
        rank_squares=int((ranks**2).sum()),
        rank_crosses=int((ranks * rows).sum()),
    )


def bin_ranks(bins: int) -> NDArray[np.int64]:
    """The number of each bin, shape (bins,); the missing bin, which is the last, stands in the middle."""
    ranks = np.arange(bins)
    ranks[-1] = max(bins - 2, 0) // 2
    return ranks


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


def rank_effect(
    counts: NDArray[Any],
    ranks: NDArray[Any],
    rank_squares: NDArray[Any],
    rank_crosses: NDArray[Any],
    row_squares: NDArray[Any],
) -> NDArray[np.float64]:
    """Design effect of the mean bin number, shape (columns,): the direction in which neighbouring rows agree most.

    Args:
        counts, ranks: shape (columns, bins), padded with zero counts.
        rank_squares, rank_crosses, row_squares: shape (columns,).
    """
    n = np.maximum(counts.sum(axis=-1), 1.0)
    mean = (counts * ranks).sum(axis=-1) / n
    spread = (counts * ranks**2).sum(axis=-1) - n * mean**2
    scatter = rank_squares - 2 * mean * rank_crosses + mean**2 * row_squares
    found: NDArray[np.float64] = np.divide(scatter, spread, out=np.ones_like(n), where=spread > 1e-9)
    return np.maximum(1.0, found)


@dataclass(frozen=True, slots=True)
class TailShape:
    """A sum Σ λ_i·χ²(1) as mean·(1 + stretch·(χ²(freedom)/freedom − 1)); each of shape (columns,)."""

    freedom: NDArray[np.float64]
    stretch: NDArray[np.float64]


def tail_shape(bins: NDArray[Any], effect: NDArray[Any], strongest: NDArray[Any]) -> TailShape:
    """How long-tailed a clustered χ² is: plain (freedom B − 1, stretch 1) where all λ are equal.

    Clustered counts give Σ λ_i·χ²(1), not λ·χ²(B − 1) (J. N. K. Rao, A. J. Scott, Ann. Stat. 12, 1984, §3), which is
    matched here in three moments: ν = (Σλ²)³/(Σλ³)², stretch = √(ν·Σλ²)/Σλ (M. J. Buckley, G. K. Eagleson, Austral. J.
    Statist. 30A, 1988). Two moments, Satterthwaite's, let twice as many alarms through under autocorrelation. Known are
    the mean of the λ (`design_effect`) and about the largest (`rank_effect`); the others are taken as equal.
    """
    full = np.maximum(np.asarray(bins, dtype=np.float64) - 1.0, 1.0)
    total = full * effect
    first = np.minimum(np.maximum(strongest, effect), total)
    others = np.maximum(full - 1.0, 1.0)
    rest = (total - first) / others
    second = first**2 + others * rest**2
    third = first**3 + others * rest**3
    freedom = np.clip(second**3 / third**2, 1.0, full)
    return TailShape(freedom, np.sqrt(freedom * second) / total)
