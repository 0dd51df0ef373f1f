"""After the code has ended well: judge the model it left on rows it has not seen, package it, make the run exist."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from perennial.api.records.run import RunRecord
from perennial.api.records.signature import Signature
from perennial.api.records.task import ExitCode, Outcome
from perennial.runtime.artifacts import Columns, canonicalise, frame
from perennial.runtime.training.accounting import Accounting
from perennial.runtime.training.answers import Answers, of_pipeline
from perennial.runtime.training.context import Context
from perennial.runtime.training.evaluate import evaluate
from perennial.runtime.training.failures import TrainingFailure, UserCodeFailed
from perennial.runtime.training.leakage import leaking
from perennial.runtime.training.learn import package, run_record
from perennial.runtime.training.own.checkpoints import Shelf, forgotten
from perennial.runtime.training.own.handover import Handover, fetched_of, read_handover, resolved_of
from perennial.runtime.training.own.places import Places
from perennial.runtime.training.own.reading import Left, left
from perennial.runtime.training.preprocess import prepare
from perennial.runtime.training.publish import upload
from perennial.runtime.training.record import Stages
from perennial.runtime.training.split import split
from perennial.runtime.training.validate import validate
from perennial.store import open_store
from perennial.store.layout import ModelKeys


class WholePod(Accounting):
    """What the pod has cost since its first stage: the clock alone, for no container sees what another one uses."""

    def __init__(self, begun: float) -> None:
        super().__init__()
        self._begun = begun

    def cost(self) -> dict[str, float]:
        """wallSeconds so far."""
        return {"wallSeconds": round(time.time() - self._begun, 3)}


def after(context: Context, places: Places) -> tuple[ExitCode, Outcome]:
    """Do all of it.

    Raises:
        TrainingFailure: the code left no model that can be used.
        StorageError: storage did not take the run.
    """
    told = read_handover(places)
    if told is None:
        raise TrainingFailure(f"{places.handover} is not there: the container before the code has not done its work")
    accounting = WholePod(told.begun)
    try:
        winner = _published(replace(context, accounting=accounting), places, told)
    finally:
        accounting.stop()
    kept = "Succeeded" if winner.attempt == context.attempt else "Reused"
    told_outcome = {"stage": "publish", "runDigest": winner.run_digest, "dataDigest": winner.data.digest}
    return ExitCode.OK, Outcome.model_validate({"outcome": kept, **told_outcome})


def _published(context: Context, places: Places, told: Handover) -> RunRecord:
    clock, task = context.clock, context.task
    clock.timings.update(told.timings)
    clock.timings["train"] = round(time.time() - told.ended, 3)
    store = open_store(task.registry)
    with clock.running("evaluate"):
        stages = judged(context, places, told)
    with clock.running("package"):
        packaged = package(context, stages)
    with clock.running("publish"):
        files = upload(context, told.run_digest, packaged.files)
        winner = context.runs.publish(run_record(context, packaged.stages, packaged.artifact, files, datetime.now(UTC)))
    places.published.touch()
    shelf = Shelf(store, ModelKeys(task.namespace, task.model), told.run_digest)
    forgotten(store, [info.key for info in shelf.all()])
    return winner


def judged(context: Context, places: Places, told: Handover) -> Stages:
    """All that is known of the run before it is packaged.

    Raises:
        UserCodeFailed: there is no model, or it cannot answer the hold-out.
    """
    request = context.request
    fetched = fetched_of(told, places)
    validated = validate(fetched.table, request, kind=told.kind, holdout_rows=fetched.holdout_rows)
    sides = split(validated.table, request, model=context.task.model, holdout_rows=validated.holdout_rows)
    prepared = prepare(validated.table, request, validated.target, learn_from=sides.train)
    found = left(places, request, prepared.signature)
    signature = prepared.signature

    def ask(columns: Columns) -> Answers:
        answer = _answering(found, [column.name for column in signature.inputs])
        return answer(
            lambda: of_pipeline(
                found.chosen.pipeline, frame(columns, signature), signature.task, found.chosen.threshold
            )
        )

    evaluated = evaluate(context, validated.table, prepared, sides, ask)
    evaluated = replace(evaluated, warnings=[*evaluated.warnings, *_without_values(found, signature)])
    if prepared.y is not None:
        suspects = leaking(prepared, sides.train, evaluated.answers, prepared.y[sides.holdout])
        evaluated = replace(evaluated, warnings=[*evaluated.warnings, *suspects])
    resolved = resolved_of(told, open_store(context.task.registry))
    return Stages(resolved, fetched, validated, sides, prepared, found.chosen, evaluated)


def _without_values(found: Left, signature: Signature) -> list[str]:
    """A warning if the model cannot answer a row whose inputs are all missing: requests may hold null."""
    empty = canonicalise([{column.name: None for column in signature.inputs}], signature)
    try:
        of_pipeline(found.chosen.pipeline, frame(empty, signature), signature.task, found.chosen.threshold)
    except Exception as error:  # whatever somebody else's pipeline raises
        told = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        return [f"the model takes no missing values, so a request with null is answered by an error: {told}"]
    return []


def _answering(found: Left, inputs: list[str]) -> Callable[[Callable[[], Answers]], Answers]:
    """Run a question to the model; what it raises is told as the code's fault."""

    def asked(question: Callable[[], Answers]) -> Answers:
        try:
            return question()
        except MemoryError:
            raise
        except Exception as error:
            raise UserCodeFailed(
                f"output/{found.file} cannot answer a table of the columns {', '.join(inputs[:20])}: "
                f"{type(error).__name__}: {str(error)[:400]}; it must take them as data/train.parquet holds them",
                reason="ModelUnreadable",
            ) from error

    return asked
