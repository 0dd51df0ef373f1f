"""RayJobs and TrainJobs by their published CRDs, and a cluster without them. Their controllers are played."""

import json
from typing import Any

import pytest

from perennial.desired.workload import FOLDER
from perennial.kube.client import Kube
from perennial.kube.resources import Ref
from tests.integration.reconcile.world import API, World
from tests.support import controllers
from tests.support.apiserver import ApiServer

pytestmark = [pytest.mark.apiserver, pytest.mark.s3, pytest.mark.timeout(300)]

MERGE = "application/merge-patch+json"
HEAD = {
    "template": {
        "spec": {"containers": [{"name": "ray-head", "image": "own:1", "resources": {"limits": {"cpu": "1"}}}]}
    },
    "rayStartParams": {"num-cpus": "1"},
}
POD = {"spec": {"containers": [{"name": "main", "image": "own:1"}]}}
PLAYED = ("RayJob", "TrainJob")
SPECS: dict[str, dict[str, Any]] = {
    "JobSet": {"replicatedJobs": [{"name": "leader", "template": {"spec": {"template": POD}}}]},
    "RayJob": {"entrypoint": "python train.py", "rayClusterSpec": {"rayVersion": "2.46.0", "headGroupSpec": HEAD}},
    "TrainJob": {"runtimeRef": {"name": "torch-distributed"}, "trainer": {"numNodes": 2}},
}
ENDS: dict[str, tuple[dict[str, Any], str, str]] = {
    "RayJob": (
        {"jobDeploymentStatus": "Failed", "jobStatus": "FAILED", "reason": "AppFailed", "message": "it broke"},
        "JobFailed",
        "AppFailed: it broke",
    ),
    "TrainJob": (
        {"conditions": [{"type": "Complete", "status": "True", "reason": "JobsCompleted", "message": "done",
                         "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
        "NoRunPublished",
        "own publish",
    ),
}  # fmt: skip


@pytest.fixture(scope="session")
def kinds(served: ApiServer) -> ApiServer:
    controllers.install(served.kubectl, *PLAYED)
    return served


async def train(world: World, kind: str, **spec: Any) -> None:
    body = {
        "data": {"train": {"uri": world.data}, "target": "y"},
        "workload": {"kind": kind, "template": {"spec": SPECS[kind]}},
        **spec,
    }
    meta = {"name": "m", "namespace": world.namespace}
    await world.apply({"apiVersion": API, "kind": "ModelTraining", "metadata": meta, "spec": body})


async def told(world: World) -> dict[str, Any]:
    await world.settle()
    status = (await world.get("ModelTraining", "m"))["status"]
    return next(c for c in status["conditions"] if c["type"] == "Succeeded")


async def made(world: World, kind: str) -> dict[str, Any]:
    (found,) = await world.items(kind)
    return found


async def change(world: World, live: dict[str, Any], body: dict[str, Any], subresource: str | None = None) -> None:
    kube = Kube(world.access)
    await kube.raw("PATCH", Ref.to(live).path(subresource), body=body, content_type=MERGE)
    await kube.close()


async def test_a_cluster_without_the_kind_is_told_so_and_served_when_it_has_it(world: World, served: ApiServer) -> None:
    await train(world, "JobSet")
    condition = await told(world)
    assert (condition["status"], condition["reason"]) == ("Unknown", "KindNotServed")
    assert await world.settle() == []
    with controllers.installed(served.kubectl, "JobSet"):
        assert (await told(world))["reason"] == "Running"
        await made(world, "JobSet")


@pytest.mark.parametrize("kind", PLAYED)
async def test_the_published_schema_knows_every_field_that_is_written(
    world: World, kinds: ApiServer, kind: str
) -> None:
    await train(world, kind)
    await told(world)
    live = await made(world, kind)
    wanted = {k: live[k] for k in ("apiVersion", "kind", "spec")}
    wanted["metadata"] = {"name": "again", "namespace": world.namespace}
    kinds.kubectl("create", "--validate=strict", "-f", "-", input=json.dumps(wanted))
    task = next(v for v in _variables(live) if v["name"] == "PERENNIAL_TASK")
    assert json.loads(task["value"])["spec"]["workload"]["kind"] == kind
    assert {"name": "PERENNIAL_RUN", "value": f"{FOLDER}/run"} in _variables(live)


def _variables(live: dict[str, Any]) -> list[dict[str, Any]]:
    spec = live["spec"]
    if live["kind"] == "TrainJob":
        return list(spec["trainer"]["env"])
    return list(spec["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"][0]["env"])


@pytest.mark.parametrize("kind", PLAYED)
async def test_each_kinds_end_is_told_as_a_jobs_would_be(world: World, kinds: ApiServer, kind: str) -> None:
    status, reason, words = ENDS[kind]
    await train(world, kind)
    await told(world)
    live = await made(world, kind)
    await change(world, live, {"spec": {"suspend": True}})
    assert (await told(world))["reason"] == "Queued"
    assert (await made(world, kind))["spec"]["suspend"] is True
    await change(world, live, {"spec": {"suspend": False}})
    await change(world, live, {"status": status}, "status")
    condition = await told(world)
    assert (condition["status"], condition["reason"]) == ("False", reason)
    assert words in condition["message"]
    assert await world.settle() == []


async def test_a_suspended_training_makes_none_and_a_deleted_one_is_told(world: World, kinds: ApiServer) -> None:
    await train(world, "TrainJob", suspend=True)
    assert (await told(world))["reason"] == "Suspended"
    assert await world.items("TrainJob") == []
    await train(world, "TrainJob", suspend=False)
    await told(world)
    live = await made(world, "TrainJob")
    kube = Kube(world.access)
    await kube.delete(Ref.to(live), live["metadata"]["uid"])
    await kube.close()
    condition = await told(world)
    assert (condition["status"], condition["reason"]) == ("False", "JobVanished")
    assert await world.items("TrainJob") == []


async def test_a_template_that_cannot_work_is_refused_before_anything_is_made(world: World, kinds: ApiServer) -> None:
    spec = {"kind": "TrainJob", "template": {"spec": {"runtimeRef": {"name": "a"}, "suspend": True}}}
    await train(world, "TrainJob", workload=spec)
    condition = await told(world)
    assert (condition["status"], condition["reason"]) == ("False", "SpecInvalid")
    assert "spec.workload.template.spec.suspend: remove it" in condition["message"]
    assert await world.items("TrainJob") == []
