"""The sums of one slot: bin counts, block sums, rates. Additive, and independent of the number of rows."""

from typing import Any

import numpy as np

from perennial.api.records.profile import BlockSums
from perennial.api.records.window import ColumnCounts, WindowRecord
from perennial.runtime.monitoring.columns import Layout
from perennial.runtime.monitoring.times import iso

SCORE_BINS = 100
BLOCK_SUMS = ("squares", "crosses", "row_squares", "rank_squares", "rank_crosses", "blocks")
ADDITIVE = ("counts", *BLOCK_SUMS, "outside", "invalid", "scores")


class SlotSums:
    """Integer vectors over all bins of all watched columns, and the minute that is still open."""

    def __init__(self, layout: Layout) -> None:
        """All zero."""
        bins, columns = int(layout.offsets[-1]), len(layout.coders)
        self._offsets, self._owner, self._ranks = layout.offsets, layout.owner, layout.ranks
        self.open = np.zeros(bins, dtype=np.int64)
        self.counts = np.zeros(bins, dtype=np.int64)
        self.squares = np.zeros(bins, dtype=np.int64)
        self.crosses = np.zeros(bins, dtype=np.int64)
        self.row_squares = np.zeros(columns, dtype=np.int64)
        self.rank_squares = np.zeros(columns, dtype=np.int64)
        self.rank_crosses = np.zeros(columns, dtype=np.int64)
        self.blocks = np.zeros(columns, dtype=np.int64)
        self.outside = np.zeros(columns, dtype=np.int64)
        self.invalid = np.zeros(columns, dtype=np.int64)
        self.scores = np.zeros(SCORE_BINS, dtype=np.int64)
        self.rows = 0
        self.dropped = 0
        self.first = np.inf
        self.last = -np.inf

    def close_block(self) -> None:
        """The open minute is over: fold it into the block sums."""
        if not self.open.any():
            return
        rows = np.add.reduceat(self.open, self._offsets[:-1])
        self.counts += self.open
        self.squares += self.open**2
        self.crosses += self.open * rows[self._owner]
        self.row_squares += rows**2
        ranks = np.add.reduceat(self.open * self._ranks, self._offsets[:-1])
        self.rank_squares += ranks**2
        self.rank_crosses += ranks * rows
        self.blocks += rows > 0
        self.open[:] = 0

    def add(self, other: "SlotSums") -> None:
        """Add sums of the same layout; both keep their open minute as a block of its own."""
        closed = other.closed()
        mine = self.closed()
        for name in ADDITIVE:
            setattr(self, name, getattr(mine, name) + getattr(closed, name))
        self.open = np.zeros_like(self.open)
        self.rows += other.rows
        self.dropped += other.dropped
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)

    def closed(self) -> "SlotSums":
        """A copy in which the open minute counts as a block."""
        copy = SlotSums.__new__(SlotSums)
        copy.__dict__.update({k: v.copy() if isinstance(v, np.ndarray) else v for k, v in self.__dict__.items()})
        copy.close_block()
        return copy

    def to_record(self, layout: Layout, **identity: Any) -> WindowRecord:
        """These sums as a window file's content."""
        closed = self.closed()
        columns = [closed._column(i) for i in range(len(layout.coders))]
        features = len(layout.features)
        return WindowRecord(
            first=iso(self.first) if self.rows else None,
            last=iso(self.last) if self.rows else None,
            rows=self.rows,
            dropped=self.dropped,
            features={c.name: v for c, v in zip(layout.features, columns[:features], strict=True)},
            outputs={c.name: v for c, v in zip(layout.outputs, columns[features:], strict=True)},
            scores=self.scores.tolist() if self.scores.any() else [],
            **identity,
        )

    def _column(self, i: int) -> ColumnCounts:
        part = slice(*self._offsets[i : i + 2])
        return ColumnCounts(
            counts=self.counts[part].tolist(),
            blocks=BlockSums(
                blocks=int(self.blocks[i]),
                squares=self.squares[part].tolist(),
                crosses=self.crosses[part].tolist(),
                row_squares=int(self.row_squares[i]),
                rank_squares=int(self.rank_squares[i]),
                rank_crosses=int(self.rank_crosses[i]),
            ),
            outside=int(self.outside[i]),
            invalid=int(self.invalid[i]),
        )
