"""Folds of cross-validation with the structure of the split, on the training part alone."""

import numpy as np
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, TimeSeriesSplit

from perennial.runtime.training.failures import DataRefused
from perennial.runtime.training.split import Split

Fold = tuple[np.ndarray, np.ndarray]


def folds(split: Split, y: np.ndarray | None, *, count: int, seed: int, classes: bool) -> list[Fold]:
    """(row numbers to learn from, row numbers to score on), `count` of them.

    Temporal splits give an expanding window, so that nothing is scored by what came after it; groups stay together;
    classes keep their shares; the rest is shuffled by the seed.

    Raises:
        DataRefused: too few rows or groups for so many folds.
    """
    rows = split.train
    if split.strategy == "temporal" or (split.strategy == "separate" and split.moments is not None):
        parts = TimeSeriesSplit(n_splits=count).split(rows)
    elif split.groups is not None:
        parts = GroupKFold(n_splits=count).split(rows, groups=split.groups[rows])
    elif classes and y is not None:
        parts = StratifiedKFold(n_splits=count, shuffle=True, random_state=seed).split(rows, y[rows])
    else:
        parts = KFold(n_splits=count, shuffle=True, random_state=seed).split(rows)
    try:
        return [(rows[learn], rows[score]) for learn, score in parts]
    except ValueError as error:
        raise DataRefused(
            f"spec.algorithm.search.folds: {count} folds cannot be made of {len(rows)} training rows ({error}); "
            f"ask for fewer folds",
            reason="TooFewRows",
        ) from error
