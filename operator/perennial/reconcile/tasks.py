"""Short Jobs with the trainer image (row counts, label joins, evaluations): made once under a name that follows from
what they ask, found again by it, their answer read from storage. Not for training: see reconcile/training/jobs.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from perennial.api.records.task import Task
from perennial.desired import labels, names
from perennial.desired.training_job import JobOptions, TrainerImage, training_job
from perennial.policy.training.facts import JobFacts, job_facts
from perennial.policy.training.failure import classify, obstacle, spent
from perennial.reconcile.context import Context
from perennial.reconcile.registries import in_store, store_of
from perennial.store.layout import ModelKeys
from perennial.store.objects import ObjectStore

KEPT_SECONDS = 3600
"""A finished task Job stays so long; a failed one is made again after it, if its answer is still wanted."""
LONGEST_SECONDS = 3600
RETRIES = 2
REMEMBERED = 4096

State = Literal["Owed", "Running", "Succeeded", "Failed"]

_answers: dict[tuple[str, str], bytes] = {}
"""Answers that this process has read, by registry and question. They never change: a question names what it reads."""


@dataclass(frozen=True)
class Errand:
    """One question to a trainer pod. `task.run_key` is the question's identity: equal keys, equal answers."""

    owner: Mapping[str, Any]
    task: Task

    @property
    def name(self) -> str:
        """Name of its Job."""
        meta, task = self.owner["metadata"], self.task
        if task.kind == "Evaluate":
            return names.evaluate_job(meta["name"], meta["uid"], task.run_digest or "", task.run_key)
        return names.task_job(meta["name"], meta["uid"], task.kind, task.run_key)


@dataclass(frozen=True)
class Standing:
    """How an errand stands. `answer` is the JSON that the trainer left, once it succeeded."""

    errand: Errand
    state: State
    message: str = ""
    answer: bytes | None = None
    cpu_seconds: float | None = None


async def look(errand: Errand, ctx: Context) -> Standing:
    """How an errand stands; makes nothing.

    Raises:
        StorageError: storage did not answer.
    """
    owned = ctx.cache.owned(errand.owner["metadata"]["uid"], "Job")
    found = next((j for j in owned if j["metadata"]["name"] == errand.name), None)
    facts = _facts(found, ctx) if found else None
    if facts is not None and not facts.done:
        hindered = obstacle(facts, ctx.clock.now())
        return Standing(errand, "Running", hindered.message if hindered else f"Job {errand.name} is at work")
    if facts is not None and facts.failed:
        failure = classify(facts)
        message = f"Job {errand.name} failed ({failure.reason}): {failure.message}"
        return Standing(errand, "Failed", message, cpu_seconds=spent(facts))
    answer = await _answer(errand.task, ctx)
    if answer is not None:
        return Standing(errand, "Succeeded", "", answer, spent(facts) if facts else None)
    if facts is not None:
        message = f"Job {errand.name} ended and left no answer in storage"
        return Standing(errand, "Failed", message, cpu_seconds=spent(facts))
    busy = _busy(errand, owned)
    return Standing(errand, "Running", f"waits for Job {busy}") if busy else Standing(errand, "Owed")


async def begin(errand: Errand, ctx: Context) -> None:
    """Make the Job of an errand that is owed; finding it there is as good.

    Raises:
        ApiError: the API server refused it.
    """
    image = TrainerImage(ctx.config.trainer_image, ctx.config.image_pull_policy)
    await ctx.kube.create(training_job(errand.owner, errand.name, errand.task, image, _options(errand.task.spec)))


def _options(spec: Mapping[str, Any]) -> JobOptions:
    """What of a training's spec holds for its small tasks as well: where pods run, and how they reach the data."""
    return JobOptions(
        template=spec.get("template") or {},
        active_deadline_seconds=LONGEST_SECONDS,
        backoff_limit=RETRIES,
        ttl_seconds_after_finished=KEPT_SECONDS,
        priority_class_name=spec.get("priorityClassName"),
        data_secret=(spec["data"].get("secretRef") or {}).get("name"),
    )


def _facts(job: Mapping[str, Any], ctx: Context) -> JobFacts:
    return job_facts(job, tuple(ctx.cache.owned(job["metadata"]["uid"], "Pod")))


def _busy(errand: Errand, owned: list[dict[str, Any]]) -> str | None:
    """Another Job of the same kind that is not over: listings that change quickly start one count at a time."""
    same = (j for j in owned if (j["metadata"].get("labels") or {}).get(labels.TASK) == errand.task.kind)
    return next((j["metadata"]["name"] for j in same if not job_facts(j).done), None)


async def _answer(task: Task, ctx: Context) -> bytes | None:
    known = (task.registry, f"{task.kind}/{task.run_key}")
    if known not in _answers:
        store = store_of(ctx)
        body = await in_store(ctx, lambda: _stored(store, task))
        if body is None:
            return None
        while len(_answers) >= REMEMBERED:
            del _answers[next(iter(_answers))]
        _answers[known] = body
    return _answers[known]


def _stored(store: ObjectStore, task: Task) -> bytes | None:
    """What any attempt has answered. Blocking."""
    keys = ModelKeys(task.namespace, task.model)
    folder = keys.attempts(task.run_key)
    found = (info.key for info in store.list(folder) if info.key.endswith(f"/{task.kind.lower()}.json"))
    key = next(found, None)
    return store.get(key).body if key else None
