"""What a workload's template cannot say, told before anything is made."""

import copy
from typing import Any

import pytest

from perennial.api import ModelTrainingSpec, validate_training
from tests.support.rule_examples import DROP, spec

POD: dict[str, Any] = {"spec": {"containers": [{"name": "main", "image": "own:1"}]}}
GOOD: dict[str, dict[str, Any]] = {
    "JobSet": {"replicatedJobs": [{"name": "leader", "template": {"spec": {"template": POD}}}]},
    "RayJob": {"entrypoint": "python train.py", "rayClusterSpec": {"headGroupSpec": {"template": POD}}},
    "TrainJob": {"runtimeRef": {"name": "torch-distributed"}},
}


def said(kind: str, changes: dict[str, Any], **rest: Any) -> str:
    content = copy.deepcopy(GOOD[kind])
    for name, value in changes.items():
        if value is DROP:
            del content[name]
        else:
            content[name] = value
    asked = {"algorithm": DROP, "workload": {"kind": kind, "template": {"spec": content}}, **rest}
    parsed = ModelTrainingSpec.model_validate(spec("ModelTraining", asked))
    return "\n".join(str(problem) for problem in validate_training(parsed))


@pytest.mark.parametrize("kind", GOOD)
def test_a_whole_template_is_good(kind: str) -> None:
    assert said(kind, {}) == ""


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("field", ["suspend", "managedBy", "ttlSecondsAfterFinished", "activeDeadlineSeconds"])
def test_what_the_operator_or_a_queue_says_is_not_said_twice(kind: str, field: str) -> None:
    assert f"spec.workload.template.spec.{field}: remove it" in said(kind, {field: 1})


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        ("JobSet", {"replicatedJobs": DROP}, "replicatedJobs: at least one is needed"),
        ("JobSet", {"replicatedJobs": []}, "replicatedJobs: at least one is needed"),
        ("JobSet", {"replicatedJobs": ["a"]}, "replicatedJobs[0].template.spec.template.spec.containers"),
        (
            "JobSet",
            {"replicatedJobs": [{"template": {"spec": {"template": {"spec": {"containers": []}}}}}]},
            "at least one container is needed",
        ),
        ("RayJob", {"rayClusterSpec": DROP}, "rayClusterSpec: it is missing"),
        ("RayJob", {"rayClusterSpec": {}}, "rayClusterSpec.headGroupSpec.template.spec.containers"),
        (
            "RayJob",
            {"rayClusterSpec": {"headGroupSpec": {"template": POD}, "workerGroupSpecs": [{}]}},
            "rayClusterSpec.workerGroupSpecs[0].template.spec.containers",
        ),
        ("RayJob", {"entrypoint": ""}, "entrypoint: the command that does the work is missing"),
        ("RayJob", {"clusterSelector": {"a": "b"}}, "clusterSelector: a run has a cluster of its own"),
        ("RayJob", {"submissionMode": "InteractiveMode"}, "submissionMode: nobody is there"),
        ("TrainJob", {"runtimeRef": DROP}, "runtimeRef.name: the TrainingRuntime or ClusterTrainingRuntime is missing"),
        ("TrainJob", {"trainer": 1}, "trainer: a map is wanted"),
        ("TrainJob", {"labels": {"a": "x" * 70_000}}, "bytes are more than the 65536 that fit"),
    ],
)
def test_a_template_that_cannot_work_is_refused_by_field(kind: str, changes: dict[str, Any], expected: str) -> None:
    assert expected in said(kind, changes)


def test_fields_of_our_own_jobs_do_not_stand_beside_it() -> None:
    rule = {"rules": [{"action": "Count", "onExitCodes": {"operator": "In", "values": [3]}}]}
    assert "spec.podFailurePolicy: it is for our own Jobs" in said("JobSet", {}, podFailurePolicy=rule)
    assert said("JobSet", {}, backoffLimit=1, priorityClassName="high") == ""
    told = said("TrainJob", {}, backoffLimit=1, priorityClassName="high")
    assert "spec.backoffLimit: a TrainJob takes it" in told
    assert "spec.priorityClassName: a TrainJob takes it" in told
