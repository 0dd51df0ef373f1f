"""Stage 8, package: the files of a run, made in the scratch folder: model, signature, profile, predictions, report.

Nothing is uploaded here (`publish.py`).
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.pipeline import Pipeline

from perennial.api.records.run import Artifact
from perennial.api.records.signature import Signature
from perennial.runtime.artifacts import Columns, NotPackable, load_model, save_model
from perennial.runtime.artifacts import Packaged as Saved
from perennial.runtime.monitoring import build_profile
from perennial.runtime.training.answers import of_pipeline
from perennial.runtime.training.context import Context
from perennial.runtime.training.expected_shift import expected_shift
from perennial.runtime.training.failures import UserCodeFailed
from perennial.runtime.training.fitting import fit
from perennial.runtime.training.record import Stages, run_record
from perennial.runtime.training.report import report
from perennial.runtime.training.summary import card, column_summaries

LOGS = "logs.txt"
REPORT, CARD = "report.html", "card.md"
WRITTEN = ("profile.json", "holdout_predictions.parquet", "metrics.json", REPORT, CARD)


@dataclass(frozen=True)
class Packaged:
    """Files of a run, not yet stored."""

    artifact: Artifact
    signature: Signature
    files: list[Path]
    report: Path | None
    stages: Stages  # with the shift that is expected of what is packaged


def package(context: Context, stages: Stages) -> Packaged:
    """Write all files of the run.

    Raises:
        UserCodeFailed: a part of the fitted model cannot be stored without pickle.
    """
    rows = stages.split.holdout
    held = {name: values[rows] for name, values in stages.prepared.columns.items()}
    folder = context.scratch / "files"
    saved = _saved(stages.chosen.pipeline, stages, folder, held)
    model = load_model(folder, saved.signature, saved.artifact)
    outputs = model.predict(held, [output.name for output in saved.signature.outputs])
    if context.request.refit == "all":
        # Predictions and profile stay those of the judged fit: the refitted one has seen the hold-out.
        folder = context.scratch / "refitted"
        everything = np.sort(np.concatenate([stages.split.train, rows]))
        pipeline, _ = fit(stages.prepared, everything, stages.chosen.design, context.request)
        saved = _saved(pipeline, stages, folder, held)
        stages = _shifted(stages, pipeline)
    _write_profile(folder, stages, saved.signature, outputs)
    _write_predictions(folder, stages)
    _write_metrics(folder, stages)
    _write_pages(context, folder, stages, saved.artifact)
    files = [folder / name for name in (*saved.files, *WRITTEN)]
    logs = context.scratch / LOGS
    return Packaged(
        saved.artifact, saved.signature, [*files, *([logs] if logs.exists() else [])], folder / REPORT, stages
    )


def _shifted(stages: Stages, refitted: Pipeline) -> Stages:
    """A rollout sees the refitted model, not the judged one: its shift from the champion is what is expected of it."""
    evaluated, prepared = stages.evaluated, stages.prepared
    if evaluated.champion is None:
        return stages
    frame = prepared.frame.iloc[stages.split.holdout]
    classes = len(prepared.signature.classes or ())
    answers = of_pipeline(refitted, frame, prepared.signature.task, stages.chosen.threshold, classes=classes)
    return replace(stages, evaluated=replace(evaluated, expected_shift=expected_shift(answers, evaluated.champion)))


def _saved(pipeline: Any, stages: Stages, folder: Path, held: Columns) -> Saved:
    folder.mkdir()
    signature = stages.prepared.signature.model_copy(
        update={"threshold": stages.chosen.threshold, "estimator": stages.chosen.design.estimator}
    )
    try:
        return save_model(pipeline, signature, folder, holdout=held)
    except NotPackable as error:
        told = f"spec.algorithm: {error}; choose another estimator" if stages.chosen.known else f"the model: {error}"
        raise UserCodeFailed(told, reason="NotPackable") from error


def _write_pages(context: Context, folder: Path, stages: Stages, artifact: Artifact) -> None:
    record = run_record(context, stages, artifact, {}, datetime.now(UTC))
    columns = column_summaries(stages, context.request)
    page = report(record, stages, columns, refitted=context.request.refit == "all")
    (folder / REPORT).write_text(page, encoding="utf-8")
    (folder / CARD).write_text(card(record, columns), encoding="utf-8")


def _write_profile(folder: Path, stages: Stages, signature: Signature, outputs: dict[str, np.ndarray]) -> None:
    split, prepared = stages.split, stages.prepared
    y = None if prepared.y is None or signature.task in ("Regression", "Outlier") else _labels(signature, prepared.y)
    profile = build_profile(
        prepared.columns,
        signature,
        holdout_outputs=outputs,
        holdout_times=None if split.moments is None else split.moments[split.holdout],
        holdout_target=None if y is None else y[split.holdout],
        importances=stages.evaluated.importances,
        times=split.moments,
    )
    (folder / "profile.json").write_bytes(profile.to_json())


def _labels(signature: Signature, codes: np.ndarray) -> np.ndarray:
    classes = np.array(signature.classes, dtype=object)
    labels: np.ndarray = classes[codes]
    return labels


def _write_predictions(folder: Path, stages: Stages) -> None:
    """The hold-out's row identities, truth and answers: what the next challenger is compared on without this model."""
    split, prepared = stages.split, stages.prepared
    columns: dict[str, Any] = {"row": split.hashes[split.holdout]}
    if split.moments is not None:
        columns["time"] = split.moments[split.holdout]
    if prepared.y is not None:
        columns["truth"] = prepared.y[split.holdout]
    columns["label"] = stages.evaluated.answers.label
    score = stages.evaluated.answers.score
    if score is not None and score.ndim == 1:
        columns["score"] = score
    elif score is not None:
        columns |= {f"score_{index}": score[:, index] for index in range(score.shape[1])}
    pq.write_table(pa.table(columns), folder / "holdout_predictions.parquet")


def _write_metrics(folder: Path, stages: Stages) -> None:
    figures = {name: m.model_dump(by_alias=True, exclude_none=True) for name, m in stages.evaluated.metrics.items()}
    (folder / "metrics.json").write_text(json.dumps(figures, indent=1, sort_keys=True))
