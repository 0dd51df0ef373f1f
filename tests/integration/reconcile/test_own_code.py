"""A ModelTraining with code of the user's own, from apply to version, and told when the code fails."""

from typing import Any

import pytest

from tests.integration.reconcile.test_training import condition, in_namespace, status_of
from tests.integration.reconcile.world import World, training

pytestmark = [pytest.mark.apiserver, pytest.mark.s3, pytest.mark.timeout(600)]


def own(world: World, image: str = "own:1", **spec: Any) -> dict[str, Any]:
    body = training(uri=world.data, **spec)
    del body["spec"]["algorithm"]
    body["spec"]["container"] = {"image": image, "fetch": True, "parameters": {"epochs": 8}}
    return in_namespace(world, body)


async def test_own_code_becomes_an_approved_version_by_the_same_gates(world: World) -> None:
    gates = {"gates": [{"metric": "roc_auc", "min": 0.5}]}
    await world.apply(own(world, evaluation=gates))
    await world.settle()
    status = await status_of(world)
    assert condition(status, "Succeeded")["status"] == "True", status
    assert status["version"] == {"number": 1, "state": "Approved", "reason": "GatesPassed"}
    assert status["gates"][0]["result"] == "Passed"
    assert (status["run"]["image"], status["run"]["reused"]) == ("sha256:user", False)
    assert 0.5 < status["metrics"]["roc_auc"] <= 1
    run = world.registry().runs.read(status["run"]["digest"])
    assert run is not None
    assert run.chosen["reported"]["epochs"] == 8
    version = world.registry().versions.read(1)
    assert version is not None
    assert version.image == "sha256:user"
    assert await world.settle() == []
    await world.delete("ModelTraining", "m")
    await world.apply(own(world, evaluation=gates))
    await world.settle()
    assert len(world.jobs_run) == 1
    status = await status_of(world)
    assert status["version"]["number"] == 1
    assert (status["run"]["image"], status["run"]["reused"]) == ("sha256:user", True)


@pytest.mark.parametrize(
    ("image", "reason", "says", "code"),
    [
        ("own:broken", "UserCode", "no column late", 1),
        ("own:picky", "DataRefused", "fewer rows than I learn from", 64),
        ("own:idle", "ModelMissing", "model.skops", 65),
    ],
)
async def test_a_failure_of_own_code_is_told_with_its_last_lines(
    world: World, image: str, reason: str, says: str, code: int
) -> None:
    await world.apply(own(world, image))
    await world.settle()
    status = await status_of(world)
    assert condition(status, "Succeeded")["reason"] == reason
    assert says in condition(status, "Succeeded")["message"]
    assert status["failure"]["exitCode"] == code
    assert len(world.jobs_run) == 1
    assert await world.settle() == []


async def test_a_run_that_another_object_made_ends_the_pod_and_is_taken(world: World) -> None:
    await world.apply(own(world))
    await world.settle()
    first = await status_of(world)
    body = own(world)
    body["metadata"]["annotations"] = {"perennial.dev/retrain": "once more"}
    await world.apply(body)
    await world.settle()
    second = await status_of(world)
    assert len(world.jobs_run) == 2
    assert condition(second, "Succeeded")["status"] == "True"
    assert second["run"]["digest"] == first["run"]["digest"]
    assert (second["run"]["image"], second["run"]["reused"]) == ("sha256:user", True)
    assert second["version"]["number"] == 1
    assert "failure" not in second
