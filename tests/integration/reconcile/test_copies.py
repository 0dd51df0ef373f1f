"""Shadow and BlueGreen from an approved version to the switch, or to the refusal: real servers, real traffic."""

import random
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from perennial.desired import names
from tests.integration.reconcile.conftest import rows
from tests.integration.reconcile.rollouts import condition, deployment
from tests.integration.reconcile.servers import Servers
from tests.integration.reconcile.test_training import in_namespace
from tests.integration.reconcile.world import World, training

pytestmark = [pytest.mark.apiserver, pytest.mark.s3, pytest.mark.timeout(900)]

ROLLOUT = {
    "steps": [{"weight": 99, "minRequests": 40, "minDuration": "0s"}],
    "analysis": [{"metric": "predictionShift", "max": 0.5}],
    "bake": "1m",
}


def mostly_yes(count: int = 400) -> bytes:
    """Rows of another world, in which nearly everything is 1: the model predicts otherwise."""
    source = random.Random(9)
    lines = ["a,b,y"]
    for _ in range(count):
        a, b = source.gauss(0, 1), source.gauss(0, 1)
        lines.append(f"{a:.4f},{b:.4f},{int(a + source.gauss(0, 0.7) > -2)}")
    return ("\n".join(lines) + "\n").encode()


async def train(world: World, body: bytes, number: int) -> None:
    """The next version, approved."""
    world.put("rows.csv", body)
    asked = in_namespace(world, training(uri=world.data))
    asked["metadata"]["annotations"] = {"perennial.dev/retrain": str(number)}
    await world.apply(asked)


async def looked(world: World, servers: Servers, times: int = 4) -> dict[str, Any]:
    """The operator and the pods, in turns; the object's status."""
    for _ in range(times):
        await world.settle()
        await servers.follow()
    await world.settle()
    status: dict[str, Any] = (await world.get("ModelDeployment", "d"))["status"]
    return status


def ask(server: Any, many: int) -> set[str]:
    """So many requests of fifty rows; the versions that answered."""
    source = np.random.default_rng(4)
    answered = set()
    for _ in range(many):
        tensors = [
            {"name": n, "shape": [50], "datatype": "FP64", "data": source.normal(size=50).tolist()} for n in ("a", "b")
        ]
        answer = server.client.post("/v2/models/m/infer", json={"inputs": tensors})
        assert answer.status_code == 200
        answered.add(answer.headers["x-perennial-version"])
    return answered


@pytest.mark.parametrize("strategy", ["Shadow", "BlueGreen"])
async def test_a_version_that_is_as_good_takes_over_after_copies_alone_and_one_that_is_not_never_answers(
    world: World, servers: Servers, strategy: str
) -> None:
    await train(world, rows(seed=1), 1)
    await world.settle()
    await world.apply(deployment(world, rollout={"strategy": strategy, **ROLLOUT}))
    assert (await looked(world, servers))["stable"]["version"] == 1

    await train(world, rows(seed=2), 2)
    candidate = (await looked(world, servers))["candidate"]
    assert (candidate["stage"], candidate["weight"], candidate["mirror"]) == ("Stepping", 0, 99)
    serving = await servers.of_service(names.service("d"))
    assert ask(serving, 120) == {"1"}
    versioned = serving.client.get("/v2/models/m/versions/2/ready")
    assert (versioned.status_code, versioned.headers["x-perennial-version"]) == (200, "2")
    await world.settle()
    world.clock.by += timedelta(seconds=10)
    status = await looked(world, servers)
    assert (status["stable"]["version"], status["previous"]["baking"]) == (2, True), status
    assert [row["metric"] for row in status["stable"]["analysis"]] == ["predictionShift"]
    assert ask(await servers.of_service(names.service("d")), 5) == {"2"}
    world.clock.by += timedelta(minutes=2)
    status = await looked(world, servers)
    assert [(e["version"], e["result"]) for e in status["history"]][-1] == (2, "Promoted")

    await train(world, mostly_yes(), 3)
    candidate = (await looked(world, servers))["candidate"]
    assert (candidate["version"], candidate["mirror"]) == (3, 99)
    assert ask(await servers.of_service(names.service("d")), 120) == {"2"}
    status = await looked(world, servers)
    assert status["stable"]["version"] == 2
    assert "shifted by" in status["rejected"][0]["reason"]
    assert condition(await world.get("ModelDeployment", "d"), "Progressing")["reason"] == "VersionRejected"
    assert "candidate" not in status
    assert "3" not in {server.config.version for server in servers.running.values()}
