"""Data quality of a window: missing, type and out-of-range rates against the reference's. It is not drift."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from perennial.api.records.profile import Reference
from perennial.api.records.window import ColumnCounts
from perennial.stats.rates import rise_p_value
from perennial.stats.tables import CountTable

ALPHA = 0.001
"""Per window, over both kinds of rate and all columns."""
MIN_RISE = 0.01
"""A smaller rise of a rate is never an alert: one percentage point."""

Floats = NDArray[np.float64]
Alert = Literal["Missing", "Type", "Outside"]


def rate_alerts(
    references: Sequence[Reference],
    counts: Sequence[ColumnCounts],
    counted: CountTable,
    effects: Floats,
    reference_rows: Floats,
) -> list[tuple[Alert, ...]]:
    """The alerts of each column: a rate is up by at least a point, at mid-p ≤ 0.001/(2K).

    Missing and type rates block retraining; values outside the reference only say that it has something to mend.
    """
    rows = counted.rows
    base_rows = np.array([float(r.rows) for r in references])
    base_effects = base_rows / np.maximum(reference_rows, 1.0)
    clustered = np.maximum(effects, counted.last_bin_effects([len(c.counts) for c in counts]))
    missing = np.array([c.counts[-1] for c in counts], dtype=np.float64)
    invalid = np.array([c.invalid for c in counts], dtype=np.float64)
    outside = np.array([c.outside for c in counts], dtype=np.float64)
    base_missing = np.array([r.missing for r in references], dtype=np.float64)
    base_outside = np.array([r.outside for r in references], dtype=np.float64)
    up: dict[Alert, NDArray[np.bool_]] = {
        "Missing": _risen(missing, rows, base_missing, base_rows, clustered, base_effects),
        "Type": _risen(invalid, rows + invalid, np.zeros_like(rows), base_rows, clustered, base_effects),
        "Outside": _risen(outside, rows, base_outside, base_rows, effects, base_effects),
    }
    alerts: list[tuple[Alert, ...]] = [()] * len(references)
    for name, flags in up.items():
        for i in np.flatnonzero(flags).tolist():
            alerts[i] = (*alerts[i], name)
    return alerts


def _risen(
    events: Floats, rows: Floats, base_events: Floats, base_rows: Floats, effects: Floats, base_effects: Floats
) -> NDArray[np.bool_]:
    p = rise_p_value(events / effects, rows / effects, base_events / base_effects, base_rows / base_effects)
    rise = events / np.maximum(rows, 1.0) - base_events / np.maximum(base_rows, 1.0)
    return (p <= ALPHA / (2 * rows.size)) & (rise >= MIN_RISE)
