"""The pod of own code: what each container is given, what it is not, and how its ends are judged."""

from typing import Any

import pytest

from perennial.api.records.task import Task
from perennial.desired.own_job import own_failure_rules, own_job
from perennial.desired.training_job import STORAGE_SECRET, JobOptions, TrainerImage
from tests.support.golden import assert_golden
from tests.unit.desired.test_golden import GOLDEN, owner, task

CONTAINER: dict[str, Any] = {
    "image": "own@sha256:" + "ab" * 32,
    "args": ["--deep"],
    "env": [{"name": "LEVEL", "value": "debug"}, {"name": "PERENNIAL_RUN", "value": "/etc"}],
    "envFrom": [{"secretRef": {"name": "hub"}}],
    "fetch": True,
    "resources": {"limits": {"memory": "8Gi", "nvidia.com/gpu": "1"}},
}


def job(**options: Any) -> dict[str, Any]:
    return own_job(
        owner("ModelTraining"), "flights-1", task(), TrainerImage("trainer:1"), JobOptions(**options), CONTAINER
    )


def containers(made: dict[str, Any]) -> dict[str, dict[str, Any]]:
    spec = made["spec"]["template"]["spec"]
    return {c["name"]: c for c in (*spec["initContainers"], *spec["containers"])}


def test_the_job_of_own_code() -> None:
    assert_golden(GOLDEN / "own_job.yaml", job())


def test_the_code_comes_after_the_data_and_before_the_judge_with_the_agent_beside_it() -> None:
    spec = job()["spec"]["template"]["spec"]
    assert [c["name"] for c in spec["initContainers"]] == ["agent", "fetch", "user"]
    assert [c["name"] for c in spec["containers"]] == ["publish"]
    assert [c.get("restartPolicy") for c in spec["initContainers"]] == ["Always", None, None]
    assert spec["terminationGracePeriodSeconds"] == 300


def test_the_code_gets_no_credentials_no_task_and_none_of_our_folders() -> None:
    made = job(data_secret="elsewhere")
    user, ours = containers(made)["user"], containers(made)["fetch"]
    assert {"secretRef": {"name": STORAGE_SECRET}} in ours["envFrom"]
    assert user["envFrom"] == [{"secretRef": {"name": "hub"}}]
    assert "PERENNIAL_TASK" not in {e["name"] for e in user["env"]}
    assert {m["name"] for m in user["volumeMounts"]} == {"run", "tmp"}
    assert made["spec"]["template"]["spec"]["automountServiceAccountToken"] is False
    assert user["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_run_folder_is_ours_to_name() -> None:
    user = containers(job())["user"]
    assert [e["value"] for e in user["env"] if e["name"] == "PERENNIAL_RUN"] == ["/perennial/run"]


def test_a_template_speaks_of_the_code_and_its_resources_of_the_containers_around_it_too() -> None:
    template = {
        "nodeSelector": {"disk": "fast"},
        "env": [{"name": "PROXY", "value": "p"}],
        "volumes": [{"name": "cache", "emptyDir": {}}],
        "volumeMounts": [{"name": "cache", "mountPath": "/cache"}],
        "resources": {"limits": {"memory": "2Gi"}},
    }
    made = job(template=template)
    found = containers(made)
    assert made["spec"]["template"]["spec"]["nodeSelector"] == {"disk": "fast"}
    assert [name for name, c in found.items() if any(m["name"] == "cache" for m in c["volumeMounts"])] == ["user"]
    assert [name for name, c in found.items() if any(e["name"] == "PROXY" for e in c["env"])] == ["user"]
    assert found["user"]["resources"] == CONTAINER["resources"]
    assert found["fetch"]["resources"] == found["publish"]["resources"] == template["resources"]


@pytest.mark.parametrize(
    ("container", "code", "ends"),
    [
        ("fetch", 64, True), ("fetch", 66, True), ("fetch", 75, False), ("fetch", 137, False),
        ("user", 1, True), ("user", 64, True), ("user", 128, True), ("user", 75, False), ("user", 137, False),
        ("user", 143, False), ("publish", 64, True), ("publish", 65, True), ("publish", 70, False),
    ],
)  # fmt: skip
def test_which_ends_are_final(container: str, code: int, ends: bool) -> None:
    assert _first_action(container, code) == ("FailJob" if ends else "Count")


def _first_action(container: str, code: int) -> str:
    """As Kubernetes reads the rules of a pod without a condition."""
    for rule in own_failure_rules():
        codes = rule.get("onExitCodes")
        if codes and codes["containerName"] == container:
            listed = code in codes["values"]
            if listed == (codes["operator"] == "In"):
                return str(rule["action"])
    return "Count"


def test_the_task_is_the_same_as_a_built_in_runs() -> None:
    made = containers(job())["publish"]
    told = next(e["value"] for e in made["env"] if e["name"] == "PERENNIAL_TASK")
    assert Task.from_json(told) == task()
