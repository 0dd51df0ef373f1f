"""Sums of window files: over pods and boots of a slot, and over slots of a longer window. Exact, order-free."""

from collections.abc import Iterable

from perennial.api.records.profile import BlockSums
from perennial.api.records.window import ColumnCounts, WindowRecord


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
        ),
        outside=sum(p.outside for p in parts),
        invalid=sum(p.invalid for p in parts),
    )


def _add(lists: list[list[int]]) -> list[int]:
    """Element-wise sum of lists of one length."""
    return [sum(column) for column in zip(*lists, strict=True)]
