"""The reference path: the fitted scikit-learn pipeline itself, on a DataFrame, with one thread."""

from __future__ import annotations

from typing import Any

import numpy as np

from perennial.api.records.signature import Signature
from perennial.runtime.artifacts.columns import Columns

SCORES = ("predict_proba", "decision_function", "predict")


class PipelineScorer:
    """Any pipeline. Slow for single rows (a DataFrame and a ColumnTransformer each), right for all."""

    path = "pipeline"

    def __init__(self, pipeline: Any, signature: Signature) -> None:
        from perennial.runtime.artifacts.pipeline import frame

        self._pipeline = one_thread(pipeline)
        self._signature = signature
        self._frame = frame
        self.scores = frozenset(name for name in SCORES if hasattr(pipeline, name))

    def score(self, columns: Columns, wanted: frozenset[str]) -> dict[str, np.ndarray]:
        """See `Scorer.score`."""
        table = self._frame(columns, self._signature)
        return {name: np.asarray(getattr(self._pipeline, name)(table)) for name in wanted}


def one_thread(pipeline: Any) -> Any:
    """Every `n_jobs` inside set to 1: a pool of threads costs more than one row does."""
    parameters = pipeline.get_params(deep=True)
    pipeline.set_params(**{name: 1 for name in parameters if name == "n_jobs" or name.endswith("__n_jobs")})
    return pipeline
