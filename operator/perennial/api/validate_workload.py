"""What a `spec.workload` says that cannot be meant. Pure.

The schema does not see into the template, for it is another controller's; whether that controller likes the rest is
said by its own CRD and webhooks when the object is made.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from perennial.api.identities import canonical_json
from perennial.api.problem import Problem
from perennial.api.training import ModelTrainingSpec

LARGEST = 64 * 1024
"""Bytes of a template as JSON: the request, which holds it, goes into the environment of every container."""

AT = "spec.workload.template.spec"


def workload_problems(spec: ModelTrainingSpec) -> list[Problem]:
    """What is wrong with `workload`, and with what cannot stand beside it."""
    workload = spec.workload
    if workload is None:
        return []
    content = workload.template.spec
    found = [Problem(f"{AT}.{name}", instead) for name, instead in NEVER.items() if name in content]
    size = len(canonical_json(content))
    if size > LARGEST:
        found.append(Problem(AT, f"{size} bytes are more than the {LARGEST} that fit: keep data and code elsewhere"))
    found += [Problem(f"{AT}.{field}", message) for field, message in _OF_KIND[workload.kind](content)]
    return [*found, *_beside(spec)]


def _beside(spec: ModelTrainingSpec) -> Iterator[Problem]:
    if spec.pod_failure_policy is not None:
        yield Problem("spec.podFailurePolicy", "it is for our own Jobs: write it into workload.template")
    if spec.workload is not None and spec.workload.kind == "TrainJob":
        for field, given in (
            ("backoffLimit", "backoff_limit" in spec.model_fields_set),
            ("priorityClassName", spec.priority_class_name is not None),
        ):
            if given:
                yield Problem(f"spec.{field}", "a TrainJob takes it from its runtime: set it there")


NEVER: Mapping[str, str] = {
    "suspend": "remove it: set spec.suspend, or the queue's label on the ModelTraining; from then on it is the queue's",
    "managedBy": "remove it: the controller of that kind has to do the work",
    "ttlSecondsAfterFinished": "remove it: set spec.ttlSecondsAfterFinished",
    "activeDeadlineSeconds": "remove it: set spec.activeDeadlineSeconds",
}


def _of_jobset(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    jobs = spec.get("replicatedJobs")
    if not isinstance(jobs, list) or not jobs:
        yield "replicatedJobs", "at least one is needed: it says which pods do the work"
        return
    for i, job in enumerate(jobs):
        yield from _pods(job, ("template", "spec", "template"), f"replicatedJobs[{i}]")


def _of_rayjob(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "clusterSelector" in spec:
        yield "clusterSelector", "a run has a cluster of its own, which is told what to do: give rayClusterSpec"
    if spec.get("submissionMode") == "InteractiveMode":
        yield "submissionMode", "nobody is there to submit the job: use K8sJobMode or HTTPMode"
    if not spec.get("entrypoint"):
        yield "entrypoint", "the command that does the work is missing"
    cluster = spec.get("rayClusterSpec")
    if not isinstance(cluster, Mapping):
        yield "rayClusterSpec", "it is missing: it says which pods do the work"
        return
    yield from _pods(cluster.get("headGroupSpec"), ("template",), "rayClusterSpec.headGroupSpec")
    groups = cluster.get("workerGroupSpecs") or []
    for i, group in enumerate(groups if isinstance(groups, list) else [None]):
        yield from _pods(group, ("template",), f"rayClusterSpec.workerGroupSpecs[{i}]")


def _of_trainjob(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not isinstance(spec.get("runtimeRef"), Mapping) or not spec["runtimeRef"].get("name"):
        yield "runtimeRef.name", "the TrainingRuntime or ClusterTrainingRuntime is missing"
    if not isinstance(spec.get("trainer", {}), Mapping):
        yield "trainer", "a map is wanted"


def _pods(holder: Any, path: tuple[str, ...], field: str) -> Iterator[tuple[str, str]]:
    """Faults of the pod template below `path` of `holder`."""
    at: Any = holder
    for name in path:
        at = at.get(name) if isinstance(at, Mapping) else None
    pod = at.get("spec") if isinstance(at, Mapping) else None
    containers = pod.get("containers") if isinstance(pod, Mapping) else None
    named = isinstance(containers, list) and containers and all(isinstance(c, Mapping) for c in containers)
    if not named:
        yield ".".join((field, *path, "spec.containers")), "at least one container is needed"


_OF_KIND: Mapping[str, Callable[[Mapping[str, Any]], Iterator[tuple[str, str]]]] = {
    "JobSet": _of_jobset,
    "RayJob": _of_rayjob,
    "TrainJob": _of_trainjob,
}
