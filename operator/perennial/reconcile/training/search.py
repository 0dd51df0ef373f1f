"""A search whose trials run in Jobs of their own: one look at it, from what storage holds to the next Job.

What comes next is `policy/training/search.py`'s to say; the Job that trains in the end is followed like any other.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from perennial.api.algorithm import Search
from perennial.api.fields import format_time, parse_time
from perennial.api.identities import bare, digest_of
from perennial.api.records.task import Task
from perennial.api.records.trial import LostTrial
from perennial.api.rounds import Round, rounds
from perennial.api.training_status import ProgressStatus, TrialsStatus
from perennial.desired import names
from perennial.desired.search_round import round_job
from perennial.desired.training_job import JobOptions, TrainerImage, training_job
from perennial.kube.resources import Ref
from perennial.policy.training.facts import JobFacts
from perennial.policy.training.failure import Failure, obstacle
from perennial.policy.training.search import (
    Due,
    SearchFacts,
    SearchStep,
    due_round,
    next_of_search,
    time_left,
    trials_of,
)
from perennial.policy.training.trials import lost_trial, round_failure
from perennial.reconcile.context import Context
from perennial.reconcile.registries import in_store, registry
from perennial.reconcile.training import jobs, report
from perennial.reconcile.training.logs import save_logs
from perennial.reconcile.training.observed import Observed
from perennial.reconcile.training.report import Searching, Told
from perennial.reconcile.training.search_results import Stored, sentence, standing, stored, thinned

FOLLOW_EVERY = 15.0
STAGE = "refine"


@dataclass(frozen=True)
class Looked:
    """One look at a search."""

    seen: Observed
    search: Search
    plan: tuple[Round, ...]
    designs: int
    have: Stored
    due: Due | None
    job: JobFacts | None  # of the round that is due
    trials: TrialsStatus

    @property
    def job_name(self) -> str:
        """The Job of the round that is due."""
        return names.search_round(self.seen.job_name, self.due.number) if self.due else self.seen.job_name


type Action = Callable[[Looked, Context], Awaitable[float | None]]


async def advance(seen: Observed, ctx: Context) -> float | None:
    """Bring a search one step forward.

    Raises:
        ApiError: the API server refused a Job.
        StorageError: storage did not answer; the next look goes on.
    """
    models = registry(ctx, seen.namespace, seen.training.model)
    looked = _looked(seen, await in_store(ctx, lambda: stored(models, search_of(seen))))
    left = _time_left(looked, ctx)
    facts = SearchFacts(
        due=looked.due,
        job=looked.job,
        seen=looked.job_name in _told_jobs(seen),
        overdue=left is not None and left <= 0,
    )
    return await ACTIONS[next_of_search(facts)](looked, ctx)


def search_of(seen: Observed) -> str:
    """Identity of a search: of one object, run key and retry. Its results are the run's, and outlive it."""
    metadata = seen.training.metadata
    return bare(digest_of({"uid": metadata.uid, "runKey": seen.run_key, "retry": seen.retry}))


def _looked(seen: Observed, have: Stored) -> Looked:
    algorithm = seen.training.spec.algorithm
    assert algorithm is not None  # noqa: S101  the decision says so
    assert algorithm.search is not None  # noqa: S101
    plan, designs = rounds(algorithm.search), max(1, len(algorithm.candidates))
    due = due_round(plan, designs, have.ended)
    name = names.search_round(seen.job_name, due.number) if due else ""
    job = next((j for j in seen.rounds if j.name == name), None)
    old = seen.training.status.run.trials if seen.same_run and seen.training.status.run else None
    new = standing(
        have,
        total=sum(one.trials for one in plan) * designs,
        number=due.number + 1 if due else len(plan),
        rounds=len(plan),
        started=_started(old, job),
    )
    return Looked(seen, algorithm.search, plan, designs, have, due, job, thinned(old, new))


def _started(old: TrialsStatus | None, job: JobFacts | None) -> str | None:
    if old is not None and old.start_time is not None:
        return old.start_time
    return format_time(job.started) if job is not None and job.started is not None and not job.suspended else None


def _time_left(looked: Looked, ctx: Context) -> int | None:
    started = looked.trials.start_time
    deadline = looked.seen.training.spec.active_deadline_seconds
    return time_left(deadline, parse_time(started) if started else None, ctx.clock.now())


def _told_jobs(seen: Observed) -> list[str]:
    run = seen.training.status.run
    return list(run.jobs) if seen.same_run and run is not None else []


async def _tell(looked: Looked, told: Told, ctx: Context) -> None:
    """The status, with the figures of the search; a Job is in it from when it was seen."""
    there = sorted((job.name for job in looked.seen.rounds if not job.deleting), key=lambda name: (len(name), name))
    known = dict.fromkeys([*_told_jobs(looked.seen), *there])
    searching = Searching(looked.trials, tuple(known), _image(looked.seen, ctx))
    await report.write(looked.seen, replace(told, search=searching, attempt=None), ctx)


def _image(seen: Observed, ctx: Context) -> str:
    """All Jobs of a search have the image of the first: another one's libraries might come to other results."""
    run = seen.training.status.run
    return (run.image if seen.same_run and run is not None else None) or ctx.config.trainer_image


