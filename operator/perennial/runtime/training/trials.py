"""One trial: a design scored by cross-validation on the training part. A failed trial scores worst, with its reason."""

import math
from collections.abc import Sequence

import numpy as np

from perennial.api.algorithm import Candidate
from perennial.api.metrics import METRICS
from perennial.runtime.training.answers import of_pipeline
from perennial.runtime.training.failures import TrainingFailure, UserCodeFailed
from perennial.runtime.training.fitting import fit
from perennial.runtime.training.folds import Fold
from perennial.runtime.training.judging import is_possible
from perennial.runtime.training.preprocess import Prepared
from perennial.runtime.training.request import Request
from perennial.runtime.training.suggest import Result, Suggestion
from perennial.stats.metrics import Rows, value


class Trials:
    """Runs trials on fixed folds and remembers why they failed."""

    def __init__(self, prepared: Prepared, request: Request, parts: Sequence[Fold], metric: str) -> None:
        self._prepared = prepared
        self._request = request
        self._parts = parts
        self._metric = metric
        self._failures: list[TrainingFailure] = []

    def run(self, base: Candidate, suggestion: Suggestion) -> Result:
        """Mean score over the folds with its standard error; larger is better."""
        parameters = {**base.parameters, **suggestion.parameters}
        design = Candidate(estimator=base.estimator, parameters=parameters)
        try:
            scores = [self._score(design, learn, score, suggestion.share) for learn, score in self._parts]
        except TrainingFailure as failure:
            self._failures.append(failure)
            return Result(suggestion.index, suggestion.parameters, None, share=suggestion.share, failure=str(failure))
        known = np.array([s for s in scores if math.isfinite(s)])
        if not known.size:
            nowhere = UserCodeFailed(f"spec.algorithm.search.objective: {self._metric} is defined on no fold")
            self._failures.append(nowhere)
            return Result(suggestion.index, suggestion.parameters, None, share=suggestion.share, failure=str(nowhere))
        error = float(known.std(ddof=1) / math.sqrt(known.size)) if known.size > 1 else 0.0
        return Result(suggestion.index, suggestion.parameters, float(known.mean()), error, suggestion.share)

    def _score(self, design: Candidate, learn: np.ndarray, score: np.ndarray, share: float) -> float:
        """One fold. A part of the rows is picked evenly, so that neither times nor sorted classes are cut off."""
        prepared = self._prepared
        kept = learn[np.linspace(0, len(learn) - 1, max(2, round(share * len(learn)))).astype(int)]
        pipeline, _ = fit(prepared, kept, design, self._request)
        signature = prepared.signature
        classes = len(signature.classes or ())
        answers = of_pipeline(pipeline, prepared.frame.iloc[score], signature.task, classes=classes)
        if prepared.y is None or not is_possible(self._metric, answers):
            raise UserCodeFailed(
                f"spec.algorithm.search.objective: {design.estimator} gives nothing for {self._metric}"
            )
        found = value(self._metric, Rows(prepared.y[score], answers.label, answers.score))
        return found if METRICS[self._metric].maximize else -found

    def failure(self) -> TrainingFailure:
        """Why there is no result at all: the first failure."""
        return self._failures[0]
