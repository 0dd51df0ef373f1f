"""Which inputs are not watched by default: what moves with the calendar by its nature, and free text."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perennial.api.records.profile import Unwatched, UnwatchedReason
from perennial.api.records.signature import InputColumn, Signature
from perennial.runtime.monitoring.columns import as_numbers

MONOTONE = 0.95
RANKED_ROWS = 20_000
DATE_PART = re.compile(
    r"(^|_)(year|quarter|month|week|week_?of_?year|day|day_?of_?(week|month|year)|weekday|hour|minute|second)s?$",
    re.IGNORECASE,
)


def unwatched_columns(
    columns: Mapping[str, NDArray[Any]], signature: Signature, seconds: NDArray[np.float64] | None
) -> list[Unwatched]:
    """The inputs that are not watched, each with its reason.

    Args:
        seconds: time of each row, shape (rows,), NaN where unknown; None without a time column.
    """
    reasons = ((c, _reason(c, columns[c.name], signature, seconds)) for c in signature.inputs if c.name in columns)
    return [Unwatched(name=c.name, reason=reason) for c, reason in reasons if reason]


def _reason(
    column: InputColumn, values: NDArray[Any], signature: Signature, seconds: NDArray[np.float64] | None
) -> UnwatchedReason | None:
    if column.name == signature.id_column:
        return "Id"
    if column.kind == "text":
        return "Text"
    if column.kind == "categorical":
        return None
    numbers = as_numbers(values)
    if not np.isfinite(numbers).any():
        return "Empty"
    if seconds is None:
        in_order = column.kind == "datetime" and _rank_correlation(numbers, np.arange(float(numbers.size))) > MONOTONE
        return "Time" if in_order else "DatePart" if _is_date_part(column, numbers, None) else None
    if np.array_equal(numbers, seconds, equal_nan=True):
        return "Time"
    if _is_date_part(column, numbers, seconds):
        return "DatePart"
    return "MonotoneInTime" if _rank_correlation(numbers, seconds) > MONOTONE else None


def _is_date_part(column: InputColumn, numbers: NDArray[np.float64], seconds: NDArray[np.float64] | None) -> bool:
    whole = numbers[np.isfinite(numbers)]
    if column.kind != "numeric" or not (whole == np.floor(whole)).all():
        return False
    if DATE_PART.search(column.name) and whole.min() >= 0 and whole.max() <= 2200:
        return True
    return seconds is not None and np.unique(whole[:RANKED_ROWS]).size > 1 and _equals_a_part(numbers, seconds)


def _equals_a_part(numbers: NDArray[np.float64], seconds: NDArray[np.float64]) -> bool:
    both = np.isfinite(numbers) & np.isfinite(seconds)
    times = seconds[both].astype("datetime64[s]")
    days = times.astype("datetime64[D]")
    month = times.astype("datetime64[M]").astype(np.int64) % 12 + 1
    parts = (
        times.astype("datetime64[Y]").astype(np.int64) + 1970,
        month,
        (month + 2) // 3,
        (days - times.astype("datetime64[M]")).astype(np.int64) + 1,
        (days.astype(np.int64) + 3) % 7,
        (times - days).astype(np.int64) // 3600,
    )
    return any(np.mean(part == numbers[both]) >= 0.99 for part in parts)


def _rank_correlation(numbers: NDArray[np.float64], seconds: NDArray[np.float64]) -> float:
    """|Spearman's ρ| on at most 20,000 evenly spaced rows."""
    both = np.flatnonzero(np.isfinite(numbers) & np.isfinite(seconds))
    if both.size < 10:
        return 0.0
    some = both[np.linspace(0, both.size - 1, min(both.size, RANKED_ROWS)).astype(np.int64)]
    a, b = _ranks(numbers[some]), _ranks(seconds[some])
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(abs(np.corrcoef(a, b)[0, 1]))


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    upper = np.cumsum(counts)
    return (upper - (counts - 1) / 2)[inverse]
