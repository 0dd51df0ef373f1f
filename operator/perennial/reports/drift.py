"""The drift report of one model: verdicts and bins of its last windows, put in the order in which things changed."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from math import isfinite

from perennial.api.fields import format_time
from perennial.api.records.drift_report import BinShares, DriftReport, ReportColumn, ReportWindow
from perennial.api.records.profile import Profile, Reference
from perennial.api.records.window import ColumnCounts, WindowRecord
from perennial.stats.verdicts import DriftState, WindowVerdict
from perennial.stats.windows import sum_slots

MOST_COLUMNS = 500
NEVER = "9999"
"""Behind every time: columns without an alarm come last."""


def drift_report(
    profile: Profile,
    records: Sequence[WindowRecord],
    verdicts: Sequence[WindowVerdict],
    state: DriftState,
    *,
    namespace: str = "",
    model: str = "",
) -> DriftReport:
    """What the windows show.

    Args:
        records: the windows, oldest first; at least one.
        verdicts: theirs, in the same order.
        state: what they mean together.
    """
    alarming = [r for r in records if state.since is not None and r.start >= state.since]
    shown = sum_slots(alarming or [records[-1]])
    counts = {**shown.features, **shown.outputs}
    references = [r for r in (*profile.features, *profile.outputs) if r.name in counts]
    columns = [_column(r, counts[r.name], verdicts, state) for r in references]
    columns.sort(key=lambda c: (c.first_alarm or NEVER, -_ratio(c.score, c.limit), c.name))
    return DriftReport(
        namespace=namespace,
        model=model,
        version=shown.version,
        artifact=shown.artifact,
        state=state.state,
        share=state.share,
        message=state.message,
        windows=[
            ReportWindow(start=v.start, end=v.end, rows=v.rows, effective_rows=v.effective_rows, evaluated=v.evaluated)
            for v in verdicts
        ],
        start=shown.start,
        end=shown.end,
        rows=shown.rows,
        columns=columns[:MOST_COLUMNS],
    )


def _column(
    reference: Reference, counts: ColumnCounts, verdicts: Sequence[WindowVerdict], state: DriftState
) -> ReportColumn:
    trail = [next((c for c in v.columns if c.name == reference.name), None) for v in verdicts]
    history = next((c for c in state.columns if c.name == reference.name), None)
    newest = next((c for c in reversed(trail) if c is not None), None)
    alarms = (v.start for v, c in zip(verdicts, trail, strict=True) if c is not None and c.state == "Alarm")
    return ReportColumn(
        name=reference.name,
        role=newest.role if newest else "feature",
        drifted=history.drifted if history else False,
        score=history.score if history else 0.0,
        limit=history.limit if history and isfinite(history.limit) else 0.0,
        alarms=history.alarms if history else 0,
        evaluated=history.evaluated if history else 0,
        importance=history.importance if history else 0.0,
        first_alarm=next(alarms, None),
        ratios=[_ratio(c.score, c.limit) if c is not None and c.evaluated else None for c in trail],
        missing=newest.missing if newest else 0.0,
        outside=newest.outside if newest else 0.0,
        bins=list(_bins(reference, counts)),
    )


def _ratio(score: float, limit: float) -> float:
    return round(score / limit, 4) if limit > 0 and isfinite(limit) else 0.0


def _bins(reference: Reference, counts: ColumnCounts) -> Iterator[BinShares]:
    before, after = max(sum(reference.counts), 1), max(sum(counts.counts), 1)
    for label, old, new in zip(bin_labels(reference), reference.counts, counts.counts, strict=True):
        yield BinShares(label=label, reference=old / before, window=new / after)


def bin_labels(reference: Reference) -> list[str]:
    """What each bin holds, in words, one a bin."""
    if reference.kind == "categorical":
        return [*reference.categories, "any other", "missing"]
    if reference.kind == "boolean" and len(reference.edges) == 1:
        return ["false", "true", "missing"]
    ends = [_end(reference, edge) for edge in reference.edges]
    if not ends:
        return ["any value", "missing"]
    middle = [f"{low} to {high}" for low, high in pairwise(ends)]
    return [f"up to {ends[0]}", *middle, f"above {ends[-1]}", "missing"]


def _end(reference: Reference, edge: float) -> str:
    if reference.kind == "datetime":
        return format_time(datetime.fromtimestamp(edge, UTC).replace(microsecond=0))
    return f"{edge:.4g}"
