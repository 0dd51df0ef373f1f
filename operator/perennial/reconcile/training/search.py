"""A search whose trials run in Jobs of their own: one look at it, from what storage holds to the next Job.

What comes next is `policy/training/search.py`'s to say; the Job that trains in the end is followed like any other.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from perennial.api.records.task import Task
from perennial.api.records.trial import LostTrial
from perennial.api.training_status import ProgressStatus
from perennial.desired.search_round import round_job
from perennial.desired.training_job import JobOptions, TrainerImage, training_job
from perennial.kube.resources import Ref
from perennial.policy.training.failure import Failure, obstacle
from perennial.policy.training.search import (
    SearchFacts,
    SearchStep,
    next_of_search,
    trials_of,
)
from perennial.policy.training.trials import lost_trial, round_failure
from perennial.reconcile.context import Context
from perennial.reconcile.registries import in_store, registry
from perennial.reconcile.training import jobs, report
from perennial.reconcile.training.logs import save_logs
from perennial.reconcile.training.observed import Observed
from perennial.reconcile.training.report import Searching, Told
from perennial.reconcile.training.search_look import Looked, image_of, look, search_of, seconds_left, tell, told_jobs
from perennial.reconcile.training.search_results import sentence

FOLLOW_EVERY = 15.0
STAGE = "refine"


type Action = Callable[[Looked, Context], Awaitable[float | None]]


async def advance(seen: Observed, ctx: Context) -> float | None:
    """Bring a search one step forward.

    Raises:
        ApiError: the API server refused a Job.
        StorageError: storage did not answer; the next look goes on.
    """
    looked = await look(seen, ctx)
    left = seconds_left(looked, ctx)
    facts = SearchFacts(
        due=looked.due,
        job=looked.job,
        seen=looked.job_name in told_jobs(seen),
        overdue=left is not None and left <= 0,
    )
    return await ACTIONS[next_of_search(facts)](looked, ctx)


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
    await tell(looked, told, ctx)
    return FOLLOW_EVERY


async def _create_round(looked: Looked, ctx: Context) -> float | None:
    due = looked.due
    assert due is not None  # noqa: S101  the decision says so
    await tell(looked, Told.waiting("Starting", f"Job {looked.job_name}: {sentence(looked.trials)}"), ctx)
    task = await _task(looked, ctx, kind="Trial", parameters={"round": due.number})
    job = round_job(
        looked.seen.body,
        looked.job_name,
        task,
        TrainerImage(image_of(looked.seen, ctx), ctx.config.image_pull_policy),
        _options(looked, ctx),
        trials=len(trials_of(due.round, looked.designs)),
        parallelism=looked.search.parallelism,
    )
    await ctx.kube.create(job)
    return FOLLOW_EVERY


async def _train(looked: Looked, ctx: Context) -> float | None:
    seen = looked.seen
    await tell(looked, Told.waiting("Starting", f"Job {seen.job_name} is created; the search is over"), ctx)
    task = await _task(looked, ctx, kind="Train", parameters={})
    image = TrainerImage(image_of(seen, ctx), ctx.config.image_pull_policy)
    await ctx.kube.create(training_job(seen.body, seen.job_name, task, image, _options(looked, ctx)))
    return FOLLOW_EVERY


async def _task(looked: Looked, ctx: Context, *, kind: str, parameters: Mapping[str, object]) -> Task:
    task = await jobs.task_of(looked.seen, ctx)
    return task.model_copy(update={"kind": kind, "parameters": {"search": search_of(looked.seen), **parameters}})


def _options(looked: Looked, ctx: Context) -> JobOptions:
    """As for other Jobs; the deadline is the search's, so each Job has what the ones before have left."""
    return replace(jobs.options(looked.seen), active_deadline_seconds=seconds_left(looked, ctx))


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
    await tell(looked, Told.failed(failure, logs), ctx)
    return None


async def _vanished(looked: Looked, ctx: Context) -> float | None:
    assert looked.due is not None  # noqa: S101  the decision says so
    training = looked.seen.training
    again = "to run these, and no others" if training.spec.reuse else "to search anew"
    message = (
        f"Job {looked.job_name} is gone and left {len(looked.due.missing)} trials without a result; {again}: "
        f"kubectl annotate mtr {training.metadata.name} perennial.dev/retry=$(date +%s) --overwrite"
    )
    await tell(looked, Told.refused("JobVanished", message), ctx)
    return None


async def _overdue(looked: Looked, ctx: Context) -> float | None:
    message = (
        "spec.activeDeadlineSeconds passed in the middle of the search; raise it, or let more trials run at a time "
        "with spec.algorithm.search.parallelism"
    )
    await tell(looked, Told.failed(Failure("Deadline", message), None), ctx)
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
    kept = tuple(name for name in told_jobs(seen) if name not in {job.name for job in live})
    looked = await look(seen, ctx)
    trials = looked.trials.replace(start_time=None)
    told = Told.waiting(
        "Suspended", "spec.suspend is true; what the search has found so far is kept", reconciling=False
    )
    await report.write(seen, replace(told, search=Searching(trials, kept, image_of(seen, ctx))), ctx)
    for job in live:
        if not job.deleting:
            await ctx.kube.delete(Ref("Job", seen.namespace, job.name), job.uid, propagation="Foreground")
    return FOLLOW_EVERY
