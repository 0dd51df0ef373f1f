"""Stage 7, evaluate: what the judged fit is worth on rows it has not seen. It measures; gates judge elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from perennial.api.metrics import METRICS
from perennial.api.records.run import Comparison, Measured, SliceMeasured
from perennial.runtime.training.answers import Answers, of_pipeline
from perennial.runtime.training.importance import importances
from perennial.runtime.training.judging import measure, metrics_for
from perennial.runtime.training.preprocess import Prepared
from perennial.runtime.training.refine import Chosen
from perennial.runtime.training.request import Request
from perennial.runtime.training.slices import measured_slices
from perennial.runtime.training.split import Split

LEAST_BLOCKS = 20
"""Below so many days (then hours) blocks say little about the spread, and rows are taken one by one."""


@dataclass(frozen=True)
class Evaluated:
    """All measurements of a run."""

    answers: Answers  # on the hold-out
    metrics: dict[str, Measured]
    slices: list[SliceMeasured] = field(default_factory=list)
    importances: dict[str, float] = field(default_factory=dict)
    comparisons: list[Comparison] = field(default_factory=list)
    expected_shift: float | None = None
    alert_rate: float | None = None
    warnings: list[str] = field(default_factory=list)


def evaluate(table: pa.Table, prepared: Prepared, split: Split, chosen: Chosen, request: Request) -> Evaluated:
    """Measure the chosen fit on the hold-out."""
    signature = prepared.signature
    rows = split.holdout
    frame = prepared.frame.iloc[rows]
    answers = of_pipeline(chosen.pipeline, frame, signature.task, chosen.threshold)
    if prepared.y is None:
        rate = float(answers.label.mean())
        truth = np.zeros(len(rows), dtype=np.int64)
        return Evaluated(answers, {"alert_rate": measure("alert_rate", truth, answers, groups=None)}, alert_rate=rate)
    y = prepared.y[rows]
    names = metrics_for(signature.task, asked_metrics(request), answers, labelled=True)
    blocks = blocks_of(split, rows)
    measured = {name: measure(name, y, answers, groups=blocks, seed=request.seed) for name in names}
    metrics = {name: value for name, value in measured.items() if np.isfinite(value.value)}
    return Evaluated(
        answers=answers,
        metrics=metrics,
        slices=measured_slices(
            table.take(pa.array(rows)), request.slices, sliced_metrics(request, metrics), y, answers,
            task=signature.task, seed=request.seed,
        ),
        importances=importances(
            lambda f: of_pipeline(chosen.pipeline, f, signature.task, chosen.threshold), frame, y, next(iter(metrics)),
            larger_is_better=METRICS[next(iter(metrics))].maximize, seed=request.seed,
        ),
        alert_rate=float(answers.label.mean()) if signature.task == "Outlier" else None,
        warnings=[f"the metric {name} is not defined on this hold-out" for name in measured.keys() - metrics.keys()],
    )  # fmt: skip


def asked_metrics(request: Request) -> list[str]:
    """Metrics that the spec names, in `metrics` first and then in gates."""
    return list(dict.fromkeys([*request.evaluation.metrics, *(gate.metric for gate in request.evaluation.gates)]))


def sliced_metrics(request: Request, metrics: Mapping[str, Measured]) -> list[str]:
    """Metrics worth showing by slice: those asked for (else the main one), and those that gates judge by slice."""
    asked = list(request.evaluation.metrics) or list(metrics)[:1]
    return list(dict.fromkeys([*asked, *(gate.metric for gate in request.evaluation.gates if gate.slice)]))


def blocks_of(split: Split, rows: np.ndarray) -> np.ndarray | None:
    """Which rows are not independent of each other: groups, else days, else hours; None if rows stand alone."""
    if split.groups is not None:
        return split.groups[rows]
    if split.moments is None:
        return None
    for unit in ("D", "h"):
        blocks = split.moments[rows].astype(f"datetime64[{unit}]").astype(np.int64)
        if len(np.unique(blocks)) >= LEAST_BLOCKS:
            return np.asarray(blocks)
    return None
