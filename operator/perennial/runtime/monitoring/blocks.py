"""Block sums of rows that are all at hand, by minute; servers keep the same sums row by row."""

import numpy as np
from numpy.typing import NDArray

from perennial.api.records.profile import BlockSums
from perennial.stats.effective import bin_ranks

BLOCK_SECONDS = 60


def time_block_sums(codes: NDArray[np.int64], bins: int, seconds: NDArray[np.float64]) -> BlockSums:
    """Block sums of rows by minute, from row codes (shape (rows,)) and times in seconds (NaN: left out)."""
    known = np.isfinite(seconds)
    _, block = np.unique(np.floor(seconds[known] / BLOCK_SECONDS), return_inverse=True)
    blocks = int(block.max()) + 1 if block.size else 0
    keys = block.astype(np.int64) * bins + codes[known]
    cells, rows = np.unique(keys, return_counts=True)
    return _sparse_sums(cells // bins, cells % bins, rows, blocks, bins)


def _sparse_sums(
    block: NDArray[np.int64], code: NDArray[np.int64], rows: NDArray[np.int64], blocks: int, bins: int
) -> BlockSums:
    """Block sums from the non-empty cells only: a reference may span half a million minutes."""
    per_block = np.bincount(block, weights=rows, minlength=blocks)
    ranks = np.bincount(block, weights=rows * bin_ranks(bins)[code], minlength=blocks)
    return BlockSums(
        blocks=blocks,
        squares=np.bincount(code, weights=rows**2, minlength=bins).astype(np.int64).tolist(),
        crosses=np.bincount(code, weights=rows * per_block[block], minlength=bins).astype(np.int64).tolist(),
        row_squares=int((per_block**2).sum()),
        rank_squares=int((ranks**2).sum()),
        rank_crosses=int((ranks * per_block).sum()),
    )
