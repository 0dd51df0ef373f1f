"""Which metrics are measured for a task, and what each gives on some rows.

The arithmetic is `perennial.stats`'; this chooses names and says why a metric cannot be had.
"""

import math
from collections.abc import Sequence

import numpy as np

from perennial.api.metrics import METRICS, USUAL
from perennial.api.records.run import Measured, TaskType
from perennial.runtime.training.answers import Answers
from perennial.stats.intervals import Interval, interval


def metrics_for(task: TaskType, asked: Sequence[str], answers: Answers, *, labelled: bool) -> list[str]:
    """Names to measure: what was asked first, then the usual ones, without those these answers cannot give."""
    if not labelled:
        return ["alert_rate"]
    usual = USUAL[task] if task != "Outlier" else [m.name for m in METRICS.values() if "Outlier" in m.tasks]
    names = dict.fromkeys([*asked, *usual])
    return [name for name in names if task in METRICS[name].tasks and is_possible(name, answers)]


def is_possible(metric: str, answers: Answers) -> bool:
    """Whether the model gives what the metric needs."""
    if METRICS[metric].needs == "probabilities":
        return answers.probability
    return answers.score is not None or METRICS[metric].needs != "scores"


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
