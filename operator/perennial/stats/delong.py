"""ROC AUC with its sampling variance, alone and paired, by structural components."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def midranks(values: Floats) -> Floats:
    """Ranks from 1, ties share their mean; shape (rows,)."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    upper = np.cumsum(counts)
    return (upper - (counts - 1) / 2)[inverse]


def components(positive: NDArray[np.bool_], score: NDArray[Any]) -> tuple[float, Floats]:
    """AUC, and each row's influence on it: their sum of squares is the variance of the AUC.

    Structural components V₁₀, V₀₁ of E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988)
    837-845, by midranks (X. Sun, W. Xu, IEEE Signal Processing Letters 21, 2014).

    Args:
        positive: shape (rows,).
        score: shape (rows,).

    Returns:
        AUC and influences of shape (rows,): (V₁₀ − AUC)/√(m(m − 1)) of positives, likewise of negatives. NaN and
        zeros when a class is absent.
    """
    score = np.asarray(score, dtype=np.float64)
    m, n = int(positive.sum()), int((~positive).sum())
    if m == 0 or n == 0:
        return float("nan"), np.zeros(score.size)
    overall = midranks(score)
    v10 = (overall[positive] - midranks(score[positive])) / n
    v01 = 1.0 - (overall[~positive] - midranks(score[~positive])) / m
    auc = float(v10.mean())
    influence = np.empty(score.size)
    influence[positive] = (v10 - auc) / np.sqrt(m * max(m - 1, 1))
    influence[~positive] = (v01 - auc) / np.sqrt(n * max(n - 1, 1))
    return auc, influence
