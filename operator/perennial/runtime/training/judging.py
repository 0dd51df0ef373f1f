"""Which metrics are measured for a task, and what each gives on some rows.

The arithmetic is `perennial.stats`'; this chooses names and says why a metric cannot be had.
"""

import math
from collections.abc import Sequence

import numpy as np

from perennial.api.records.run import Measured, TaskType
from perennial.runtime.training.answers import Answers
from perennial.stats.intervals import Interval, interval

USUAL: dict[TaskType, tuple[str, ...]] = {
    "Binary": (
        "roc_auc", "average_precision", "log_loss", "brier_score", "accuracy", "balanced_accuracy", "f1", "precision",
        "recall", "matthews_corrcoef",
    ),
    "Multiclass": ("accuracy", "balanced_accuracy", "f1_macro", "log_loss", "roc_auc"),
    "Regression": ("rmse", "mae", "r2", "median_absolute_error"),
    "Outlier": ("roc_auc", "average_precision", "precision", "recall", "alert_rate"),
}  # fmt: skip
"""Measured in any case, the task's main metric first."""

OF_PROBABILITIES = frozenset({"log_loss", "brier_score"})
OF_SCORES = OF_PROBABILITIES | {"roc_auc", "average_precision"}


def metrics_for(task: TaskType, asked: Sequence[str], answers: Answers, *, labelled: bool) -> list[str]:
    """Names to measure: what was asked first, then the usual ones, without those these answers cannot give."""
    if not labelled:
        return ["alert_rate"]
    names = dict.fromkeys([*asked, *USUAL[task]])
    return [name for name in names if is_possible(name, answers)]


def is_possible(metric: str, answers: Answers) -> bool:
    """Whether the model gives what the metric needs."""
    if metric in OF_PROBABILITIES:
        return answers.probability
    return answers.score is not None or metric not in OF_SCORES


def measure(
    metric: str, y: np.ndarray, answers: Answers, *, groups: np.ndarray | None, confidence: float = 0.95, seed: int = 0
) -> Measured:
    """One metric with its two-sided interval. `groups` (shape (rows,)): rows that belong together."""
    found = interval(
        metric, y, y_pred=answers.label, y_score=answers.score, groups=groups, confidence=confidence, seed=seed
    )
    return as_measured(found, confidence)


def as_measured(found: Interval, confidence: float) -> Measured:
    """The record of an interval; JSON has no NaN, so what is not defined is left out."""
    return Measured(
        value=found.value,
        lower=_finite(found.lower),
        upper=_finite(found.upper),
        se=_finite(found.se),
        confidence=confidence,
        n=found.n,
        method=found.method,
    )


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


LOSSES = frozenset({"log_loss", "brier_score", "mae", "mse", "rmse", "mape", "median_absolute_error"})


def larger_is_better(metric: str) -> bool:
    """Which way a metric is better."""
    return metric not in LOSSES
