"""One look at a ModelTraining: observe, decide, act, one status write. The phases read as a list of sentences."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import pydantic

from perennial.api.records.run import RunRecord
from perennial.kube.resources import Ref
from perennial.policy.training.failure import classify, spent
from perennial.policy.training.step import Step, TrainingFacts, next_step
from perennial.policy.training.workload import DEADLINE, is_expired, why_failed
from perennial.reconcile.context import Context, Key
from perennial.reconcile.invalid import report_invalid
from perennial.reconcile.registries import distrust, in_store, registry
from perennial.reconcile.training import conclusion, jobs, people, report, search, workloads
from perennial.reconcile.training.logs import save_logs
from perennial.reconcile.training.observed import Observed, observe
from perennial.reconcile.training.report import Told

HANDLED_BY_EVENTS = None
STORE_RETRY = 30.0
FOLLOW_EVERY = 15.0
ACCESS_RETRY = 30.0
KIND_RETRY = 60.0

type Action = Callable[[Observed, Context], Awaitable[float | None]]


async def reconcile(key: Key, ctx: Context) -> float | None:
    """Look at one ModelTraining.

    Returns:
        Seconds until the next look, None when only events matter.
    """
    body = ctx.cache.get(key.kind, key.namespace, key.name)
    if body is None or "deletionTimestamp" in body["metadata"]:
        return HANDLED_BY_EVENTS
    try:
        seen = observe(body, ctx.cache)
    except pydantic.ValidationError as error:
        await report_invalid(body, error, ctx, false=("Succeeded",))
        return HANDLED_BY_EVENTS
    seen = await workloads.completed(seen, ctx)
    facts, run = await _facts(seen, ctx)
    step = next_step(facts)
    if step is Step.CONCLUDE and run is not None:
        return await conclusion.conclude_run(seen, run, ctx)
    return await ACTIONS[step](seen, ctx)


async def _facts(seen: Observed, ctx: Context) -> tuple[TrainingFacts, RunRecord | None]:
    spec = seen.training.spec
    facts = TrainingFacts(
        managed_elsewhere=seen.managed_elsewhere,
        refused=bool(seen.problems),
        concluded=seen.concluded,
        job=seen.job,
        job_seen=seen.job_seen,
        stale=seen.stale,
        reuse=spec.reuse,
        suspended=spec.suspend,
        searches=seen.searches,
        rounds=seen.rounds,
        barred=seen.barred is not None,
        expired=_is_expired(seen, ctx),
    )
    if next_step(replace(facts, storage_problem=True)) is not Step.WAIT_FOR_STORE:
        return facts, None
    if await distrust(ctx, seen.namespace):
        return replace(facts, storage_problem=True), None
    run = None
    if next_step(facts) is Step.LOOK_UP:
        run = await in_store(ctx, lambda: registry(ctx, seen.namespace, seen.training.model).runs.find(seen.run_key))
        facts = replace(facts, run_known=run is not None)
    if next_step(facts) in (Step.CREATE, Step.SEARCH):
        facts = replace(facts, access=await jobs.has_access(seen, ctx))
    return facts, run


def _is_expired(seen: Observed, ctx: Context) -> bool:
    """Jobs are ended by Kubernetes; not all of the other kinds know a deadline."""
    job = seen.job
    seconds = seen.training.spec.active_deadline_seconds
    return job is not None and job.kind != "Job" and is_expired(job, seconds, ctx.clock.now())


async def _hands_off(seen: Observed, ctx: Context) -> float | None:
    return HANDLED_BY_EVENTS


async def _rest(seen: Observed, ctx: Context) -> float | None:
    """Nothing is owed but what people say about a pending version."""
    await people.hear(seen, ctx)
    return await workloads.clear(seen, ctx)


async def _refuse(seen: Observed, ctx: Context) -> float | None:
    told = "; ".join(f"{p.field}: {p.message}" for p in seen.problems)
    await report.write(seen, Told.refused("SpecInvalid", told), ctx)
    return HANDLED_BY_EVENTS


async def _wait_for_store(seen: Observed, ctx: Context) -> float | None:
    reason, message = await distrust(ctx, seen.namespace) or ("StorageUnavailable", "storage did not answer")
    await report.write(seen, Told.waiting(reason, message), ctx)
    return STORE_RETRY


async def _end_stale(seen: Observed, ctx: Context) -> float | None:
    for job in seen.stale:
        if not job.deleting:
            await ctx.kube.delete(Ref(job.kind, seen.namespace, job.name), job.uid, propagation="Foreground")
    names = ", ".join(f"{job.kind} {job.name}" for job in seen.stale)
    await report.write(seen, Told.waiting("EndingEarlierRun", f"{names} of the former spec ends first"), ctx)
    return FOLLOW_EVERY


async def _suspended(seen: Observed, ctx: Context) -> float | None:
    message = "spec.suspend is true; no Job is made until it is false"
    await report.write(seen, Told.waiting("Suspended", message, reconciling=False), ctx)
    return HANDLED_BY_EVENTS


async def _no_access(seen: Observed, ctx: Context) -> float | None:
    message = (
        f"namespace {seen.namespace} has no ServiceAccount {jobs.SERVICE_ACCOUNT}; add the namespace to the chart's "
        f"values: helm upgrade … --set 'storage.tenants={{…,{seen.namespace}}}'"
    )
    await report.write(seen, Told.waiting("StorageAccessMissing", message), ctx)
    return ACCESS_RETRY


async def _create(seen: Observed, ctx: Context) -> float | None:
    await report.write(seen, Told.waiting("Starting", f"{seen.child_kind} {seen.job_name} is created"), ctx)
    await (workloads if seen.training.spec.workload else jobs).create(seen, ctx)
    return FOLLOW_EVERY


async def _follow(seen: Observed, ctx: Context) -> float | None:
    assert seen.job is not None  # noqa: S101  the decision says so
    other = seen.job.kind != "Job"
    await report.write(seen, workloads.told(seen.job, ctx) if other else await jobs.told(seen, ctx), ctx)
    return FOLLOW_EVERY


async def _barred(seen: Observed, ctx: Context) -> float | None:
    assert seen.barred is not None  # noqa: S101  the decision says so
    await report.write(seen, Told.waiting(seen.barred.reason, seen.barred.message), ctx)
    return KIND_RETRY


async def _expire(seen: Observed, ctx: Context) -> float | None:
    job = seen.job
    assert job is not None  # noqa: S101  the decision says so
    await report.write(seen, workloads.expire(job), ctx)
    await ctx.kube.delete(Ref(job.kind, seen.namespace, job.name), job.uid, propagation="Foreground")
    return FOLLOW_EVERY


async def _fail(seen: Observed, ctx: Context) -> float | None:
    assert seen.job is not None  # noqa: S101  the decision says so
    failure = classify(seen.job) if seen.job.kind == "Job" else why_failed(seen.job)
    logs = await save_logs(seen, failure, ctx)
    await report.write(seen, Told.failed(failure, logs, spent(seen.job)), ctx)
    return HANDLED_BY_EVENTS


async def _vanished(seen: Observed, ctx: Context) -> float | None:
    if workloads.is_ending(seen):
        await report.write(seen, Told.failed(DEADLINE, None), ctx)
        return HANDLED_BY_EVENTS
    message = (
        f"{seen.child_kind} {seen.job_name} is gone and left no run; to try again: kubectl annotate mtr "
        f"{seen.training.metadata.name} perennial.dev/retry=$(date +%s) --overwrite"
    )
    await report.write(seen, Told.refused("JobVanished", message), ctx)
    return HANDLED_BY_EVENTS


ACTIONS: Mapping[Step, Action] = {
    Step.HANDS_OFF: _hands_off,
    Step.REFUSE: _refuse,
    Step.REST: _rest,
    Step.WAIT_FOR_STORE: _wait_for_store,
    Step.END_STALE: _end_stale,
    Step.SUSPENDED: _suspended,
    Step.NO_ACCESS: _no_access,
    Step.CREATE: _create,
    Step.SEARCH: search.advance,
    Step.END_ROUNDS: search.end_rounds,
    Step.FOLLOW: _follow,
    Step.BARRED: _barred,
    Step.EXPIRE: _expire,
    Step.FAIL: _fail,
    Step.VANISHED: _vanished,
}
