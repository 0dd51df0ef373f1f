"""The one binning function: trainer and server put the same value into the same bin with the code of this module.

It makes bins and counts into them; scoring is in `perennial.stats.psi`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

QUANTILES = 10
HEAVY_SHARE = 0.05
"""A value with at least this share of the rows gets its own bin."""
OWN_BINS = 20
"""A column with at most so many distinct values gets a bin for each."""
TOP_CATEGORIES = 50
FOLDED_ROWS = 10
"""Categories with fewer reference rows are folded into OTHER."""
EDGE_SAMPLE = 200_000
"""Edges are laid on at most so many rows, taken at even distances in their order of arrival."""

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


def numeric_edges(values: NDArray[Any], dtype: type[np.floating[Any]] = np.float64) -> list[float]:
    """Upper edges of all bins but the last, strictly increasing.

    Args:
        values: shape (rows,), NaN is missing; infinities do not shape the bins.
        dtype: the number type in which a server compares.
    """
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    if finite.size > EDGE_SAMPLE:
        finite = finite[np.linspace(0, finite.size - 1, EDGE_SAMPLE).astype(np.int64)]
    distinct, counts = np.unique(finite.astype(dtype), return_counts=True)
    cuts = np.arange(distinct.size - 1) if distinct.size <= OWN_BINS else _quantile_cuts(counts)
    return sorted({_midpoint(distinct[i], distinct[i + 1]) for i in cuts})


def _quantile_cuts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Indexes of distinct values after which a bin ends: heavy values alone, the others in equal shares."""
    total = counts.sum()
    heavy = counts >= HEAVY_SHARE * total
    alone = np.flatnonzero(heavy)
    light = np.where(heavy, 0, counts)
    share = light.sum() / total
    pieces = max(1, round(QUANTILES * share))
    targets = light.sum() * np.arange(1, pieces) / pieces
    by_share = np.searchsorted(np.cumsum(light), targets, side="left")
    cuts = np.unique(np.concatenate([by_share, alone - 1, alone]))
    return cuts[(cuts >= 0) & (cuts < counts.size - 1)]


def _midpoint(below: np.floating[Any], above: np.floating[Any]) -> float:
    """A number m of the same type with below ≤ m < above: bins are closed above."""
    middle = type(below)(below / 2 + above / 2)
    return float(middle if below <= middle < above else below)


def numeric_codes(values: NDArray[Any], edges: Sequence[float] | Floats) -> Codes:
    """Bin of each value, shape (rows,): 0 … len(edges), and len(edges) + 1 for missing (NaN).

    +∞ sorts behind every number and NaN behind +∞, so one binary search does both.
    """
    ends = np.append(np.asarray(edges, dtype=np.float64), np.inf)
    return np.searchsorted(ends, np.asarray(values, dtype=np.float64), side="left")


def probability_codes(values: NDArray[Any], bins: int) -> Codes:
    """Which of `bins` equal parts of [0, 1] each value lies in; finite values outside of it go to the nearest.

    They depend on no model, so that the predictions of two can be counted alike.
    """
    return np.clip((values * bins).astype(np.int64), 0, bins - 1)


def top_categories(values: Sequence[str | None] | NDArray[Any]) -> tuple[list[str], int]:
    """The categories that get a bin, most frequent first, and how many rows are folded into OTHER."""
    counts: dict[str, int] = {}
    for value in values:
        if isinstance(value, str):
            counts[value] = counts.get(value, 0) + 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    kept = [name for name, count in ordered[:TOP_CATEGORIES] if count >= FOLDED_ROWS]
    return kept, sum(counts.values()) - sum(counts[name] for name in kept)


def category_index(categories: Sequence[str]) -> dict[str | None, int]:
    """From value to bin; values that are not in it belong to OTHER (`len(categories)`); None is missing."""
    index: dict[str | None, int] = {name: i for i, name in enumerate(categories)}
    index[None] = len(categories) + 1
    return index


def category_codes(values: Sequence[Any] | NDArray[Any], index: Mapping[str | None, int]) -> Codes:
    """Bin of each value, shape (rows,), by `category_index`. A float NaN counts as missing."""
    other = len(index) - 1
    missing = other + 1
    codes = [index.get(v, other) if v == v else missing for v in values]  # NaN is missing
    return np.array(codes, dtype=np.int64)


def bin_counts(codes: Codes, bins: int) -> Codes:
    """Rows per bin, shape (bins,)."""
    return np.bincount(codes, minlength=bins).astype(np.int64)
