"""Population stability index between two sets of bin counts, after small bins are merged. Vectorised over columns.

Only the score: when it is an alarm is decided by `perennial.stats.limits`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MIN_SHARE = 0.005
MIN_EXPECTED = 5.0
"""Bins with a smaller reference share, or fewer expected rows, are merged: the χ² limit needs them filled.

The second is Cochran's rule (W. G. Cochran, Biometrics 10, 1954). Without merging, 52 Zipf categories at n = 500
gave 7.5 % false alarms for a nominal 0.05 %.
"""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MergedBins:
    """Counts of reference and window after merging; `used` marks the bins that are left."""

    reference: Floats  # shape (columns, bins + 1); the last bin is the pool of merged ones
    window: Floats  # shape (columns, bins + 1)
    used: NDArray[np.bool_]

    @property
    def bins(self) -> NDArray[np.int64]:
        """Bins that are left, shape (columns,)."""
        return self.used.sum(axis=1)


def merge_small(
    reference: NDArray[Any], window: NDArray[Any], exists: NDArray[np.bool_], effective: NDArray[Any]
) -> MergedBins:
    """Pool the bins whose reference share is too small; a pool that is still too small takes the smallest other bin.

    Args:
        reference, window: counts, shape (columns, bins), padded.
        exists: which of them are bins, same shape.
        effective: rows on which the score's limit will rest, shape (columns,): the smaller of both sides.
    """
    reference = np.where(exists, reference, 0).astype(np.float64)
    window = np.where(exists, window, 0).astype(np.float64)
    total = np.maximum(reference.sum(axis=1, keepdims=True), 1.0)
    share = reference / total
    least = np.maximum(MIN_SHARE, MIN_EXPECTED / np.maximum(effective, 1.0))[:, None]
    small = exists & (share < least)
    pooled = (share * small).sum(axis=1)
    hungry = small.any(axis=1) & (pooled < least[:, 0])
    rows = np.arange(share.shape[0])
    smallest = np.where(exists & ~small, share, np.inf).argmin(axis=1)
    small[rows[hungry], smallest[hungry]] = True
    small &= exists

    def pool(counts: Floats) -> Floats:
        return np.column_stack([np.where(small, 0.0, counts), (counts * small).sum(axis=1)])

    used = np.column_stack([exists & ~small, small.any(axis=1)])
    return MergedBins(pool(reference), pool(window), used)


def smoothed_shares(counts: Floats, used: NDArray[np.bool_]) -> Floats:
    """(c + ½)/(n + B/2), zero for unused bins (Jeffreys' prior; H. Jeffreys, Theory of Probability, 1961, §3.2)."""
    bins = used.sum(axis=1, keepdims=True)
    n = counts.sum(axis=1, keepdims=True)
    return np.where(used, (counts + 0.5) / np.maximum(n + bins / 2, 0.5), 0.0)


def psi(merged: MergedBins) -> Floats:
    """Σ (q − p)·ln(q/p) over merged bins, shape (columns,). 0 where fewer than two bins are left.

    The symmetrised Kullback-Leibler divergence (H. Jeffreys, Proc. R. Soc. A 186, 1946); with independent rows
    and no change about (1/n + 1/m)·χ²(B − 1) (B. Yurdakul, Statistical Properties of PSI, 2018).
    """
    p = smoothed_shares(merged.reference, merged.used)
    q = smoothed_shares(merged.window, merged.used)
    ratio = np.log(np.where(merged.used, q, 1.0) / np.where(merged.used, p, 1.0))
    return np.where(merged.bins > 1, ((q - p) * ratio).sum(axis=1), 0.0)


def plain_psi(reference: NDArray[Any], window: NDArray[Any]) -> float:
    """PSI of two count vectors of shape (bins,), merged by their own sizes."""
    first, second = np.asarray(reference, dtype=np.float64), np.asarray(window, dtype=np.float64)
    effective = np.array([min(first.sum(), second.sum())])
    merged = merge_small(first[None, :], second[None, :], np.ones((1, first.size), dtype=bool), effective)
    return float(psi(merged)[0])
