"""spec.model.uri: a run served by its address, from the object to a real server's answer; and what is refused."""

import json
import os
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from perennial.api.records.server import SERVER_VARIABLE, ServerConfig
from tests.integration.reconcile.rollouts import AT, approve, condition, deployment, serve
from tests.integration.reconcile.test_training import in_namespace, status_of
from tests.integration.reconcile.world import World, training
from tests.integration.serving.server import ServerProcess
from tests.support.run_records import run_record

pytestmark = [pytest.mark.apiserver, pytest.mark.s3, pytest.mark.timeout(600)]

OTHER = "sha256:" + "0" * 64


def server_config(live: dict[str, Any]) -> ServerConfig:
    """What the server container of a Deployment is told."""
    env = live["spec"]["template"]["spec"]["containers"][0]["env"]
    return ServerConfig.model_validate(json.loads(next(e["value"] for e in env if e["name"] == SERVER_VARIABLE)))


async def answer_of(world: World, folder: Path) -> tuple[list[float], str]:
    """What a real server, started as the only Deployment tells it, answers; and the version it names."""
    (live,) = await world.items("Deployment")
    config = server_config(live)
    with mock.patch.dict(os.environ, world.env):
        server = ServerProcess(config, folder).wait_ready()
        try:
            inputs = [{"name": n, "shape": [2], "datatype": "FP64", "data": [-3.0, 3.0]} for n in ("a", "b")]
            reply = server.client.post(f"/v2/models/{config.model}/infer", json={"inputs": inputs})
            assert reply.status_code == 200, reply.text
            return reply.json()["outputs"][0]["data"], reply.headers["X-Perennial-Version"]
        finally:
            server.stop()


async def test_a_trained_model_is_served_by_the_uri_and_digest_of_its_status_and_where_it_was_copied_to(
    world: World, tmp_path: Path
) -> None:
    await world.apply(in_namespace(world, training(uri=world.data)))
    await world.settle()
    trained = await status_of(world)
    artifact = trained["artifact"]
    live = await serve(world, deployment(world, model={"uri": artifact["uri"], "digest": artifact["digest"]}))
    assert condition(live, "Ready")["status"] == "True"
    assert (live["status"]["stable"]["version"], live["status"]["stable"]["artifact"]) == (1, artifact["digest"])
    predicted, version = await answer_of(world, tmp_path / "one")
    assert (predicted, version) == ([0, 1], "1")
    champion = world.registry().aliases.read("champion")
    assert champion is not None
    assert champion.by != live["metadata"]["uid"]

    run = trained["run"]["digest"].removeprefix("sha256:")
    store, home = world.store, f"registry/{world.namespace}"
    for info in list(store.list(f"{home}/m/runs/{run}/")):
        if not info.key.endswith("version.json"):
            store.put(info.key.replace("/m/", "/imported/", 1), store.get(info.key).body)
    await world.delete("ModelDeployment", "d")
    uri = f"{world.uri}/{world.namespace}/imported/runs/{run}/"
    live = await serve(world, deployment(world, model={"uri": uri, "digest": artifact["digest"]}))
    assert "version" not in live["status"]["stable"]
    (made,) = await world.items("Deployment")
    assert server_config(made).model_prefix == f"{world.namespace}/imported"
    assert await answer_of(world, tmp_path / "two") == ([0, 1], f"run-{run[:8]}")
    assert await world.settle() == []


async def refused(world: World, uri: str, digest: str) -> tuple[str, str]:
    live = await serve(world, deployment(world, model={"uri": uri, "digest": digest}))
    assert "stable" not in live["status"]
    assert await world.items("Deployment") == []
    assert await world.settle() == []
    stalled = condition(live, "Stalled")
    assert (stalled != {}) == (condition(live, "Ready")["reason"] != "VersionNotApproved")
    await world.delete("ModelDeployment", "d")
    return condition(live, "Ready")["reason"], condition(live, "Ready")["message"]


