"""A candidate whose stored artifact was tampered with: never ready, never a request, and the reason is told."""

import pytest

from perennial.desired import names
from tests.integration.reconcile.conftest import rows
from tests.integration.reconcile.rollouts import condition, deployment
from tests.integration.reconcile.servers import Servers
from tests.integration.reconcile.test_copies import ask, looked, train
from tests.integration.reconcile.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.s3, pytest.mark.timeout(900)]


def tamper(world: World, number: int, name: str) -> None:
    """Flip one bit of a stored file of a version."""
    version = world.registry().versions.read(number)
    assert version is not None
    run = world.registry().runs.read(version.run_digest)
    assert run is not None
    key = f"registry/{world.namespace}/m/{run.files[name].key}"
    body = bytearray(world.store.get(key).body)
    body[len(body) // 2] ^= 1
    world.store.put(key, bytes(body))


@pytest.mark.parametrize("name", ["model.skops", "signature.json"])
async def test_a_candidate_that_was_tampered_with_is_rejected_with_the_reason_and_stable_goes_on(
    world: World, servers: Servers, name: str
) -> None:
    await train(world, rows(seed=1), 1)
    await world.settle()
    await world.apply(deployment(world))
    assert (await looked(world, servers))["stable"]["version"] == 1

    world.kinds = ("ModelTraining",)
    await train(world, rows(seed=2), 2)
    await world.settle()
    tamper(world, 2, name)
    world.kinds = ("ModelTraining", "ModelDeployment")
    status = await looked(world, servers, times=3)
    assert (status["stable"]["version"], "candidate" in status) == (1, False)
    (rejected,) = status["rejected"]
    assert rejected["reason"].startswith("ModelRefused: the server refused the model: DigestMismatch")
    assert name in rejected["reason"]
    progress = condition({"status": status}, "Progressing")
    assert (progress["reason"], "DigestMismatch" in progress["message"]) == ("VersionRejected", True)
    assert condition({"status": status}, "Ready")["status"] == "True"
    assert ask(await servers.of_service(names.service("d")), 5) == {"1"}
