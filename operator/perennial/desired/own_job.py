"""The Job of a run whose code is the user's own: containers of ours come before that code, beside it and after it.

The Job is complete only if the last container has made the run exist. The code shares a folder with them, and nothing
else: no storage credentials, no token.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

from perennial.api.records.contract import AGENT, FETCH, PUBLISH, RUN_VARIABLE, USER
from perennial.api.records.task import ExitCode, Task
from perennial.desired import pods
from perennial.desired.training_job import (
    DEFAULT_RESOURCES,
    JobOptions,
    TrainerImage,
    disruptions_are_free,
    trainer_container,
    training_job,
)

RUN_FOLDER = "/perennial/run"
PRIVATE_FOLDER = f"{pods.SCRATCH}/own"
TEMPORARY = "/tmp"  # noqa: S108  a volume of the pod's own
GRACE_SECONDS = 300
AGENT_RESOURCES = {"requests": {"cpu": "20m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}}
KILLED = (137, 143)
"""Of SIGKILL (out of memory, the end of the grace period) and SIGTERM: the next attempt may end otherwise."""


def own_job(
    owner: Mapping[str, Any],
    name: str,
    task: Task,
    image: TrainerImage,
    options: JobOptions,
    container: Mapping[str, Any],
) -> dict[str, Any]:
    """The Job that runs `container` (spec.container as JSON) for `owner`, a ModelTraining."""
    job = training_job(owner, name, task, image, replace(options, template={}))
    job["spec"]["podFailurePolicy"] = {"rules": own_failure_rules(options.pod_failure_rules)}
    job["spec"]["template"] = _pod_template(job["spec"]["template"], task, image, options, container)
    return job


def own_failure_rules(users: tuple[Mapping[str, Any], ...] = ()) -> list[dict[str, Any]]:
    """Disruptions cost no retry; what the code says is final, unless it was killed or asks for another attempt (75);
    refused data, an unusable model and a run that exists end the Job at once; then what the user asked for."""
    refused = [int(ExitCode.DATA_REFUSED), int(ExitCode.USER_CODE)]
    return [
        disruptions_are_free(),
        _fails(FETCH, "In", [*refused, int(ExitCode.REUSED)]),
        _fails(USER, "NotIn", [int(ExitCode.STORAGE), *KILLED]),
        _fails(PUBLISH, "In", refused),
        *(dict(rule) for rule in users),
    ]


def _fails(container: str, operator: str, values: list[int]) -> dict[str, Any]:
    codes = {"containerName": container, "operator": operator, "values": values}
    return {"action": "FailJob", "onExitCodes": codes}


def _pod_template(
    base: Mapping[str, Any], task: Task, image: TrainerImage, options: JobOptions, container: Mapping[str, Any]
) -> dict[str, Any]:
    spec = {
        **base["spec"],
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "containers": [_user(container)],
        "volumes": [pods.scratch_volume(), {"name": "run", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
    }
    # What the template says of "the main container" is meant for the code: it is merged as the first one.
    merged = pods.merge_template({"metadata": base["metadata"], "spec": spec}, options.template)
    user = merged["spec"]["containers"][0]
    asked = options.template.get("resources") or DEFAULT_RESOURCES
    user["resources"] = deepcopy(container.get("resources") or asked)
    agent = {**_ours(AGENT, task, image, options, AGENT_RESOURCES), "restartPolicy": "Always"}
    fetch, publish = (_ours(name, task, image, options, asked) for name in (FETCH, PUBLISH))
    for silent in (fetch, publish):
        del silent["ports"]
    merged["spec"]["initContainers"] = [agent, fetch, user]
    merged["spec"]["containers"] = [publish]
    return merged


def _ours(
    name: str, task: Task, image: TrainerImage, options: JobOptions, resources: Mapping[str, Any]
) -> dict[str, Any]:
    made = trainer_container(task, image, options)
    return {
        **made,
        "name": name,
        "command": ["python", "-m", "perennial.runtime.training.own"],
        "args": [name],
        "env": [*made["env"], pods.env(RUN_VARIABLE, RUN_FOLDER), pods.env("PERENNIAL_PRIVATE", PRIVATE_FOLDER)],
        "resources": deepcopy(dict(resources)),
        "volumeMounts": [*made["volumeMounts"], {"name": "run", "mountPath": RUN_FOLDER}],
    }


def _user(container: Mapping[str, Any]) -> dict[str, Any]:
    given = [e for e in container.get("env", ()) if e["name"] != RUN_VARIABLE]
    named = {e["name"] for e in given}
    places = [pods.env(name, TEMPORARY) for name in ("HOME", "TMPDIR") if name not in named]
    made = {
        "name": USER,
        "image": container["image"],
        "env": [pods.env(RUN_VARIABLE, RUN_FOLDER), *deepcopy(given), *places],
        "envFrom": deepcopy(list(container.get("envFrom", ()))),
        "securityContext": pods.restricted_container(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "run", "mountPath": RUN_FOLDER}, {"name": "tmp", "mountPath": TEMPORARY}],
    }
    for field in ("command", "args"):
        if container.get(field):
            made[field] = list(container[field])
    return made
