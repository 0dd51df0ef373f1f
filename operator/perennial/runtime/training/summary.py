"""The table of columns in report and card, and the card itself: what a model is, in Markdown."""

from collections.abc import Sequence

import numpy as np

from perennial.api.records.run import ColumnSummary, RunRecord
from perennial.runtime.artifacts import describe_pipeline, missing
from perennial.runtime.training.record import Stages
from perennial.runtime.training.report import number
from perennial.runtime.training.request import Request


def column_summaries(stages: Stages, request: Request) -> list[ColumnSummary]:
    """One line per input column, with what the pipeline does to it."""
    signature, design = stages.prepared.signature, stages.chosen.design
    steps = request.preprocess.steps if request.preprocess else ()
    own = request.container is not None
    groups = [] if own else describe_pipeline(signature, design.estimator, design.parameters, preprocess=steps)
    notes = {name: _note(group) for group in groups for name in group["columns"]}
    found = []
    for column in signature.inputs:
        values = stages.prepared.columns[column.name]
        absent = missing(values)
        distinct = len(set(values[~absent].tolist())) if values.dtype.kind == "O" else len(np.unique(values[~absent]))
        share = round(float(absent.mean()), 6)
        note = notes.get(column.name, "")
        found.append(ColumnSummary(name=column.name, kind=column.kind, missing=share, distinct=distinct, note=note))
    return found


def _note(group: dict[str, object]) -> str:
    done = [f"{key} {group[key]}" for key in ("impute", "encode", "scale") if key in group]
    return ", ".join(done) or "as it is"


def card(record: RunRecord, columns: Sequence[ColumnSummary]) -> str:
    """The model card as Markdown (the sections of M. Mitchell et al., Model Cards for Model Reporting, 2019)."""
    metrics = [
        f"| {name} | {number(m.value)} | {number(m.lower)} to {number(m.upper)} | {m.method} |"
        for name, m in record.metrics.items()
    ]
    inputs = [f"| {c.name} | {c.kind} | {100 * c.missing:.1f} % | {c.distinct} | {c.note} |" for c in columns]
    span = f" from {record.data.start} to {record.data.end}" if record.data.start else ""
    return "\n".join(
        [
            f"# {record.model}",
            "",
            f"{record.task} model, `{record.chosen.get('estimator')}`, run `{record.run_digest}`, {record.created_at}.",
            "",
            "## Training data",
            f"{record.data.train_rows} of {record.data.rows} rows{span}; data digest `{record.data.digest}`.",
            "",
            "| column | kind | missing | distinct | for the estimator |",
            "|---|---|---|---|---|",
            *inputs,
            "",
            f"## Measured on {record.data.holdout_rows} rows that it has not seen",
            "| metric | value | 95 % interval | method |",
            "|---|---|---|---|",
            *metrics,
            "",
            "## Known weaknesses",
            *([f"- {warning}" for warning in record.warnings] or ["- none was found by the checks of this run"]),
            "",
        ]
    )
