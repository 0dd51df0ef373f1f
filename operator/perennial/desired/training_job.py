"""The Job of a run. Created once, never applied again: its retries are the only retries."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from perennial.api.records.task import ExitCode, Task
from perennial.desired import labels, pods

PROGRESS_PORT = 9090
CONTAINER = "trainer"
STORAGE_SECRET = "perennial-trainer-storage"
SERVICE_ACCOUNT = "perennial-trainer"
DATA_ENV_PREFIX = "PERENNIAL_DATA_"
DEFAULT_BACKOFF_LIMIT = 3
DEFAULT_RESOURCES = {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "4Gi"}}


@dataclass(frozen=True, slots=True)
class TrainerImage:
    """Which image runs tasks, and how it is pulled."""

    name: str
    pull_policy: str = "IfNotPresent"


@dataclass(frozen=True, slots=True)
class JobOptions:
    """Fields of a ModelTraining that act on the Job but not on the result."""

    template: Mapping[str, Any] = field(default_factory=dict)
    active_deadline_seconds: int | None = None
    backoff_limit: int | None = None
    ttl_seconds_after_finished: int | None = None
    pod_failure_rules: tuple[Mapping[str, Any], ...] = ()
    priority_class_name: str | None = None
    data_secret: str | None = None


def training_job(
    owner: Mapping[str, Any], name: str, task: Task, image: TrainerImage, options: JobOptions
) -> dict[str, Any]:
    """The Job that carries out `task` for `owner` (a ModelTraining, RetrainPolicy or ModelDeployment)."""
    queue = owner["metadata"].get("labels", {}).get(labels.QUEUE)
    child = labels.child_labels(
        owner["kind"], owner["metadata"]["name"], component="training", model=task.model, **{labels.TASK: task.kind}
    )
    spec: dict[str, Any] = {
        "parallelism": 1,
        "completions": 1,
        "backoffLimit": DEFAULT_BACKOFF_LIMIT if options.backoff_limit is None else options.backoff_limit,
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {"rules": failure_rules(options.pod_failure_rules)},
        "template": _pod_template(child, task, image, options),
    }
    if options.active_deadline_seconds is not None:
        spec["activeDeadlineSeconds"] = options.active_deadline_seconds
    if options.ttl_seconds_after_finished is not None:
        spec["ttlSecondsAfterFinished"] = options.ttl_seconds_after_finished
    if queue:  # Kueue admits the Job by setting suspend to false; from then on the field is Kueue's
        spec["suspend"] = True
        child = {**child, labels.QUEUE: queue}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": labels.child_metadata(owner, name, child),
        "spec": spec,
    }


def failure_rules(users: tuple[Mapping[str, Any], ...] = ()) -> list[dict[str, Any]]:
    """Failure rules in the order that matters: disruptions cost no retry, data and user-code errors end it at
    once, then what the user asked for."""
    terminal = [int(ExitCode.DATA_REFUSED), int(ExitCode.USER_CODE)]
    return [
        disruptions_are_free(),
        {"action": "FailJob", "onExitCodes": {"containerName": CONTAINER, "operator": "In", "values": terminal}},
        *(dict(rule) for rule in users),
    ]


def disruptions_are_free() -> dict[str, Any]:
    """Evictions, preemptions and drained nodes spend no retry."""
    return {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}


def _pod_template(child: Mapping[str, str], task: Task, image: TrainerImage, options: JobOptions) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "serviceAccountName": SERVICE_ACCOUNT,
        "securityContext": pods.restricted_pod(),
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 30,
        "containers": [trainer_container(task, image, options)],
        "volumes": [pods.scratch_volume()],
    }
    if options.priority_class_name:
        spec["priorityClassName"] = options.priority_class_name
    return pods.merge_template({"metadata": {"labels": dict(child)}, "spec": spec}, options.template)


def trainer_container(task: Task, image: TrainerImage, options: JobOptions) -> dict[str, Any]:
    """The container that carries out a task: its environment, storage access and hardening."""
    sources: list[dict[str, Any]] = [{"secretRef": {"name": STORAGE_SECRET}}]
    if options.data_secret:
        sources.append({"prefix": DATA_ENV_PREFIX, "secretRef": {"name": options.data_secret}})
    return {
        "name": CONTAINER,
        "image": image.name,
        "imagePullPolicy": image.pull_policy,
        "env": [
            pods.env("PERENNIAL_TASK", json.dumps(json.loads(task.to_json()), sort_keys=True, ensure_ascii=False)),
            pods.env_field("POD_UID", "metadata.uid"),
            pods.env_field("POD_NAME", "metadata.name"),
            pods.env("HOME", pods.SCRATCH),
            pods.env("TMPDIR", pods.SCRATCH),
        ],
        "envFrom": sources,
        "ports": [{"name": "progress", "containerPort": PROGRESS_PORT}],
        "resources": DEFAULT_RESOURCES,
        "securityContext": pods.restricted_container(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "work", "mountPath": pods.SCRATCH}],
    }
