"""Before the code starts: name the run, check and divide the data, fill the run folder, bring back a checkpoint."""

import time

from perennial.api.records.task import ExitCode, Outcome
from perennial.runtime.training.claim import frozen
from perennial.runtime.training.context import Context
from perennial.runtime.training.fetch import fetch_all
from perennial.runtime.training.own.checkpoints import Shelf, marks, restored
from perennial.runtime.training.own.giving import give_request, give_rows
from perennial.runtime.training.own.handover import handed_over
from perennial.runtime.training.own.places import Places
from perennial.runtime.training.preprocess import prepare
from perennial.runtime.training.resolve import Resolved, resolve
from perennial.runtime.training.split import split
from perennial.runtime.training.target import kind_of
from perennial.runtime.training.validate import validate
from perennial.store import open_store
from perennial.store.layout import ModelKeys


def before(context: Context, places: Places) -> tuple[ExitCode, Outcome]:
    """Do all of it; a run that exists already ends the pod here.

    Raises:
        TrainingFailure: data or spec are at fault.
        StorageError: storage is.
    """
    clock, begun = context.clock, time.time()
    with clock.running("resolve"):
        resolved = resolve(context.task, context.request)
        known = context.runs.read(resolved.run_digest) if context.request.reuse else None
        if known is not None:
            context.runs.point(context.task.run_key, known.run_digest)
            return ExitCode.REUSED, _outcome(resolved, "Reused", "the run exists already; its code is not started")
        context.runs.freeze_request(resolved.run_digest, frozen(context, resolved).to_json())
    _filled(context, places, resolved, begun)
    return ExitCode.OK, _outcome(resolved, "Succeeded", "")


def _filled(context: Context, places: Places, resolved: Resolved, begun: float) -> None:
    request, clock, task = context.request, context.clock, context.task
    with clock.running("fetch"):
        fetched = fetch_all(resolved, request)
        places.output.mkdir(parents=True, exist_ok=True)
        shelf = Shelf(open_store(task.registry), ModelKeys(task.namespace, task.model), resolved.run_digest)
        found = restored(shelf, places)
    kind = kind_of(request, fetched.table)
    with clock.running("validate"):
        validated = validate(fetched.table, request, kind=kind, holdout_rows=fetched.holdout_rows)
    with clock.running("split"):
        sides = split(validated.table, request, model=task.model, holdout_rows=validated.holdout_rows)
    with clock.running("preprocess"):
        prepared = prepare(validated.table, request, validated.target, learn_from=sides.train)
        wanted = request.container is not None and request.container.fetch
        rows = give_rows(context, places, validated.table, prepared, sides) if wanted else None
        give_request(context, places, resolved, prepared, rows=rows, checkpoint=found is not None)
    state = marks(places) if found else ()
    handed_over(
        places,
        resolved,
        fetched,
        timings=dict(clock.timings),
        kind=kind,
        begun=begun,
        ended=time.time(),
        restored=state,
    )


def _outcome(resolved: Resolved, kept: str, message: str) -> Outcome:
    return Outcome.model_validate(
        {
            "outcome": kept,
            "message": message,
            "stage": "preprocess",
            "runDigest": resolved.run_digest,
            "dataDigest": resolved.data_digest,
        }
    )
