"""The seasonal limit: how far the reference's own chunks of a window's length lie from the whole reference."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from perennial.api.records.profile import SeasonalLimit
from perennial.stats.limits import expected_noise
from perennial.stats.psi import merge_small, psi

HOUR = 3600
WEEK = 168 * HOUR
WINDOW_LENGTHS = (HOUR, 6 * HOUR, 24 * HOUR, WEEK)
"""Window lengths for which limits are stored; a policy's window uses the longest that is not longer."""
MIN_CHUNKS = 20
MIN_CHUNK_ROWS = 300
FULL_WEEKS = 4
PERCENTILE = 0.99
TREND_ALPHA = 0.01

Floats = NDArray[np.float64]


def seasonal_limit(
    codes: NDArray[np.int64], bins: int, seconds: Floats, *, window_seconds: int, design_effect: float = 1.0
) -> SeasonalLimit | None:
    """99th percentile, by hour, of the excess of PSI over its expected noise; None below 20 usable chunks.

    Args:
        codes: bin of each reference row, shape (rows,).
        bins: number of bins.
        seconds: time of each row, seconds since 1970 UTC, NaN where unknown; shape (rows,).
        design_effect: of the reference's rows.
    """
    starts, counts = _chunks(codes, bins, seconds, window_seconds)
    enough = counts.sum(axis=1) / design_effect >= MIN_CHUNK_ROWS
    starts, counts = starts[enough], counts[enough]
    if starts.size < MIN_CHUNKS:
        return None
    total = np.bincount(codes, minlength=bins).astype(np.float64)
    flat, trend = _without_trend(starts, counts)
    excess = _excess(total, flat, design_effect)
    weekly = starts[-1] + window_seconds - starts[0] >= FULL_WEEKS * WEEK
    return SeasonalLimit(
        window_seconds=window_seconds,
        by="HourOfWeek" if weekly else "HourOfDay",
        excess=_by_hour(starts, excess, 168 if weekly else 24),
        chunks=int(starts.size),
        trend=trend,
    )


def hour_of_week(seconds: Floats | float) -> NDArray[np.int64]:
    """0 … 167, hour 0 is Monday 00:00 UTC (1970-01-01 was a Thursday)."""
    return ((np.asarray(seconds) // HOUR).astype(np.int64) + 72) % 168


def excess_at(limit: SeasonalLimit, start: float) -> float:
    """The stored excess for a window that starts at `start` (seconds since 1970 UTC)."""
    return limit.excess[int(hour_of_week(start)) % len(limit.excess)]


def _chunks(codes: NDArray[np.int64], bins: int, seconds: Floats, length: int) -> tuple[Floats, Floats]:
    known = np.isfinite(seconds)
    # Weeks begin on Monday: 4 days after the epoch's Thursday.
    shift = 4 * 24 * HOUR if length == WEEK else 0
    starts, chunk = np.unique(np.floor((seconds[known] - shift) / length) * length + shift, return_inverse=True)
    cells = np.bincount(chunk * bins + codes[known], minlength=starts.size * bins)
    return starts, cells.reshape(starts.size, bins).astype(np.float64)


def _without_trend(starts: Floats, counts: Floats) -> tuple[Floats, float]:
    """Counts with each bin's linear trend removed, when any bin's is significant; and the largest change of a share.

    A reference with a trend lies far from itself at both ends; taken as season, that would hide real drift.
    """
    rows = counts.sum(axis=1, keepdims=True)
    shares = counts / rows
    t = starts - starts.mean()
    slope = t @ shares / (t @ t)
    residual = shares - shares.mean(axis=0) - np.outer(t, slope)
    error = np.sqrt((residual**2).sum(axis=0) / (starts.size - 2) / (t @ t))
    critical = ndtri(1 - TREND_ALPHA / 2 / counts.shape[1])
    if not (np.abs(slope) > critical * np.maximum(error, 1e-12)).any():
        return counts, 0.0
    flat = np.clip(shares - np.outer(t, slope), 0.0, None)
    return flat / flat.sum(axis=1, keepdims=True) * rows, float(np.abs(slope).max() * (t[-1] - t[0]))


def _excess(total: Floats, chunks: Floats, design_effect: float) -> Floats:
    effective = chunks.sum(axis=1) / design_effect
    m = np.full(effective.size, total.sum() / design_effect)
    reference = np.broadcast_to(total, chunks.shape)
    merged = merge_small(reference, chunks, np.ones(chunks.shape, dtype=bool), np.minimum(effective, m))
    return psi(merged) - expected_noise(effective, m, merged.bins)


def _by_hour(starts: Floats, excess: Floats, hours: int) -> list[float]:
    """The percentile of each hour; an hour without a chunk takes the last hour before it that has one."""
    hour = hour_of_week(starts) % hours
    found = {h: float(np.quantile(excess[hour == h], PERCENTILE, method="higher")) for h in np.unique(hour).tolist()}
    filled: list[float] = []
    last = found[max(found)]
    for h in range(hours):
        last = found.get(h, last)
        filled.append(round(last, 6))
    return filled


def window_excess(limits: Sequence[SeasonalLimit], start: float, end: float) -> float:
    """The excess that a window may have by season; −∞ when no stored chunk is as short as the window.

    Uses the longest chunks that are not longer than the window, and the highest of the hours at which one begins.
    """
    fitting = [x for x in limits if x.window_seconds <= end - start]
    if not fitting:
        return -np.inf
    limit = max(fitting, key=lambda x: x.window_seconds)
    begins = np.arange(start, end, max(HOUR, limit.window_seconds))[:168]
    return max(excess_at(limit, float(t)) for t in begins)
