"""The paths from canonical columns to scores, one module each; all give the same numbers for the same model."""

from typing import Protocol

import numpy as np

from perennial.runtime.artifacts.columns import Columns


class Scorer(Protocol):
    """One path.

    Scores by name: `predict_proba` (rows, classes) float64; `decision_function` (rows,) or (rows, classes) float64;
    `predict` (rows,): the value of a regression, ±1 of an outlier detector, the class code of a classifier.
    """

    path: str

    def score(self, columns: Columns, wanted: frozenset[str]) -> dict[str, np.ndarray]:
        """The wanted scores; further ones may come along."""
        ...