async def test_what_must_not_be_served_is_refused_with_what_may(world: World) -> None:
    approve(world, "one")
    home, record = f"{world.uri}/{world.namespace}", run_record("one")
    run, digest = record.run_digest.removeprefix("sha256:"), record.artifact.digest
    models = world.registry()
    pending = models.runs.publish(run_record("two", namespace=world.namespace, model="m"))
    number = models.versions.claim(pending.run_digest, "two", at=AT).number
    expected = {
        f"{world.uri}/kube-system/m/runs/{run}/": ("URINotAllowed", f"not below {home}/"),
        f"{home}/m/versions/00000001.json": ("ModelNotFound", f"give {home}/<model>/runs/<run digest>/"),
        f"{home}/m/runs/{'0' * 64}/": ("ModelNotFound", run),
        f"{home}/n/runs/{run}/": ("ModelNotFound", "its models are m"),
        f"{home}/m/runs/{run}/attempts/late/": ("ModelNotFound", "pod-one"),
        f"{home}/m/runs/{run}/attempts/pod-one/model.pkl": ("ModelNotFound", "no file model.pkl"),
    }
    for uri, (reason, told) in expected.items():
        found, message = await refused(world, uri, digest)
        assert (found, told in message) == (reason, True), message
    reason, message = await refused(world, f"{home}/m/runs/{run}/", OTHER)
    assert (reason, digest in message, OTHER in message) == ("ModelDigestDiffers", True, True)
    uri = f"{home}/m/runs/{pending.run_digest.removeprefix('sha256:')}/"
    reason, message = await refused(world, uri, pending.artifact.digest)
    assert (reason, f"version {number} of model m, which is Pending" in message) == ("VersionNotApproved", True)


async def test_a_spec_that_comes_to_name_another_run_is_rolled_out_like_any_version_and_knows_both_runs(
    world: World,
) -> None:
    approve(world, "one")
    other = run_record("two", namespace=world.namespace, model="imported")
    models = world.registry("imported")
    models.runs.publish(other)
    await serve(world, deployment(world, rollout={"strategy": "Replace"}))
    uri = f"{world.uri}/{world.namespace}/imported/runs/{other.run_digest.removeprefix('sha256:')}/"
    model = {"uri": uri, "digest": other.artifact.digest}
    live = await serve(world, deployment(world, model=model, rollout={"strategy": "Replace"}))
    assert live["status"]["candidate"]["artifact"] == other.artifact.digest or "candidate" not in live["status"]
    prefixes = {server_config(made).model_prefix for made in await world.items("Deployment")}
    assert prefixes == {f"{world.namespace}/m", f"{world.namespace}/imported"}


async def test_a_run_without_a_version_is_promoted_by_a_person_as_number_0_as_its_message_says(world: World) -> None:
    approve(world, "one")
    other = run_record("two", namespace=world.namespace, model="imported")
    world.registry("imported").runs.publish(other)
    rollout = {"approval": "Manual", "analysis": [], "steps": [{"weight": 9, "minRequests": 0, "minDuration": "0s"}]}
    await serve(world, deployment(world, rollout=rollout))
    uri = f"{world.uri}/{world.namespace}/imported/runs/{other.run_digest.removeprefix('sha256:')}/"
    asked = deployment(world, model={"uri": uri, "digest": other.artifact.digest}, rollout=rollout)
    live = await serve(world, asked)
    assert live["status"]["candidate"]["stage"] == "AwaitingApproval"
    assert "perennial.dev/promote='0 <your user name>" in live["status"]["candidate"]["message"]
    asked["metadata"]["annotations"] = {"perennial.dev/promote": "1 alice of another one"}
    live = await serve(world, asked)
    assert live["status"]["candidate"]["stage"] == "AwaitingApproval"
    asked["metadata"]["annotations"] = {"perennial.dev/promote": "0 alice looked at it"}
    live = await serve(world, asked)
    assert live["status"].get("candidate", {}).get("stage") != "AwaitingApproval"
