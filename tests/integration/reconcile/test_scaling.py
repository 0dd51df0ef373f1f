"""Sizes through the API server: who asks for more gets it at once, who asks for fewer in a rollout waits."""

from datetime import timedelta

import pytest

from perennial.kube.client import Kube
from tests.integration.reconcile.rollouts import approve, condition, deployment, serve
from tests.integration.reconcile.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.s3, pytest.mark.timeout(600)]

LONG = {"steps": [{"weight": 50, "minRequests": 1000, "minDuration": "1h"}], "analysis": []}


async def sizes(world: World) -> list[int]:
    kube = Kube(world.access)
    found = await kube.list("Deployment", world.namespace)
    await kube.close()
    return sorted(d["spec"]["replicas"] for d in found)


async def test_scaling_down_waits_for_the_rollout_and_scaling_up_does_not(world: World) -> None:
    approve(world, "one")
    asked = deployment(world, rollout=LONG, replicas=2)
    await serve(world, asked)
    approve(world, "two")
    live = await serve(world, asked)
    assert live["status"]["candidate"]["stage"] == "Stepping"
    assert await sizes(world) == [1, 2]
    live = await serve(world, {**asked, "spec": {**asked["spec"], "replicas": 4}})
    assert await sizes(world) == [2, 4]
    fewer = {**asked, "spec": {**asked["spec"], "replicas": 1}}
    live = await serve(world, fewer)
    assert await sizes(world) == [2, 4]
    assert "scaling down from 4 to 1 replicas waits" in condition(live, "Ready")["message"]
    fewer["metadata"]["annotations"] = {"perennial.dev/rollback": "2 ada seen enough"}
    await serve(world, fewer)
    assert await sizes(world) == [4]
    world.clock.by += timedelta(minutes=5)
    await serve(world, fewer)
    assert await sizes(world) == [1]


async def test_an_autoscaler_is_made_for_the_object_and_goes_with_the_wish(world: World) -> None:
    approve(world, "one")
    asked = deployment(world)
    wanted = {"max": 4, "targetConcurrency": 8}
    await serve(world, {**asked, "spec": {**asked["spec"], "autoscaling": wanted}})
    kube = Kube(world.access)
    (made,) = await kube.list("HorizontalPodAutoscaler", world.namespace)
    assert made["spec"]["scaleTargetRef"]["kind"] == "ModelDeployment"
    assert made["spec"]["metrics"][0]["pods"]["metric"]["name"] == "perennial_server_in_flight"
    await serve(world, asked)
    assert await kube.list("HorizontalPodAutoscaler", world.namespace) == []
    await kube.close()
