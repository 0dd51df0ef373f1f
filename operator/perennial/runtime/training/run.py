"""The driver of a training run: nine stages, read as a list of sentences. The same in a pod and on a laptop."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from perennial.api.records.run import RunRecord
from perennial.api.records.task import Outcome, Task
from perennial.runtime.training.accounting import Accounting
from perennial.runtime.training.claim import SEARCH, frozen, name_run
from perennial.runtime.training.context import Context
from perennial.runtime.training.failures import DataRefused
from perennial.runtime.training.progress import StageClock
from perennial.runtime.training.publish import upload
from perennial.runtime.training.request import request_of
from perennial.runtime.training.resolve import Resolved
from perennial.store import open_store
from perennial.store.registry import Registry

__all__ = ["Finished", "context_of", "train"]


@dataclass(frozen=True)
class Finished:
    """A run that exists now."""

    outcome: Outcome
    record: RunRecord
    report: Path | None  # a local copy, if this attempt made it


def train(
    task: Task,
    *,
    scratch: Path,
    attempt: str,
    clock: StageClock,
    accounting: Accounting,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Finished:
    """Train, measure and store one model, or find that it is there already.

    Raises:
        TrainingFailure: data, spec or estimator are at fault.
        StorageError: storage is.
    """
    context = context_of(task, scratch, attempt, clock, accounting)
    if context.request.container is not None:
        raise DataRefused(
            "spec.container runs in a cluster alone: its image is started there, between containers of ours; "
            "apply the object, or run the code itself on a folder with request.json and data/",
            reason="SpecInvalid",
        )
    with clock.running("resolve"):
        resolved = name_run(context)
        known = context.runs.read(resolved.run_digest) if context.request.reuse else None
        if known is None:
            context.runs.freeze_request(resolved.run_digest, frozen(context, resolved).to_json())
    if known is not None:
        context.runs.point(task.run_key, known.run_digest)
        return Finished(_outcome(resolved, "Reused", "the run exists already"), known, None)
    from perennial.runtime.training.learn import learn, package, run_record  # a reused run needs no scikit-learn

    stages = learn(context, resolved)
    with clock.running("package"):
        packaged = package(context, stages)
    with clock.running("publish"):
        files = upload(context, resolved.run_digest, packaged.files)
        record = run_record(context, packaged.stages, packaged.artifact, files, now())
        winner = context.runs.publish(record)
    kept = "Succeeded" if winner.attempt == attempt else "Reused"
    return Finished(_outcome(resolved, kept, ""), winner, packaged.report)


def context_of(task: Task, scratch: Path, attempt: str, clock: StageClock, accounting: Accounting) -> Context:
    """What the stages of this attempt share.

    Raises:
        DataRefused: the spec is not valid.
    """
    registry, request = Registry(open_store(task.registry), task.namespace, task.model), request_of(task.spec)
    search = task.parameters.get(SEARCH)
    trials = registry.trials if request.reuse or search is None else registry.trials.apart(search)
    return Context(task, request, registry.runs, trials, clock, accounting, scratch, attempt)


def _outcome(resolved: Resolved, kept: str, message: str) -> Outcome:
    return Outcome.model_validate(
        {
            "outcome": kept,
            "message": message,
            "stage": "publish",
            "runDigest": resolved.run_digest,
            "dataDigest": resolved.data_digest,
        }
    )
