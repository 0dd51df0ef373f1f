"""The status of a ModelTraining: built from what was told, written once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self

from perennial.api.conditions import Condition, ConditionStatus, with_condition
from perennial.api.fields import format_time
from perennial.api.group import RETRAIN
from perennial.api.records.task import Progress
from perennial.api.training_status import (
    CostStatus,
    FailureStatus,
    ModelTrainingStatus,
    ProgressStatus,
    RunStatus,
    TrialsStatus,
)
from perennial.policy.training.facts import JobFacts
from perennial.policy.training.failure import Failure
from perennial.reconcile.context import Context
from perennial.reconcile.status import EventIntent, write_status
from perennial.reconcile.training.observed import Observed

LEAST_STEP = 5
"""Progress is written when the stage changes or after so many percent."""


@dataclass(frozen=True)
class Searching:
    """How a search in parallel stands."""

    trials: TrialsStatus | None
    jobs: tuple[str, ...]  # of its rounds, as far as they were seen
    image: str  # of all of them


@dataclass(frozen=True)
class Told:
    """What one look has to say."""

    status: ConditionStatus  # of Succeeded
    reason: str
    message: str
    reconciling: bool = False
    stalled: bool = False
    attempt: str | None = None
    started: datetime | None = None
    stage: str | None = None
    progress: ProgressStatus | None = None
    failure: FailureStatus | None = None
    cpu_seconds: float | None = None  # that a failed run used
    search: Searching | None = None

    @classmethod
    def waiting(cls, reason: str, message: str, *, reconciling: bool = True, attempt: str | None = None) -> Self:
        """Not over, and why nothing moves or what is being done."""
        return cls("Unknown", reason, message, reconciling=reconciling, attempt=attempt)

    @classmethod
    def running(cls, job: JobFacts, progress: Progress | None) -> Self:
        """A Job at work."""
        stage = progress.stage if progress else None
        shown = ProgressStatus(percent=progress.percent, message=progress.message) if progress else None
        message = f"{stage}: {progress.message}" if progress and progress.message else (stage or "the Job is starting")
        return cls(
            "Unknown",
            "Running",
            message,
            reconciling=True,
            attempt=job.uid,
            started=job.started,
            stage=stage,
            progress=shown,
        )

    @classmethod
    def refused(cls, reason: str, message: str) -> Self:
        """Over without a run; nothing will be tried again by itself."""
        return cls("False", reason, message, stalled=True, failure=FailureStatus(reason=reason, message=message))

    @classmethod
    def failed(cls, failure: Failure, logs: str | None, cpu_seconds: float | None = None) -> Self:
        """The Job failed for good."""
        told = FailureStatus(
            reason=failure.reason,
            message=failure.message,
            exit_code=failure.exit_code,
            attempt=failure.pod or None,
            logs=logs,
        )
        return cls("False", failure.reason, failure.message, stalled=True, failure=told, cpu_seconds=cpu_seconds)


async def write(seen: Observed, told: Told, ctx: Context) -> None:
    """One status write for one look, with an event if it is a transition."""
    now = ctx.clock.now()
    status = status_of(seen, told, now)
    await write_status(ctx, seen.body, status.to_json_dict(), _events(seen, told))


def status_of(seen: Observed, told: Told, now: datetime) -> ModelTrainingStatus:
    """The new status. What the former run left (version, artifact, metrics) stays until the new one has ended."""
    old = seen.training.status
    generation = seen.training.metadata.generation
    usable = old.artifact is not None and ready(old.conditions) == "True"
    conditions = with_condition(
        old.conditions, "Succeeded", told.status, told.reason, told.message, generation=generation, now=now
    )
    if not usable:
        conditions = with_condition(
            conditions, "Ready", "False", told.reason, told.message, generation=generation, now=now
        )
    for type_, on in (("Reconciling", told.reconciling), ("Stalled", told.stalled)):
        conditions = with_condition(
            conditions, type_, on and not usable, told.reason, told.message, generation=generation, now=now
        )
    return old.replace(
        conditions=conditions,
        run=_run(seen, told),
        start_time=_start(seen, told, now),
        completion_time=_completed(seen, told, now),
        failure=told.failure,
        cost=CostStatus(cpu_seconds=told.cpu_seconds) if told.cpu_seconds is not None else old.cost,
    )


def ready(conditions: list[Condition]) -> str:
    """Status of the condition Ready."""
    return next((c.status for c in conditions if c.type == "Ready"), "Unknown")


def transition(seen: Observed) -> str:
    """Identity of the change that asked for this run: kept while the run key stays, new when it changes."""
    run, metadata = seen.training.status.run, seen.training.metadata
    if run is not None and run.key == seen.run_key and run.transition:
        return run.transition
    return f"{metadata.uid}/{seen.run_key[:16]}/{metadata.generation}"


def _run(seen: Observed, told: Told) -> RunStatus:
    old = seen.training.status.run if seen.same_run else None
    base = old or RunStatus(
        key=seen.run_key,
        retry=seen.retry or None,
        retrain=seen.training.metadata.annotations.get(RETRAIN),
        transition=transition(seen),
        job=seen.job_name,
        workloads=seen.kinds_held,
    )
    stage, progress = _shown(base, told)
    shown = base.replace(attempt=told.attempt or base.attempt, stage=stage, progress=progress)
    if told.search is None:
        return shown
    return shown.replace(trials=told.search.trials, jobs=list(told.search.jobs), image=told.search.image)


def _shown(run: RunStatus, told: Told) -> tuple[str | None, ProgressStatus | None]:
    if told.stage is None:
        return run.stage, run.progress
    same = run.stage == told.stage and run.progress is not None and told.progress is not None
    if same and abs(told.progress.percent - run.progress.percent) < LEAST_STEP:  # type: ignore[union-attr]
        return run.stage, run.progress
    return told.stage, told.progress


def _completed(seen: Observed, told: Told, now: datetime) -> str | None:
    """When it ended; told again, the first time stays."""
    if told.status != "False":
        return None
    kept = seen.training.status.completion_time if seen.same_run else None
    return kept or format_time(now.replace(microsecond=0))


def _start(seen: Observed, told: Told, now: datetime) -> str:
    kept = seen.training.status.start_time if seen.same_run else None
    return kept or format_time((told.started or now).replace(microsecond=0))


def _events(seen: Observed, told: Told) -> list[EventIntent]:
    before = next((c for c in seen.training.status.conditions if c.type == "Succeeded"), None)
    if before is not None and (before.status, before.reason) == (told.status, told.reason):
        return []
    kind: Literal["Normal", "Warning"] = "Warning" if told.status == "False" else "Normal"
    return [EventIntent(kind, told.reason, "Train", told.message)]
