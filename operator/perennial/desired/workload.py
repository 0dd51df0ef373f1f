"""The object of another controller (JobSet, RayJob, TrainJob) that carries out a run: the user's template, completed.

Created once, like a Job: from then on `suspend` and node selectors belong to queues and people. What the template
says stands, but for the variables of the request, which are ours.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from perennial.api.records.contract import RUN_VARIABLE
from perennial.api.records.task import ExitCode, Task
from perennial.api.workload import API_VERSIONS
from perennial.desired import labels, pods
from perennial.desired.training_job import DATA_ENV_PREFIX, SERVICE_ACCOUNT, STORAGE_SECRET

PRIVATE_VARIABLE = "PERENNIAL_PRIVATE"
FOLDER = "/tmp/perennial"  # noqa: S108  in the pod; a template that wants to share it between containers mounts a volume
STORAGE_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL_S3")
FINAL = (int(ExitCode.DATA_REFUSED), int(ExitCode.USER_CODE), int(ExitCode.REUSED))
"""Exit codes after which no pod is tried again."""

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WorkloadOptions:
    """Fields of a ModelTraining that act on the object but not on the result."""

    backoff_limit: int
    priority_class_name: str | None = None
    data_secret: str | None = None


def workload(owner: Mapping[str, Any], name: str, task: Task, options: WorkloadOptions) -> Body:
    """The object that `spec.workload` of `owner`, a ModelTraining, describes.

    Args:
        owner: the ModelTraining as the API server stores it.
        name: of the object.
        task: the frozen request.
        options: what acts on retries and pods.
    """
    asked = owner["spec"]["workload"]
    kind, template = asked["kind"], asked["template"]
    child = labels.child_labels(
        owner["kind"], owner["metadata"]["name"], component="training", model=task.model, **{labels.TASK: task.kind}
    )
    queue = owner["metadata"].get("labels", {}).get(labels.QUEUE)
    spec = deepcopy(template["spec"])
    _COMPLETE[kind](spec, _Completion(name, owner, task, options))
    if queue:
        spec["suspend"] = True
        child[labels.QUEUE] = queue
    metadata = template.get("metadata") or {}
    return {
        "apiVersion": API_VERSIONS[kind],
        "kind": kind,
        "metadata": labels.child_metadata(
            owner, name, {**metadata.get("labels", {}), **child}, metadata.get("annotations")
        ),
        "spec": spec,
    }


@dataclass(frozen=True, slots=True)
class _Completion:
    """What is put into pods and containers."""

    name: str
    owner: Mapping[str, Any]
    task: Task
    options: WorkloadOptions

    def request(self) -> list[Body]:
        """Variables of the request."""
        told = json.dumps(json.loads(self.task.to_json()), sort_keys=True, ensure_ascii=False)
        return [
            pods.env("PERENNIAL_TASK", told),
            pods.env_field("POD_UID", "metadata.uid"),
            pods.env_field("POD_NAME", "metadata.name"),
            pods.env(RUN_VARIABLE, f"{FOLDER}/run"),
            pods.env(PRIVATE_VARIABLE, f"{FOLDER}/private"),
        ]

    def secrets(self) -> list[tuple[str, str]]:
        """Prefix of the variables and Secret that they come from."""
        data = self.options.data_secret
        return [("", STORAGE_SECRET), *([(DATA_ENV_PREFIX, data)] if data else [])]

    def pod(self, template: Body, *, account: bool = True) -> None:
        """Complete a pod template; the pod's events then lead back to the ModelTraining."""
        metadata, spec = template.setdefault("metadata", {}), template["spec"]
        metadata["labels"] = {
            **(metadata.get("labels") or {}),
            "app.kubernetes.io/managed-by": labels.MANAGED_BY,
            "app.kubernetes.io/instance": self.owner["metadata"]["name"],
            labels.KIND: self.owner["kind"],
            labels.WORKLOAD: self.name,
        }
        if account:
            spec.setdefault("serviceAccountName", SERVICE_ACCOUNT)
            spec.setdefault("automountServiceAccountToken", False)
        if self.options.priority_class_name:
            spec.setdefault("priorityClassName", self.options.priority_class_name)
        for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
            self._container(container)

    def _container(self, container: Body) -> None:
        container["env"] = with_ours(container.get("env"), self.request())
        sources = [{**({"prefix": p} if p else {}), "secretRef": {"name": name}} for p, name in self.secrets()]
        container["envFrom"] = [*sources, *(container.get("envFrom") or ())]
        container.setdefault("terminationMessagePolicy", "FallbackToLogsOnError")


def with_ours(theirs: list[Body] | None, ours: list[Body]) -> list[Body]:
    """Variables of the template with ours, which win."""
    names = {variable["name"] for variable in ours}
    return [*ours, *(variable for variable in theirs or () if variable.get("name") not in names)]


def _jobset(spec: Body, completion: _Completion) -> None:
    """One way of trying again: a failed pod fails its Job, a failed Job has the whole set made anew."""
    for job in spec["replicatedJobs"]:
        of_job = job["template"]["spec"]
        completion.pod(of_job["template"])
        of_job["template"]["spec"].setdefault("restartPolicy", "Never")
        of_job.setdefault("backoffLimit", 0)
        if of_job["template"]["spec"]["restartPolicy"] == "Never":
            of_job.setdefault("podFailurePolicy", {"rules": _failure_rules()})
    again = {"name": "final", "action": "FailJobSet", "onJobFailureReasons": ["PodFailurePolicy"]}
    spec.setdefault("failurePolicy", {"maxRestarts": completion.options.backoff_limit, "rules": [again]})


def _failure_rules() -> list[Body]:
    return [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": list(FINAL)}},
    ]


def _rayjob(spec: Body, completion: _Completion) -> None:
    """The driver runs in the head's pod and has its variables. A cluster that is done is taken down."""
    cluster = spec["rayClusterSpec"]
    account = not cluster.get("enableInTreeAutoscaling")  # its head needs an account that may make workers
    for group in (cluster["headGroupSpec"], *(cluster.get("workerGroupSpecs") or ())):
        completion.pod(group["template"], account=account)
    spec.setdefault("backoffLimit", completion.options.backoff_limit)
    spec.setdefault("shutdownAfterJobFinishes", True)


def _trainjob(spec: Body, completion: _Completion) -> None:
    """Its pods are the runtime's: only variables of the trainer's containers can be given, one by one."""
    trainer = spec.setdefault("trainer", {})
    trainer["env"] = with_ours(trainer.get("env"), [*completion.request(), *_keys(completion.secrets())])


def _keys(secrets: list[tuple[str, str]]) -> Iterator[Body]:
    for prefix, secret in secrets:
        for key in STORAGE_KEYS:
            source = {"secretKeyRef": {"name": secret, "key": key, "optional": True}}
            yield {"name": f"{prefix}{key}", "valueFrom": source}


_COMPLETE: Mapping[str, Callable[[Body, _Completion], None]] = {
    "JobSet": _jobset,
    "RayJob": _rayjob,
    "TrainJob": _trainjob,
}
