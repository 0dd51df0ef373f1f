"""Monotone calibration of scores in 100 bins, and how far off it is on rows it has not seen."""

import numpy as np
from numpy.typing import NDArray

SCORE_BINS = 100
FOLDS = 5
ERROR_GROUPS = 10

Floats = NDArray[np.float64]


def isotonic(counts: Floats, hits: Floats) -> Floats:
    """Non-decreasing P(hit) per bin, shape (bins,); empty bins take their neighbours' interpolation.

    Pool adjacent violators (M. Ayer et al., Ann. Math. Stat. 26, 1955).
    """
    filled = np.flatnonzero(counts > 0)
    if filled.size == 0:
        return np.full(counts.size, 0.5)
    blocks: list[list[float]] = []  # [hits, rows, bins]
    for i in filled:
        blocks.append([float(hits[i]), float(counts[i]), 1.0])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    fitted = np.concatenate([np.full(int(b[2]), b[0] / b[1]) for b in blocks])
    curve: Floats = np.interp(np.arange(counts.size), filled, fitted)
    return curve


def cross_fitted_error(codes: NDArray[np.int64], hit: NDArray[np.bool_]) -> float:
    """Root mean squared calibration error of `isotonic` on rows it was not fitted on (5 folds, by position).

    In 10 groups of equal size by score, less what sampling alone contributes: the debiased
    estimator of A. Kumar, P. Liang, T. Ma, Verified Uncertainty Calibration, NeurIPS 2019, §4. It bounds the
    expected calibration error from above.

    Args:
        codes: score bin of each row, shape (rows,).
        hit: whether the row is positive (or right), shape (rows,).
    """
    fold = np.arange(codes.size) % FOLDS
    predicted = np.empty(codes.size)
    for k in range(FOLDS):
        rest = fold != k
        counts = np.bincount(codes[rest], minlength=SCORE_BINS).astype(np.float64)
        hits = np.bincount(codes[rest & hit], minlength=SCORE_BINS).astype(np.float64)
        predicted[~rest] = isotonic(counts, hits)[codes[~rest]]
    return _debiased_error(codes, predicted, hit)


def _debiased_error(codes: NDArray[np.int64], predicted: Floats, hit: NDArray[np.bool_]) -> float:
    squared = 0.0
    for group in np.array_split(np.argsort(codes, kind="stable"), ERROR_GROUPS):
        if group.size < 2:
            continue
        rate = float(hit[group].mean())
        gap = (rate - float(predicted[group].mean())) ** 2 - rate * (1 - rate) / (group.size - 1)
        squared += group.size / predicted.size * gap
    return float(np.sqrt(max(0.0, squared)))
