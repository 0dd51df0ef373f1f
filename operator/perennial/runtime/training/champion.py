"""Challenger against an earlier run on rows that neither was fitted on. Measures differences; gates judge them.

A row counts if it is in the earlier run's own hold-out (and that run was not refitted on all rows), or newer than
anything it has seen. Rows of which neither is known do not count.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from perennial.api.metrics import METRICS
from perennial.api.records.run import Comparison, RunRecord
from perennial.api.records.signature import Signature
from perennial.runtime.artifacts import InputProblem, LoadRefused, canonicalise
from perennial.runtime.training.answers import Answers, of_outputs
from perennial.runtime.training.judging import is_possible
from perennial.runtime.training.split import Split
from perennial.runtime.training.stored import stored_model
from perennial.stats.metrics import Rows
from perennial.stats.paired import compare
from perennial.store.runs import Runs

LEAST_ROWS = 30
PREDICTIONS = "holdout_predictions.parquet"
Role = Literal["Champion", "BestUnseen"]


class NotComparable(Exception):
    """The earlier run cannot be compared with on this data; the message says why."""


@dataclass(frozen=True)
class Opponent:
    """An earlier run with its answers to the hold-out."""

    record: RunRecord
    answers: Answers
    unseen: np.ndarray  # bool of shape (hold-out rows,): not in what it was fitted on


def opponent(
    runs: Runs, run_digest: str, folder: Path, table: pa.Table, split: Split, signature: Signature
) -> Opponent:
    """Load an earlier run and let it answer the hold-out rows.

    Args:
        folder: an empty folder of its own.
        table: all rows of this run.
        signature: of the challenger.

    Raises:
        NotComparable: the run is gone, cannot be loaded, or takes or predicts something else.
        StorageError: storage did not answer.
    """
    record = runs.read(run_digest)
    if record is None:
        raise NotComparable(f"the run {run_digest} is not in the registry any more")
    rows = table.take(pa.array(split.holdout))
    try:
        model = stored_model(runs, record, folder)
        theirs = model.signature
        outputs = model.predict(canonicalise(rows, theirs), [output.name for output in theirs.outputs])
    except InputProblem as error:
        raise NotComparable(f"the run {run_digest} takes other columns: {error}") from error
    except LoadRefused as error:
        raise NotComparable(f"the run {run_digest} cannot be loaded: {error}") from error
    answers = _aligned(
        of_outputs(outputs, theirs.task, theirs.classes, theirs.threshold), theirs, signature, run_digest
    )
    return Opponent(record, answers, unseen_rows(record, folder / PREDICTIONS, split))


def unseen_rows(record: RunRecord, predictions: Path, split: Split) -> np.ndarray:
    """bool of shape (hold-out rows,): rows that the run was certainly not fitted on."""
    refitted = record.chosen.get("refit") == "all"
    known = pq.read_table(predictions, columns=["row"]).column("row").to_numpy() if not refitted else []
    unseen = np.isin(split.hashes[split.holdout], known)
    until = record.data.refit_end or record.data.train_end
    if until is not None and split.moments is not None:
        unseen |= split.moments[split.holdout] > np.datetime64(until.removesuffix("Z"), "ns")
    return np.asarray(unseen)


def _aligned(answers: Answers, theirs: Signature, ours: Signature, run_digest: str) -> Answers:
    """Their class codes and scores in our order of classes."""
    if theirs.task != ours.task or set(map(str, theirs.classes or [])) != set(map(str, ours.classes or [])):
        raise NotComparable(f"the run {run_digest} predicts something else: {theirs.task} of {theirs.classes}")
    if not ours.classes or theirs.classes == ours.classes:
        return answers
    place = {str(label): code for code, label in enumerate(ours.classes)}
    order = np.array([place[str(label)] for label in theirs.classes or []])
    score = answers.score
    if score is not None and score.ndim == 1:
        score = 1 - score if answers.probability else -score
    elif score is not None:
        score = score[:, np.argsort(order)]
    return Answers(order[answers.label], score, answers.probability)


def comparisons(
    ours: Answers,
    y: np.ndarray,
    other: Opponent,
    metrics: list[str],
    *,
    role: Role,
    groups: np.ndarray | None,
    seed: int,
) -> list[Comparison]:
    """One comparison a metric, on the rows that the other run has not seen.

    Raises:
        NotComparable: fewer than 30 such rows, or of one class alone.
    """
    rows = np.flatnonzero(other.unseen)
    if len(rows) < LEAST_ROWS or len(np.unique(y[rows])) < 2:
        raise NotComparable(
            f"{len(rows)} of {len(y)} hold-out rows are new to the run {other.record.run_digest}; "
            f"at least {LEAST_ROWS} with more than one outcome are needed"
        )
    mine, theirs = ours.take(rows), other.answers.take(rows)
    blocks = None if groups is None else groups[rows]
    against = other.record.run_digest
    found = []
    for metric in metrics:
        if is_possible(metric, mine) and is_possible(metric, theirs):
            pair = Rows(y[rows], mine.label, mine.score), Rows(y[rows], theirs.label, theirs.score)
            larger = METRICS[metric].maximize
            difference = compare(metric, *pair, larger_is_better=larger, groups=blocks, seed=seed)
            if np.isfinite(difference.delta) and np.isfinite(difference.se):
                measured = {**asdict(difference), "bootstrap": list(difference.bootstrap)}
                found.append(Comparison(against=against, role=role, metric=metric, **measured))
    return found