async def _follow(looked: Looked, ctx: Context) -> float | None:
    job = looked.job
    assert job is not None  # noqa: S101  the decision says so
    hindered = None if any(pod.phase == "Running" for pod in job.pods) else obstacle(job, ctx.clock.now())
    if job.deleting:
        told = Told.waiting("EndingEarlierRun", f"Job {job.name} is being deleted; what its trials have left is kept")
    elif job.suspended:
        told = Told.waiting("Queued", f"Job {job.name} waits to be admitted")
    elif hindered is not None:
        told = Told.waiting(hindered.reason, hindered.message)
    else:
        share = ProgressStatus(percent=100 * looked.trials.done // looked.trials.total, message="search")
        message = sentence(looked.trials)
        told = Told("Unknown", "Running", message, reconciling=True, started=job.started, stage=STAGE, progress=share)
    await _tell(looked, told, ctx)
    return FOLLOW_EVERY


async def _create_round(looked: Looked, ctx: Context) -> float | None:
    due = looked.due
    assert due is not None  # noqa: S101  the decision says so
    await _tell(looked, Told.waiting("Starting", f"Job {looked.job_name}: {sentence(looked.trials)}"), ctx)
    task = await _task(looked, ctx, kind="Trial", parameters={"round": due.number})
    job = round_job(
        looked.seen.body,
        looked.job_name,
        task,
        TrainerImage(_image(looked.seen, ctx), ctx.config.image_pull_policy),
        _options(looked, ctx),
        trials=len(trials_of(due.round, looked.designs)),
        parallelism=looked.search.parallelism,
    )
    await ctx.kube.create(job)
    return FOLLOW_EVERY


async def _train(looked: Looked, ctx: Context) -> float | None:
    seen = looked.seen
    await _tell(looked, Told.waiting("Starting", f"Job {seen.job_name} is created; the search is over"), ctx)
    task = await _task(looked, ctx, kind="Train", parameters={})
    image = TrainerImage(_image(seen, ctx), ctx.config.image_pull_policy)
    await ctx.kube.create(training_job(seen.body, seen.job_name, task, image, _options(looked, ctx)))
    return FOLLOW_EVERY


async def _task(looked: Looked, ctx: Context, *, kind: str, parameters: Mapping[str, object]) -> Task:
    task = await jobs.task_of(looked.seen, ctx)
    return task.model_copy(update={"kind": kind, "parameters": {"search": search_of(looked.seen), **parameters}})


def _options(looked: Looked, ctx: Context) -> JobOptions:
    """As for other Jobs; the deadline is the search's, so each Job has what the ones before have left."""
    return replace(jobs.options(looked.seen), active_deadline_seconds=_time_left(looked, ctx))


async def _give_up_lost(looked: Looked, ctx: Context) -> float | None:
    due, job, digest = looked.due, looked.job, looked.have.run_digest
    assert due is not None  # noqa: S101  the decision says so
    assert job is not None  # noqa: S101
    if digest is None:
        return await _fail(looked, ctx)
    indexes = {trial: index for index, trial in enumerate(trials_of(due.round, looked.designs))}
    lost: list[LostTrial] = [lost_trial(trial, job, indexes[trial]) for trial in due.missing]
    results = registry(ctx, looked.seen.namespace, looked.seen.training.model).trials
    search = search_of(looked.seen)
    await in_store(ctx, lambda: results.lose(digest, search, due.number, lost))
    known = await in_store(ctx, lambda: results.lost(digest, search))
    if not set(due.missing) <= known.keys():  # given up before, and results have been removed since
        return await _fail(looked, ctx)
    return await advance(looked.seen, ctx)


async def _fail(looked: Looked, ctx: Context) -> float | None:
    job, due = looked.job, looked.due
    assert job is not None  # noqa: S101  the decision says so
    assert due is not None  # noqa: S101
    failure = round_failure(job, len(due.missing))
    logs = await save_logs(replace(looked.seen, job=job, job_name=job.name), failure, ctx)
    await _tell(looked, Told.failed(failure, logs), ctx)
    return None


async def _vanished(looked: Looked, ctx: Context) -> float | None:
    assert looked.due is not None  # noqa: S101  the decision says so
    message = (
        f"Job {looked.job_name} is gone and left {len(looked.due.missing)} trials without a result; to run these, and "
        f"no others: kubectl annotate mtr {looked.seen.training.metadata.name} perennial.dev/retry=$(date +%s) "
        "--overwrite"
    )
    await _tell(looked, Told.refused("JobVanished", message), ctx)
    return None


async def _overdue(looked: Looked, ctx: Context) -> float | None:
    message = (
        "spec.activeDeadlineSeconds passed in the middle of the search; raise it, or let more trials run at a time "
        "with spec.algorithm.search.parallelism"
    )
    await _tell(looked, Told.failed(Failure("Deadline", message), None), ctx)
    return None


ACTIONS: Mapping[SearchStep, Action] = {
    SearchStep.FOLLOW: _follow,
    SearchStep.CREATE_ROUND: _create_round,
    SearchStep.GIVE_UP_LOST: _give_up_lost,
    SearchStep.TRAIN: _train,
    SearchStep.FAIL: _fail,
    SearchStep.VANISHED: _vanished,
    SearchStep.OVERDUE: _overdue,
}


async def end_rounds(seen: Observed, ctx: Context) -> float | None:
    """Suspended: the Jobs of the search end, and are forgotten first, so that they come back when it goes on.

    Raises:
        ApiError: the API server refused to delete a Job.
        StorageError: storage did not answer.
    """
    live = [job for job in seen.rounds if not job.done]
    kept = tuple(name for name in _told_jobs(seen) if name not in {job.name for job in live})
    models = registry(ctx, seen.namespace, seen.training.model)
    looked = _looked(seen, await in_store(ctx, lambda: stored(models, search_of(seen))))
    trials = looked.trials.replace(start_time=None)
    told = Told.waiting(
        "Suspended", "spec.suspend is true; what the search has found so far is kept", reconciling=False
    )
    await report.write(seen, replace(told, search=Searching(trials, kept, _image(seen, ctx))), ctx)
    for job in live:
        if not job.deleting:
            await ctx.kube.delete(Ref("Job", seen.namespace, job.name), job.uid, propagation="Foreground")
    return FOLLOW_EVERY
