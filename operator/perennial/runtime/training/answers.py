"""What a fitted pipeline answers for rows, in the one form that metrics read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from perennial.api.records.run import TaskType

DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True)
class Answers:
    """Predictions for some rows.

    Attributes:
        label: class codes, numbers, or 1 for an outlier and 0 else; shape (rows,).
        score: binary: of the positive class, shape (rows,); multi-class: shape (rows, classes); outlier: larger is
            stranger; None for regression and for classifiers without scores.
        probability: whether `score` holds probabilities.
    """

    label: np.ndarray
    score: np.ndarray | None
    probability: bool

    def take(self, rows: np.ndarray) -> "Answers":
        """Some of the rows."""
        return Answers(self.label[rows], None if self.score is None else self.score[rows], self.probability)

    def decided(self, threshold: float) -> "Answers":
        """The same scores with another threshold; binary probabilities only."""
        if self.score is None or not self.probability or self.score.ndim != 1:
            return self
        return Answers((self.score >= threshold).astype(np.int64), self.score, probability=True)


def of_pipeline(
    pipeline: Pipeline, frame: pd.DataFrame, task: TaskType, threshold: float | None = None, *, classes: int = 2
) -> Answers:
    """Ask a pipeline that was fitted on class codes.

    Args:
        classes: how many there are; one that the pipeline has not met (in an early fold) has probability 0.
    """
    if task == "Regression":
        return Answers(np.asarray(pipeline.predict(frame), dtype=np.float64).reshape(len(frame)), None, False)
    if task == "Outlier":
        return _outliers(np.asarray(pipeline.predict(frame)), np.asarray(pipeline.decision_function(frame)))
    if hasattr(pipeline, "predict_proba"):
        return _decided(_of_all(np.asarray(pipeline.predict_proba(frame)), pipeline.classes_, classes), task, threshold)
    label = np.asarray(pipeline.predict(frame)).astype(np.int64)
    score = np.asarray(pipeline.decision_function(frame)) if hasattr(pipeline, "decision_function") else None
    return Answers(label, score, probability=False)


def of_outputs(
    outputs: Mapping[str, np.ndarray], task: TaskType, classes: list[Any] | None, threshold: float | None
) -> Answers:
    """Read the outputs of a loaded model (`predict`, `predict_proba`, `decision_function`)."""
    if task == "Regression":
        return Answers(np.asarray(outputs["predict"], dtype=np.float64), None, probability=False)
    if task == "Outlier":
        return _outliers(np.asarray(outputs["predict"]), np.asarray(outputs["decision_function"]))
    if "predict_proba" in outputs:
        return _decided(np.asarray(outputs["predict_proba"]), task, threshold)
    code_of = {str(label): code for code, label in enumerate(classes or [])}
    label = np.array([code_of[str(value)] for value in outputs["predict"].tolist()], dtype=np.int64)
    return Answers(label, outputs.get("decision_function"), probability=False)


def _decided(table: np.ndarray, task: TaskType, threshold: float | None) -> Answers:
    if task == "Binary":
        positive = np.asarray(table[:, 1], dtype=np.float64)
        return Answers((positive >= (threshold or DEFAULT_THRESHOLD)).astype(np.int64), positive, probability=True)
    return Answers(table.argmax(axis=1).astype(np.int64), table.astype(np.float64), probability=True)


def _of_all(table: np.ndarray, met: np.ndarray, classes: int) -> np.ndarray:
    if table.shape[1] >= classes:
        return table
    full = np.zeros((len(table), classes))
    full[:, met.astype(np.int64)] = table
    return full


def _outliers(predicted: np.ndarray, decision: np.ndarray) -> Answers:
    """scikit-learn says −1 for an outlier and gives it a low decision value; here 1 and a high score."""
    return Answers((predicted == -1).astype(np.int64), -decision.astype(np.float64).reshape(len(predicted)), False)
