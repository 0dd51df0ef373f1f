"""The stages between naming a run and packaging it: fetch, validate, split, preprocess, refine, evaluate.

Apart from the driver, because importing what learns takes longer than finding that a run exists already.
"""

from dataclasses import replace

from perennial.runtime.artifacts import Columns, frame
from perennial.runtime.training.answers import Answers, of_pipeline
from perennial.runtime.training.context import Context
from perennial.runtime.training.evaluate import evaluate
from perennial.runtime.training.fetch import fetch_all
from perennial.runtime.training.leakage import leaking
from perennial.runtime.training.package import package
from perennial.runtime.training.preprocess import prepare
from perennial.runtime.training.record import Stages, run_record
from perennial.runtime.training.refine import refine
from perennial.runtime.training.resolve import Resolved
from perennial.runtime.training.split import split
from perennial.runtime.training.target import kind_of
from perennial.runtime.training.validate import validate

__all__ = ["learn", "package", "run_record"]


def learn(context: Context, resolved: Resolved) -> Stages:
    """Stages 2 to 7 of a run.

    Raises:
        TrainingFailure: data, spec or estimator are at fault.
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
    with clock.running("refine"):
        chosen = refine(prepared, sides, request, clock)
    with clock.running("evaluate"):
        signature = prepared.signature

        def ask(columns: Columns) -> Answers:
            return of_pipeline(chosen.pipeline, frame(columns, signature), signature.task, chosen.threshold)

        evaluated = evaluate(context, validated.table, prepared, sides, ask)
        if prepared.y is not None:
            suspects = leaking(prepared, sides.train, evaluated.answers, prepared.y[sides.holdout])
            evaluated = replace(evaluated, warnings=[*evaluated.warnings, *suspects])
    return Stages(resolved, fetched, validated, sides, prepared, chosen, evaluated)
