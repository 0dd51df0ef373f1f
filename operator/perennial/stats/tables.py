"""Bin counts of many columns in one padded table, so that a thousand features are scored in a few array operations."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from perennial.api.records.profile import BlockSums, Reference
from perennial.api.records.window import ColumnCounts
from perennial.stats.effective import design_effect, rank_effect

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CountTable:
    """Counts of shape (columns, widest), zero where a column has no such bin, and their block sums."""

    counts: Floats
    exists: NDArray[np.bool_]
    squares: Floats
    crosses: Floats
    row_squares: Floats  # shape (columns,)
    rank_squares: Floats
    rank_crosses: Floats

    @classmethod
    def of_references(cls, references: Sequence[Reference]) -> "CountTable":
        """The references' counts."""
        return cls._of([r.counts for r in references], [r.blocks for r in references])

    @classmethod
    def of_counts(cls, counts: Sequence[ColumnCounts]) -> "CountTable":
        """A window's counts."""
        return cls._of([c.counts for c in counts], [c.blocks for c in counts])

    @classmethod
    def _of(cls, counts: list[list[int]], blocks: list[BlockSums | None]) -> "CountTable":
        sizes = np.array([len(c) for c in counts])
        exists = np.arange(sizes.max()) < sizes[:, None]
        empty = [[0] * len(c) for c in counts]
        sums = [
            b if b is not None and b.squares else BlockSums(squares=e, crosses=e)
            for b, e in zip(blocks, empty, strict=True)
        ]
        return cls(
            counts=_padded(counts, exists),
            exists=exists,
            squares=_padded([b.squares for b in sums], exists),
            crosses=_padded([b.crosses for b in sums], exists),
            row_squares=np.array([b.row_squares for b in sums], dtype=np.float64),
            rank_squares=np.array([b.rank_squares for b in sums], dtype=np.float64),
            rank_crosses=np.array([b.rank_crosses for b in sums], dtype=np.float64),
        )

    @property
    def rows(self) -> Floats:
        """Rows of each column, shape (columns,)."""
        total: Floats = self.counts.sum(axis=1)
        return total

    def effects(self) -> Floats:
        """Design effect of each column, shape (columns,)."""
        return design_effect(self.counts, self.squares, self.crosses, self.row_squares)

    def strongest_effects(self) -> Floats:
        """Design effect of each column's mean bin number, shape (columns,); see `rank_effect`."""
        sizes = self.exists.sum(axis=1)
        ranks = np.broadcast_to(np.arange(self.exists.shape[1]), self.exists.shape).copy()
        ranks[np.arange(sizes.size), sizes - 1] = np.maximum(sizes - 2, 0) // 2
        return rank_effect(self.counts, ranks, self.rank_squares, self.rank_crosses, self.row_squares)

    def last_bin_effects(self, sizes: Sequence[int]) -> Floats:
        """Design effect of each column's missing bin alone, shape (columns,)."""
        rows, last = np.arange(len(sizes)), np.asarray(sizes) - 1
        missing = self.counts[rows, last]
        # Two bins, missing and present: squares and crosses of the second follow from those of the first.
        squares, crosses = self.squares[rows, last], self.crosses[rows, last]
        present_squares = self.row_squares - 2 * crosses + squares
        present_crosses = self.row_squares - crosses
        return design_effect(
            np.column_stack([missing, self.rows - missing]),
            np.column_stack([squares, present_squares]),
            np.column_stack([crosses, present_crosses]),
            self.row_squares,
        )


def _padded(lists: Sequence[Sequence[int]], exists: NDArray[np.bool_]) -> Floats:
    table = np.zeros(exists.shape)
    table[exists] = np.fromiter(chain.from_iterable(lists), dtype=np.float64)
    return table
