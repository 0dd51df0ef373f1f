"""Templates of other controllers' objects, completed."""

import copy
import json
from typing import Any

import pytest

from perennial.desired import names
from perennial.desired.labels import QUEUE, WORKLOAD
from perennial.desired.training_job import STORAGE_SECRET
from perennial.desired.workload import WorkloadOptions, workload
from tests.support.golden import assert_golden
from tests.unit.desired.test_golden import GOLDEN, owner, task

POD: dict[str, Any] = {"spec": {"containers": [{"name": "main", "image": "own:1"}]}}
JOBSET = {"replicatedJobs": [{"name": "leader", "template": {"spec": {"template": POD}}}]}
RAYJOB = {
    "entrypoint": "python train.py",
    "rayClusterSpec": {
        "headGroupSpec": {"template": POD},
        "workerGroupSpecs": [{"groupName": "w", "template": POD}],
    },
}
TRAINJOB = {"runtimeRef": {"name": "torch"}, "trainer": {"numNodes": 2, "env": [{"name": "A", "value": "1"}]}}
SPECS: dict[str, dict[str, Any]] = {"JobSet": JOBSET, "RayJob": RAYJOB, "TrainJob": TRAINJOB}


def made(kind: str, spec: dict[str, Any] | None = None, *, queue: str = "", **options: Any) -> dict[str, Any]:
    body = copy.deepcopy(owner("ModelTraining"))
    body["spec"] = {"workload": {"kind": kind, "template": {"spec": spec or SPECS[kind]}}}
    body["metadata"]["labels"] = {QUEUE: queue} if queue else {}
    return workload(body, "flights-1", task(), WorkloadOptions(options.pop("backoff", 3), **options))


def variables(container: dict[str, Any]) -> dict[str, Any]:
    return {v["name"]: v.get("value", v.get("valueFrom")) for v in container["env"]}


@pytest.mark.parametrize("kind", SPECS)
def test_the_completed_object(kind: str) -> None:
    assert_golden(GOLDEN / f"workload_{kind.lower()}.yaml", made(kind, data_secret="elsewhere"))


@pytest.mark.parametrize("kind", SPECS)
def test_the_users_template_is_left_as_it_is(kind: str) -> None:
    before = copy.deepcopy(SPECS[kind])
    made(kind, queue="team", data_secret="elsewhere", priority_class_name="high")
    assert SPECS[kind] == before


@pytest.mark.parametrize("kind", SPECS)
def test_with_a_queue_it_is_made_suspended_and_without_one_nothing_is_said(kind: str) -> None:
    queued = made(kind, queue="team")
    assert (queued["spec"]["suspend"], queued["metadata"]["labels"][QUEUE]) == (True, "team")
    assert "suspend" not in made(kind)["spec"]


def test_every_container_gets_the_request_and_its_own_words_stand_but_for_ours() -> None:
    pod = {
        "spec": {
            "initContainers": [{"name": "fetch", "image": "a"}],
            "containers": [
                {"name": "main", "image": "a", "env": [{"name": "PERENNIAL_TASK", "value": "x"}, {"name": "B"}]}
            ],
            "serviceAccountName": "own",
        }
    }
    spec = {"replicatedJobs": [{"name": "l", "template": {"spec": {"backoffLimit": 7, "template": pod}}}]}
    job = made("JobSet", spec)["spec"]["replicatedJobs"][0]["template"]["spec"]
    built = job["template"]["spec"]
    for container in (*built["initContainers"], *built["containers"]):
        assert json.loads(variables(container)["PERENNIAL_TASK"])["runKey"] == task().run_key
        assert {"secretRef": {"name": STORAGE_SECRET}} in container["envFrom"]
    assert [v["name"] for v in built["containers"][0]["env"]].count("PERENNIAL_TASK") == 1
    assert "B" in variables(built["containers"][0])
    assert (built["serviceAccountName"], job["backoffLimit"]) == ("own", 7)
    assert job["template"]["metadata"]["labels"][WORKLOAD] == "flights-1"


def test_a_jobset_tries_again_as_a_whole_and_not_after_a_final_exit() -> None:
    spec = made("JobSet", backoff=5)["spec"]
    assert spec["failurePolicy"]["maxRestarts"] == 5
    job = spec["replicatedJobs"][0]["template"]["spec"]
    assert job["backoffLimit"] == 0
    assert job["podFailurePolicy"]["rules"][1]["onExitCodes"]["values"] == [64, 65, 66]
    own = {**JOBSET, "failurePolicy": {"maxRestarts": 1}}
    assert made("JobSet", own)["spec"]["failurePolicy"] == {"maxRestarts": 1}


def test_a_head_that_makes_workers_keeps_the_account_that_may() -> None:
    scaled = copy.deepcopy(RAYJOB)
    scaled["rayClusterSpec"]["enableInTreeAutoscaling"] = True  # type: ignore[index]
    head = made("RayJob", scaled)["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
    assert not {"serviceAccountName", "automountServiceAccountToken"} & set(head)
    plain = made("RayJob")["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
    assert plain["automountServiceAccountToken"] is False


def test_the_storage_keys_of_a_trainjob_may_be_missing() -> None:
    given = variables(made("TrainJob", data_secret="elsewhere")["spec"]["trainer"])
    assert given["A"] == "1"
    for name, secret in (("AWS_SECRET_ACCESS_KEY", STORAGE_SECRET), ("PERENNIAL_DATA_AWS_REGION", "elsewhere")):
        assert given[name]["secretKeyRef"]["name"] == secret
        assert given[name]["secretKeyRef"]["optional"] is True


def test_names_leave_room_for_what_other_controllers_append() -> None:
    name = names.workload("a" * 19 + "-" + "b" * 20, "u", "k")
    assert len(name) <= 31
    assert "--" not in name
    assert name != names.workload("a" * 19 + "-" + "b" * 20, "u", "k", "again")
