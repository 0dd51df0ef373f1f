"""The Job of a ModelTraining: made once, and followed."""

from typing import Any

import pydantic

from perennial.api.group import RETRAIN
from perennial.api.records.run import AliasRecord
from perennial.api.records.task import Champion, Progress, Task
from perennial.desired.own_job import own_job
from perennial.desired.training_job import (
    PROGRESS_PORT,
    SERVICE_ACCOUNT,
    JobOptions,
    TrainerImage,
    training_job,
)
from perennial.kube.errors import NotFound
from perennial.kube.resources import Ref
from perennial.policy.training.facts import JobFacts
from perennial.policy.training.failure import obstacle
from perennial.reconcile.context import Context
from perennial.reconcile.registries import in_store, registry
from perennial.reconcile.scrape import scrape
from perennial.reconcile.training.observed import Observed
from perennial.reconcile.training.report import Told

__all__ = ["SERVICE_ACCOUNT", "create", "has_access", "task_of", "told"]


async def has_access(seen: Observed, ctx: Context) -> bool:
    """Whether the namespace has the account that trainers use, or the user names another one."""
    template = seen.training.spec.template
    name = (template.service_account_name if template else None) or SERVICE_ACCOUNT
    try:
        await ctx.kube.get(Ref("ServiceAccount", seen.namespace, name))
    except NotFound:
        return False
    return True


async def create(seen: Observed, ctx: Context) -> None:
    """Create the Job of this run key; finding it there is as good.

    Raises:
        ApiError: the API server refused it.
        StorageError: the champion alias could not be read.
    """
    task = await task_of(seen, ctx)
    image = TrainerImage(ctx.config.trainer_image, ctx.config.image_pull_policy)
    own = seen.body["spec"].get("container")
    wanted = (seen.body, seen.job_name, task, image, options(seen))
    await ctx.kube.create(own_job(*wanted, own) if own else training_job(*wanted))


async def task_of(seen: Observed, ctx: Context) -> Task:
    """The frozen request of this run key.

    Raises:
        StorageError: the champion alias could not be read.
    """
    training = seen.training
    aliases = registry(ctx, seen.namespace, training.model).aliases
    champion: AliasRecord | None = await in_store(ctx, lambda: aliases.read("champion"))
    return Task(
        kind="Train",
        namespace=seen.namespace,
        model=training.model,
        training=training.metadata.name,
        uid=training.metadata.uid,
        registry=ctx.config.registry,
        run_key=seen.run_key,
        spec=seen.body["spec"],
        retrain=training.metadata.annotations.get(RETRAIN),
        champion=Champion(run_digest=champion.run_digest, version=champion.number) if champion else None,
    )


def options(seen: Observed) -> JobOptions:
    """The fields of the spec that act on the Job."""
    spec: dict[str, Any] = seen.body["spec"]
    return JobOptions(
        template=spec.get("template") or {},
        active_deadline_seconds=spec.get("activeDeadlineSeconds"),
        backoff_limit=spec.get("backoffLimit"),
        ttl_seconds_after_finished=seen.training.spec.ttl_seconds_after_finished,
        pod_failure_rules=tuple((spec.get("podFailurePolicy") or {}).get("rules") or ()),
        priority_class_name=spec.get("priorityClassName"),
        data_secret=(spec["data"].get("secretRef") or {}).get("name"),
    )


async def told(seen: Observed, ctx: Context) -> Told:
    """What an unfinished Job says: an obstacle, its queue, or its progress."""
    job = seen.job
    assert job is not None  # noqa: S101  the decision says so
    if job.suspended:
        return Told.waiting("Queued", f"Job {job.name} waits to be admitted", reconciling=True, attempt=job.uid)
    hindered = obstacle(job, ctx.clock.now())
    if hindered is not None:
        return Told.waiting(hindered.reason, hindered.message, attempt=job.uid)
    progress = await _progress(job, ctx)
    return Told.running(job, progress)


async def _progress(job: JobFacts, ctx: Context) -> Progress | None:
    """What the pod's metrics port says now; a pod that is starting or ending says nothing."""
    # A pod is Pending for as long as its first containers run: those of own code are such.
    pod = next((p for p in reversed(job.pods) if p.phase in ("Running", "Pending") and p.ip), None)
    body = await scrape(ctx, pod.ip, PROGRESS_PORT, "/progress") if pod is not None else None
    try:
        return Progress.from_json(body) if body is not None else None
    except pydantic.ValidationError:
        return None
