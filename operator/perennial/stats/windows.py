"""Sums of window files: over pods and boots of a slot, and over slots of a longer window. Exact, order-free.

When a window closes and how long one is a second reference is said here; what windows mean, in `perennial.stats.drift`.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from perennial.api.fields import parse_time
from perennial.api.records.profile import BlockSums
from perennial.api.records.window import ColumnCounts, WindowRecord

SETTLE = timedelta(minutes=3)
LONGEST = timedelta(days=7)
ACKNOWLEDGED_FOR = timedelta(days=28)
"""How long windows are a second reference after a challenger for them was refused: then a new model would learn from
other rows than that one had. A harmless drift that lasts costs no more than a monthly schedule, and the 35 d for which
window files are kept suffice (docs/decisions/acknowledged-drift-expires.md)."""


def sum_windows(files: Iterable[WindowRecord]) -> WindowRecord:
    """One record that holds all rows of the given ones, which must be of one artifact and profile.

    Raises:
        ValueError: no file was given, or they count in the bins of different profiles.
    """
    records = list(files)
    if not records:
        raise ValueError("sum_windows: at least one window file is needed")
    first = records[0]
    for record in records:
        if (record.artifact, record.profile) != (first.artifact, first.profile):
            raise ValueError(
                f"sum_windows: windows of {first.artifact} (profile {first.profile}) and of {record.artifact} "
                f"(profile {record.profile}) cannot be added; sum each version's windows apart"
            )
    return WindowRecord(
        artifact=first.artifact,
        version=first.version,
        profile=first.profile,
        start=min(r.start for r in records),
        end=max(r.end for r in records),
        first=min((r.first for r in records if r.first), default=None),
        last=max((r.last for r in records if r.last), default=None),
        rows=sum(r.rows for r in records),
        features=_sum_columns([r.features for r in records]),
        outputs=_sum_columns([r.outputs for r in records]),
        scores=_add([r.scores for r in records if r.scores]),
        writers=sum(r.writers for r in records),
        complete=all(r.complete for r in records),
        dropped=sum(r.dropped for r in records),
    )


def _sum_columns(parts: list[dict[str, ColumnCounts]]) -> dict[str, ColumnCounts]:
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: _sum_column([part[name] for part in parts if name in part]) for name in names}


def _sum_column(parts: list[ColumnCounts]) -> ColumnCounts:
    return ColumnCounts(
        counts=_add([p.counts for p in parts]),
        blocks=BlockSums(
            blocks=sum(p.blocks.blocks for p in parts),
            squares=_add([p.blocks.squares for p in parts]),
            crosses=_add([p.blocks.crosses for p in parts]),
            row_squares=sum(p.blocks.row_squares for p in parts),
            rank_squares=sum(p.blocks.rank_squares for p in parts),
            rank_crosses=sum(p.blocks.rank_crosses for p in parts),
        ),
        outside=sum(p.outside for p in parts),
        invalid=sum(p.invalid for p in parts),
    )


def _add(lists: list[list[int]]) -> list[int]:
    """Element-wise sum of lists of one length."""
    return [sum(column) for column in zip(*lists, strict=True)]


def closed_windows(
    slots: Iterable[WindowRecord], *, now: datetime, window: timedelta, min_samples: int
) -> list[WindowRecord]:
    """The windows that can be judged now, oldest first, each the sum of its slots.

    A window closes when it has both its time and its rows, at the latest after 7 d; empty time is skipped; a slot
    counts 3 min after its end, when its pods have flushed.

    Args:
        slots: one record a slot (already summed over pods), any order, of one artifact.
        now: aware.
    """
    ready = [s for s in slots if s.rows and parse_time(s.end) + SETTLE <= now]
    closed: list[WindowRecord] = []
    waiting: list[WindowRecord] = []
    for slot in sorted(ready, key=lambda s: s.start):
        if waiting and parse_time(slot.end) - parse_time(waiting[0].start) > LONGEST:
            closed.append(sum_slots(waiting))
            waiting = []
        waiting.append(slot)
        length = parse_time(slot.end) - parse_time(waiting[0].start)
        if length >= window and sum(s.rows for s in waiting) >= min_samples:
            closed.append(sum_slots(waiting))
            waiting = []
    if waiting and now - parse_time(waiting[0].start) > LONGEST:
        closed.append(sum_slots(waiting))
    return closed


def acknowledged_until(end: str) -> datetime:
    """When windows that end at `end` are no second reference any more."""
    return parse_time(end) + ACKNOWLEDGED_FOR


def sum_slots(slots: list[WindowRecord]) -> WindowRecord:
    """The sum of summed slots: `writers` is that of the slot with the most, not their total."""
    return sum_windows(slots).model_copy(update={"writers": max(s.writers for s in slots)})
