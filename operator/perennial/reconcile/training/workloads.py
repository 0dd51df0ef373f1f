"""A run in the object of another controller: found, made once, followed, ended in time, and cleared away later.

The kinds are asked for and never watched: a cluster may lack them, and nothing else waits for them.
"""

from dataclasses import replace
from datetime import timedelta

from perennial.api.conditions import condition
from perennial.api.fields import parse_time
from perennial.api.workload import API_VERSIONS
from perennial.desired.labels import KIND, WORKLOAD
from perennial.desired.training_job import SERVICE_ACCOUNT
from perennial.desired.workload import WorkloadOptions, workload
from perennial.kube.errors import Forbidden, NamespaceTerminating, NotServed
from perennial.kube.resources import Ref, controller_uid
from perennial.policy.training.facts import JobFacts
from perennial.policy.training.failure import obstacle
from perennial.policy.training.workload import DEADLINE, workload_facts
from perennial.reconcile.context import Context
from perennial.reconcile.training.jobs import task_of
from perennial.reconcile.training.observed import Barred, Observed
from perennial.reconcile.training.report import Told

__all__ = ["SERVICE_ACCOUNT", "clear", "completed", "create", "expire", "is_ending", "told"]


async def completed(seen: Observed, ctx: Context) -> Observed:
    """What was observed, with the objects of other controllers that carry out, or carried out, this ModelTraining.

    Raises:
        Forbidden: an object of a kind asked for earlier cannot be ended.
    """
    kinds = seen.kinds_to_look_at
    if not kinds or seen.concluded or seen.managed_elsewhere:
        return seen
    found: list[JobFacts] = []
    barred: Barred | None = None
    for kind in kinds:
        try:
            found += await _of_kind(kind, seen, ctx)
        except NamespaceTerminating:
            raise
        except NotServed:
            barred = _not_served(kind) if kind == seen.child_kind else barred
        except Forbidden:
            if kind != seen.child_kind:
                raise
            barred = _forbidden(kind, seen.namespace)
    return _with(replace(seen, workloads=tuple(found), barred=barred))


def _with(seen: Observed) -> Observed:
    def is_it(one: JobFacts) -> bool:
        return (one.kind, one.name) == (seen.child_kind, seen.job_name)

    job = next((w for w in seen.workloads if is_it(w) and not w.deleting), None)
    ending = is_ending(seen)
    stale = (w for w in seen.workloads if not w.done and (not is_it(w) or (w.deleting and not ending)))
    return replace(seen, job=seen.job or job, stale=(*seen.stale, *stale))


async def _of_kind(kind: str, seen: Observed, ctx: Context) -> list[JobFacts]:
    name, uid = seen.training.metadata.name, seen.training.metadata.uid
    ours = f"{KIND}=ModelTraining,app.kubernetes.io/instance={name}"
    bodies = [b for b in await ctx.kube.list(kind, seen.namespace, labels=ours) if controller_uid(b) == uid]
    if not bodies:
        return []
    pods = [(_workload_of(pod), pod) for pod in ctx.cache.of_kind("Pod", seen.namespace)]
    return [workload_facts(b, tuple(pod for of, pod in pods if of == b["metadata"]["name"])) for b in bodies]


def _workload_of(pod: dict[str, object]) -> str | None:
    metadata = pod["metadata"]
    assert isinstance(metadata, dict)  # noqa: S101  every object has it
    return (metadata.get("labels") or {}).get(WORKLOAD)


def _not_served(kind: str) -> Barred:
    told = f"this cluster has no {kind} of {API_VERSIONS[kind]}; install its controller, or train with spec.algorithm"
    return Barred("KindNotServed", told)


def _forbidden(kind: str, namespace: str) -> Barred:
    return Barred(
        "Forbidden",
        f"the operator may not make {kind} of {API_VERSIONS[kind]} in namespace {namespace}; name the kind in the "
        f"chart's values: helm upgrade … --set 'rbac.workloads={{{kind}}}'",
    )


async def create(seen: Observed, ctx: Context) -> None:
    """Create the object of this run key; finding it there is as good.

    Raises:
        ApiError: the API server, or the other controller's webhook, refused it.
        StorageError: the champion alias could not be read.
    """
    spec = seen.training.spec
    secret = spec.data.secret_ref
    options = WorkloadOptions(spec.backoff_limit, spec.priority_class_name, secret.name if secret else None)
    await ctx.kube.create(workload(seen.body, seen.job_name, await task_of(seen, ctx), options))


def told(job: JobFacts, ctx: Context) -> Told:
    """What an unfinished object says: its queue, an obstacle of a pod that is seen, or that it is at work."""
    if job.suspended:
        return Told.waiting("Queued", f"{job.kind} {job.name} waits to be admitted", attempt=job.uid)
    hindered = obstacle(job, ctx.clock.now())
    if hindered is not None:
        return Told.waiting(hindered.reason, hindered.message, attempt=job.uid)
    return replace(Told.running(job, None), message=f"{job.kind} {job.name} is at work")


def expire(job: JobFacts) -> Told:
    """What is told before an object is ended for its deadline, so that its absence is understood afterwards."""
    return Told.waiting(DEADLINE.reason, f"{job.kind} {job.name} is ended: {DEADLINE.message}", attempt=job.uid)


def is_ending(seen: Observed) -> bool:
    """Whether the status tells that the object of this run is being ended for its deadline."""
    succeeded = condition(seen.training.status.conditions, "Succeeded")
    told_so = succeeded is not None and (succeeded.status, succeeded.reason) == ("Unknown", DEADLINE.reason)
    return seen.training.spec.workload is not None and seen.same_run and told_so


async def clear(seen: Observed, ctx: Context) -> float | None:
    """Delete what is over for `ttlSecondsAfterFinished`, the same for all kinds; seconds until then, None: never."""
    run, ended = seen.training.status.run, seen.training.status.completion_time
    if run is None or not run.workloads or ended is None:
        return None
    keep = timedelta(seconds=seen.training.spec.ttl_seconds_after_finished)
    left = (parse_time(ended) + keep - ctx.clock.now()).total_seconds()
    if left > 0:
        return left
    for kind in run.workloads:
        try:
            over = [w for w in await _of_kind(kind, seen, ctx) if w.done and not w.deleting]
        except NamespaceTerminating:
            raise
        except (NotServed, Forbidden):
            continue
        for one in over:
            await ctx.kube.delete(Ref(one.kind, seen.namespace, one.name), one.uid)
    return None
