"""Seconds → bin of the latency histograms, and quantiles back from them. Bin edges are in `api.records.arms`."""

import math
from collections.abc import Sequence

from perennial.api.records.arms import LATENCY_BINS, LATENCY_FIRST, LATENCY_GROWTH, latency_edge

_SCALE = 1 / math.log(LATENCY_GROWTH)
_LAST = LATENCY_BINS - 1


def latency_bin(seconds: float) -> int:
    """The bin whose upper edge is the first that is not below `seconds`."""
    if seconds <= LATENCY_FIRST:
        return 0
    return min(math.ceil(math.log(seconds / LATENCY_FIRST) * _SCALE - 1e-9), _LAST)


def quantile(counts: Sequence[int], share: float) -> float:
    """Upper edge of the bin that holds the quantile, in seconds; NaN without counts."""
    total = sum(counts)
    if not total:
        return math.nan
    wanted, seen = share * total, 0
    for index, count in enumerate(counts):
        seen += count
        if seen >= wanted:
            return latency_edge(index)
    return latency_edge(_LAST)
