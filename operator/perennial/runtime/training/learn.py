"""The stages between naming a run and packaging it: fetch, validate, split, preprocess, refine, evaluate.

Apart from the driver, because importing what learns takes longer than finding that a run exists already.
"""

from dataclasses import dataclass, replace

from perennial.runtime.artifacts import Columns, frame
from perennial.runtime.training.answers import Answers, of_pipeline
from perennial.runtime.training.context import Context
from perennial.runtime.training.evaluate import evaluate
from perennial.runtime.training.fetch import Fetched, fetch_all
from perennial.runtime.training.known import known_trials
from perennial.runtime.training.leakage import leaking
from perennial.runtime.training.package import package
from perennial.runtime.training.preprocess import Prepared, prepare
from perennial.runtime.training.record import Stages, run_record
from perennial.runtime.training.refine import refine
from perennial.runtime.training.resolve import Resolved
from perennial.runtime.training.split import Split, split
from perennial.runtime.training.target import kind_of
from perennial.runtime.training.validate import Validated, validate

__all__ = ["Ready", "learn", "made_ready", "package", "run_record"]


@dataclass(frozen=True)
class Ready:
    """All that fitting needs."""

    fetched: Fetched
    validated: Validated
    sides: Split
    prepared: Prepared


def made_ready(context: Context, resolved: Resolved) -> Ready:
    """Stages 2 to 5 of a run.

    Raises:
        DataRefused: data or spec are at fault.
        StorageError: storage is.
    """
    request, clock = context.request, context.clock
    with clock.running("fetch"):
        fetched = fetch_all(resolved, request)
    with clock.running("validate"):
        validated = validate(
            fetched.table, request, kind=kind_of(request, fetched.table), holdout_rows=fetched.holdout_rows
        )
    with clock.running("split"):
        sides = split(validated.table, request, model=context.task.model, holdout_rows=validated.holdout_rows)
    with clock.running("preprocess"):
        prepared = prepare(validated.table, request, validated.target, learn_from=sides.train)
    return Ready(fetched, validated, sides, prepared)


def learn(context: Context, resolved: Resolved) -> Stages:
    """Stages 2 to 7 of a run. Trials that other pods have run are not run again; the run's cost includes theirs.

    Raises:
        TrainingFailure: data, spec or estimator are at fault.
        StorageError: storage is.
    """
    request, clock = context.request, context.clock
    ready = made_ready(context, resolved)
    validated, sides, prepared = ready.validated, ready.sides, ready.prepared
    with clock.running("refine"):
        known = known_trials(context, resolved.run_digest)
        context.accounting.include(record.cost for record in known.ended.values())
        chosen = refine(prepared, sides, request, clock, known)
    with clock.running("evaluate"):
        signature = prepared.signature

        def ask(columns: Columns) -> Answers:
            return of_pipeline(chosen.pipeline, frame(columns, signature), signature.task, chosen.threshold)

        evaluated = evaluate(context, validated.table, prepared, sides, ask)
        if prepared.y is not None:
            suspects = leaking(prepared, sides.train, evaluated.answers, prepared.y[sides.holdout])
            evaluated = replace(evaluated, warnings=[*evaluated.warnings, *suspects])
    return Stages(resolved, ready.fetched, validated, sides, prepared, chosen, evaluated)
