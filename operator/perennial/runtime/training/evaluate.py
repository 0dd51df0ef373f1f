"""Stage 7, evaluate: what the judged fit is worth on rows it has not seen. It measures; gates judge elsewhere."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from perennial.api.records.run import Comparison, Measured, SliceMeasured
from perennial.api.records.task import Champion
from perennial.runtime.artifacts import Columns
from perennial.runtime.training.answers import Answers
from perennial.runtime.training.champion import NotComparable, Role, comparisons, opponent
from perennial.runtime.training.context import Context
from perennial.runtime.training.expected_shift import expected_shift
from perennial.runtime.training.importance import importances
from perennial.runtime.training.judging import measure, metrics_for
from perennial.runtime.training.preprocess import Prepared
from perennial.runtime.training.request import Request
from perennial.runtime.training.slices import measured_slices
from perennial.runtime.training.split import Split

LEAST_BLOCKS = 20
"""Below so many days (then hours) blocks say little about the spread, and rows are taken one by one."""

Ask = Callable[[Columns], Answers]


@dataclass(frozen=True)
class Evaluated:
    """All measurements of a run."""

    answers: Answers  # on the hold-out
    metrics: dict[str, Measured]
    slices: list[SliceMeasured] = field(default_factory=list)
    importances: dict[str, float] = field(default_factory=dict)
    comparisons: list[Comparison] = field(default_factory=list)
    expected_shift: float | None = None
    champion: Answers | None = None  # the champion's, on the hold-out
    alert_rate: float | None = None
    warnings: list[str] = field(default_factory=list)


def evaluate(context: Context, table: pa.Table, prepared: Prepared, split: Split, ask: Ask) -> Evaluated:
    """Measure a model on the hold-out.

    Args:
        table: all rows as read, in the order of `prepared`.
        ask: the model's answers to canonical columns.
    """
    rows, request, task = split.holdout, context.request, prepared.signature.task
    held = {name: values[rows] for name, values in prepared.columns.items()}
    answers = ask(held)
    rate = float(answers.label.mean()) if task == "Outlier" else None
    if prepared.y is None:
        truth = np.zeros(len(rows), dtype=np.int64)
        return Evaluated(answers, {"alert_rate": measure("alert_rate", truth, answers, groups=None)}, alert_rate=rate)
    y, blocks = prepared.y[rows], blocks_of(split, rows)
    names = metrics_for(task, asked_metrics(request), answers, labelled=True)
    measured = {name: measure(name, y, answers, groups=blocks, seed=request.seed) for name in names}
    metrics = {name: value for name, value in measured.items() if np.isfinite(value.value)}
    sliced = sliced_metrics(request, metrics)
    held_table = table.take(pa.array(rows))
    found = Evaluated(
        answers=answers,
        metrics=metrics,
        slices=measured_slices(held_table, request.slices, sliced, y, answers, task=task, seed=request.seed),
        importances=importances(ask, held, y, next(iter(metrics)), seed=request.seed),
        alert_rate=rate,
        warnings=[f"the metric {name} is not defined on this hold-out" for name in measured if name not in metrics],
    )
    return _compared(context, found, table, prepared, split, y, blocks)


def _compared(
    context: Context,
    found: Evaluated,
    table: pa.Table,
    prepared: Prepared,
    split: Split,
    y: np.ndarray,
    blocks: np.ndarray | None,
) -> Evaluated:
    """The same with the runs that the task names to compare with; what cannot be compared is a warning."""
    metrics = list(dict.fromkeys([*list(found.metrics)[:1], *asked_metrics(context.request)]))
    against: list[tuple[Role, Champion | None]] = [
        ("Champion", context.task.champion),
        ("BestUnseen", context.task.best_unseen),
    ]
    for role, named in against:
        if named is None:
            continue
        folder = context.scratch / f"opponent-{role}"
        try:
            other = opponent(context.runs, named.run_digest, folder, table, split, prepared.signature)
            if role == "Champion":
                shift = expected_shift(found.answers, other.answers)
                found = replace(found, expected_shift=shift, champion=other.answers)
            more = comparisons(found.answers, y, other, metrics, role=role, groups=blocks, seed=context.request.seed)
            found = replace(found, comparisons=[*found.comparisons, *more])
        except NotComparable as reason:
            found = replace(found, warnings=[*found.warnings, f"not compared with the {role}: {reason}"])
    return found


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
        return np.asarray(split.groups[rows])
    if split.moments is None:
        return None
    for unit in ("D", "h"):
        blocks = split.moments[rows].astype(f"datetime64[{unit}]").astype(np.int64)
        if len(np.unique(blocks)) >= LEAST_BLOCKS:
            return np.asarray(blocks)
    return None
