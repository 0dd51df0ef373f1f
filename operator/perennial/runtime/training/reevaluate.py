"""Evaluate: an existing run measured again, for other slices, gates or another champion. Fits nothing."""

import pyarrow as pa

from perennial.api.records.findings import Reevaluation
from perennial.api.records.run import RunRecord
from perennial.runtime.artifacts import Columns, InputProblem, canonicalise, encode_target, frame
from perennial.runtime.training.answers import Answers, of_outputs
from perennial.runtime.training.context import Context
from perennial.runtime.training.evaluate import Ask, Evaluated, evaluate
from perennial.runtime.training.failures import DataRefused
from perennial.runtime.training.fetch import fetch_all
from perennial.runtime.training.preprocess import Prepared
from perennial.runtime.training.resolve import resolve
from perennial.runtime.training.split import split
from perennial.runtime.training.stored import stored_model
from perennial.runtime.training.target import kind_of
from perennial.runtime.training.validate import validate


def reevaluate(context: Context) -> Reevaluation:
    """Judge the task's run on its own hold-out again.

    A run that was refitted on all rows has seen its hold-out: of it only comparisons stored with the run are valid.

    Raises:
        DataRefused: the run is gone, was refitted, or its data has changed.
        StorageError: storage did not answer.
    """
    task, request, clock = context.task, context.request, context.clock
    record = _run(context)
    with clock.running("resolve"):
        resolved = resolve(task, request)
        if resolved.data_digest != record.data.digest:
            raise DataRefused(
                f"the run {record.run_digest} learned from {record.data.digest}, but {request.train.uri} now holds "
                f"{resolved.data_digest}; restore the objects, or train again",
                reason="DigestMismatch",
            )
    with clock.running("fetch"):
        fetched = fetch_all(resolved, request)
    with clock.running("validate"):
        checked = validate(
            fetched.table, request, kind=kind_of(request, fetched.table), holdout_rows=fetched.holdout_rows
        )
    with clock.running("split"):
        sides = split(checked.table, request, model=task.model, holdout_rows=checked.holdout_rows)
    with clock.running("evaluate"):
        prepared, ask = _loaded(context, record, checked.table)
        found = evaluate(context, checked.table, prepared, sides, ask)
    return _told(context, record, found)


def _run(context: Context) -> RunRecord:
    digest = context.task.run_digest or ""
    record = context.runs.read(digest) if digest else None
    if record is None:
        raise DataRefused(f"there is no run {digest or 'named'} to evaluate; train first", reason="RunMissing")
    if record.chosen.get("refit") == "all":
        raise DataRefused(
            f"the model of the run {digest} was refitted on all rows and has seen its hold-out; "
            f"train again to compare it",
            reason="RunRefitted",
        )
    return record


def _loaded(context: Context, record: RunRecord, table: pa.Table) -> tuple[Prepared, Ask]:
    model = stored_model(context.runs, record, context.scratch / "model")
    signature = model.signature
    try:
        columns = canonicalise(table, signature)
        y = encode_target(table.column(signature.target), signature) if signature.target else None
    except InputProblem as error:
        raise DataRefused(f"the data does not fit the run {record.run_digest} any more: {error}") from error
    prepared = Prepared(signature, columns, frame(columns, signature), y, None, [])
    names = [output.name for output in signature.outputs]

    def ask(rows: Columns) -> Answers:
        return of_outputs(model.predict(rows, names), signature.task, signature.classes, signature.threshold)

    return prepared, ask


def _told(context: Context, record: RunRecord, found: Evaluated) -> Reevaluation:
    champion = context.task.champion
    return Reevaluation(
        run_digest=record.run_digest,
        metrics=found.metrics,
        slices=found.slices,
        comparisons=found.comparisons,
        expected_shift=found.expected_shift,
        alert_rate=found.alert_rate,
        warnings=found.warnings,
        champion=None if champion is None else champion.model_dump(by_alias=True, exclude_none=True),
    )
