"""The estimator itself behind the fast encoder: no DataFrame, no ColumnTransformer, one thread."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from perennial.runtime.artifacts.columns import Columns
from perennial.runtime.artifacts.encoder import FastEncoder
from perennial.runtime.artifacts.scoring.pipeline import SCORES, one_thread


class MatrixScorer:
    """For estimators without a verified graph, where the encoder was verified."""

    path = "sklearn"

    def __init__(self, encoder: FastEncoder, estimator: Any) -> None:
        self._encoder = encoder
        self._estimator = one_thread(estimator)
        self.scores = frozenset(name for name in SCORES if hasattr(estimator, name))

    def score(self, columns: Columns, wanted: frozenset[str]) -> dict[str, np.ndarray]:
        """See `Scorer.score`."""
        return self.of_matrix(self._encoder.encode(columns), wanted)

    def of_matrix(self, matrix: np.ndarray, wanted: frozenset[str]) -> dict[str, np.ndarray]:
        """The wanted scores of an encoded matrix."""
        with warnings.catch_warnings():  # LightGBM: fitted with names that it made up, asked without
            warnings.simplefilter("ignore")
            return {name: np.asarray(getattr(self._estimator, name)(matrix)) for name in wanted}
