"""report.html: one self-contained file with everything a person asks of a run. No scripts, no requests.

What is shown is taken from the run; nothing is measured here.
"""

from typing import Any

import jinja2
import numpy as np

from perennial.api.metrics import METRICS
from perennial.api.records.run import ColumnSummary, RunRecord
from perennial.runtime.training import plots
from perennial.runtime.training.record import Stages

MOST_CLASSES_SHOWN = 20
WAYS = {"score": "more", "loss": "less", "rate": ""}

Figures = list[tuple[str, str]]


def report(record: RunRecord, stages: Stages, columns: list[ColumnSummary], *, refitted: bool) -> str:
    """The page as HTML. `record` is run.json but for the files, which the report is one of."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("perennial.runtime.training"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    classes, confusion = _confusion(stages)
    return environment.get_template("report.html").render(
        record=record,
        metrics=list(record.metrics.items()),
        strategy=stages.split.strategy,
        refitted=refitted,
        figures=_figures(record, stages),
        slices=_slices(record),
        slice_metrics=list(dict.fromkeys(name for s in record.slices for name in s.metrics)),
        classes=classes,
        confusion=confusion,
        threshold=stages.chosen.threshold,
        columns=columns,
        checks=stages.validated.checks,
        lineage=_lineage(record),
        number=number,
        title=lambda name: METRICS[name].title,
        direction=lambda name: WAYS[METRICS[name].direction],
    )


def number(value: float | None) -> str:
    """Four significant digits; a dash where there is nothing."""
    return "–" if value is None else f"{value:.4g}"


def _figures(record: RunRecord, stages: Stages) -> Figures:
    found: Figures = []
    answers, y = stages.evaluated.answers, stages.prepared.y
    held = None if y is None else y[stages.split.holdout]
    if held is not None and answers.score is not None and answers.score.ndim == 1 and len(np.unique(held)) == 2:
        found.append(("ROC curve", plots.roc(held, answers.score)))
        found.append(("Precision and recall", plots.precision_recall(held, answers.score)))
        if answers.probability:
            found.append(("Calibration", plots.calibration(held, answers.score)))
    if held is not None and record.task == "Regression":
        found.append(("Predicted and true values", plots.residuals(held, answers.label)))
    if record.importances:
        found.append(("Permutation importance of input columns", plots.importance(record.importances)))
    return found


def _slices(record: RunRecord) -> Figures:
    """One figure a sliced column, of the first metric that its levels have."""
    found: Figures = []
    for column in dict.fromkeys(s.column for s in record.slices):
        rows = [s for s in record.slices if s.column == column and s.metrics]
        if rows and (name := next(iter(rows[0].metrics))) in record.metrics:
            shown = [s for s in rows if name in s.metrics]
            drawn = plots.slices(
                column, [s.level for s in shown], [s.metrics[name] for s in shown], record.metrics[name].value
            )
            found.append((f"{name} by {column}", drawn))
    return found


def _confusion(stages: Stages) -> tuple[list[str], list[tuple[str, list[int]]]]:
    classes, y = stages.prepared.signature.classes, stages.prepared.y
    if not classes or y is None or len(classes) > MOST_CLASSES_SHOWN:
        return [], []
    names = [str(c).lower() if isinstance(c, bool) else str(c) for c in classes]
    codes = y[stages.split.holdout] * len(names) + stages.evaluated.answers.label.astype(np.int64)
    table = np.bincount(codes, minlength=len(names) ** 2).reshape(len(names), len(names))
    return names, [(name, row.tolist()) for name, row in zip(names, table, strict=True)]


def _lineage(record: RunRecord) -> list[tuple[str, Any]]:
    versions = record.environment.get("distributions", {})
    return [
        ("run digest", record.run_digest),
        ("data digest", record.data.digest),
        ("hold-out digest", record.data.holdout_digest),
        ("environment digest", record.environment_digest),
        ("artifact digest", record.artifact.digest),
        ("code revision", record.code_revision or "–"),
        ("seed", record.seed),
        ("rows learned from until", record.data.train_end or "–"),
        ("Python", record.environment.get("python", "–")),
        ("libraries", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("threads", record.environment.get("threads", "–")),
        ("processor", record.environment.get("processor", "–")),
        ("cost", ", ".join(f"{name} {value:g}" for name, value in record.cost.items())),
        ("seconds", ", ".join(f"{name} {value:g}" for name, value in record.timings.items())),
    ]
