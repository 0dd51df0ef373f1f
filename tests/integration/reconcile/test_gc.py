"""Cleaning a registry that an operator has worked in: what living objects refer to stays, the rest goes when told."""

import asyncio
import json
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from typer.testing import CliRunner, Result

from perennial.api.records.owner import OwnerRecord
from perennial.cli.gc import planned
from perennial.cli.main import app
from perennial.kube.client import Kube
from perennial.kube.errors import NotFound
from perennial.kube.resources import Ref
from perennial.store import ObjectStore, open_store
from perennial.store.errors import StorageOwnedByOther
from perennial.store.gc import Plan, sweep
from perennial.store.owner import claim_owner
from perennial.store.registry import Registry
from tests.integration.reconcile.rollouts import deployment
from tests.integration.reconcile.test_training import in_namespace, status_of
from tests.integration.reconcile.world import World, training
from tests.support.run_records import run_record

pytestmark = [pytest.mark.apiserver, pytest.mark.s3, pytest.mark.timeout(600)]


async def later(world: World, days: float, namespace: str = "") -> Plan:
    """What the command would find so many days from now."""
    kube, store = Kube(world.access), open_store(world.uri, world.env)
    try:
        return await planned(store, namespace or world.namespace, kube, store.clock() + timedelta(days=days))
    finally:
        await kube.close()


def published(world: World, store: ObjectStore, model: str, name: str) -> str:
    """A finished run without a version, as one that was copied here; its digest."""
    run = run_record(name, namespace=world.namespace, model=model)
    registry = Registry(store, world.namespace, model)
    registry.runs.freeze_request(run.run_digest, b"{}")
    store.put(registry.keys.attempt(run.run_digest, run.attempt, "model.skops"), b"model")
    return registry.runs.publish(run).run_digest


def keys(plan: Plan) -> set[str]:
    return {o.key for group in plan.groups for o in group.objects}


async def test_what_the_objects_of_a_namespace_refer_to_stays_and_the_rest_goes(world: World) -> None:
    await world.apply(in_namespace(world, training(uri=world.data)))
    await world.settle()
    store = open_store(world.uri, world.env)
    served, dead = published(world, store, "imported", "served"), published(world, store, "imported", "dead")
    uri = f"{world.uri}/{world.namespace}/imported/runs/{served.removeprefix('sha256:')}/"
    await world.apply(deployment(world, model={"uri": uri, "digest": run_record("served").artifact.digest}))
    begun = Registry(store, world.namespace, "m").keys.request("0" * 64)
    store.put(begun, b"{}")
    assert keys(await later(world, 6.9)) == set()
    found = await later(world, 8)
    assert {key for key in keys(found) if dead.removeprefix("sha256:") not in key and "/keys/" not in key} == {begun}
    assert not any(served.removeprefix("sha256:") in key for key in keys(found))

    sweep(store, found)
    imported = Registry(store, world.namespace, "imported").runs
    assert (imported.exists(served), imported.exists(dead)) == (True, False)
    run = world.registry().runs.read((await status_of(world))["run"]["digest"])
    assert run is not None
    assert all(store.head(world.registry().keys.absolute(file.key)) for file in run.files.values())
    await world.delete("ModelDeployment", "d")
    assert any(served.removeprefix("sha256:") in key for key in keys(await later(world, 8)))


async def test_what_a_suspended_training_has_found_is_kept_until_it_is_over(world: World) -> None:
    body = in_namespace(world, training(uri=world.data, suspend=True))
    await world.apply(body)
    await world.settle()
    store = open_store(world.uri, world.env)
    checkpoint = Registry(store, world.namespace, "m").keys.checkpoint("0" * 64, "pod", "1")
    store.put(checkpoint, b"half of a model")
    assert keys(await later(world, 400)) == set()
    await world.delete("ModelTraining", "m")
    assert keys(await later(world, 8)) == {checkpoint}


async def test_a_registry_of_another_cluster_is_not_judged_by_this_one_s_objects(world: World) -> None:
    with pytest.raises(StorageOwnedByOther, match="no operator has used this registry"):
        await later(world, 8)
    other = OwnerRecord(cluster="another", namespace=world.namespace, namespace_uid="u")
    claim_owner(open_store(world.uri, world.env), other)
    with pytest.raises(StorageOwnedByOther, match="another cluster"):
        await later(world, 8)
    with pytest.raises(NotFound):
        await later(world, 8, "no-such-namespace")


@pytest.fixture
def folder(world: World, tmp_path: Path) -> Iterator[Path]:
    """A registry in a folder, of this cluster, whose files are 30 days old: one run that nothing refers to."""
    place = tmp_path / "registry"
    store = open_store(place.as_uri())
    asyncio.run(_owned(world, store))
    published(world, store, "m", "dead")
    for file in place.rglob("*.*"):
        os.utime(file, (time.time() - 30 * 86400,) * 2)
    published(world, store, "m", "young")
    with mock.patch.dict(os.environ, {"PERENNIAL_REGISTRY": place.as_uri()}):
        yield place


async def _owned(world: World, store: ObjectStore) -> None:
    kube = Kube(world.access)
    uid = [(await kube.get(Ref("Namespace", "", n)))["metadata"]["uid"] for n in ("kube-system", world.namespace)]
    await kube.close()
    claim_owner(store, OwnerRecord(cluster=uid[0], namespace=world.namespace, namespace_uid=uid[1]))


def gc(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["gc", *arguments])


def test_the_command_removes_nothing_until_it_is_told_to(world: World, folder: Path) -> None:
    runs = Registry(open_store(folder.as_uri()), world.namespace, "m").runs
    dead, young = run_record("dead").run_digest, run_record("young").run_digest
    told = gc("-n", world.namespace, "-o", "json")
    assert told.exit_code == 0, told.output
    (found,) = json.loads(told.stdout)
    assert (found["deleted"], len(found["groups"]), found["bytes"] > 0) == (False, 1, True)
    assert dead in found["groups"][0]["what"]
    assert len(found["groups"][0]["keys"]) == 4
    assert runs.exists(dead)
    assert "--delete removes them" in gc("-n", world.namespace).stdout
    done = gc("-n", world.namespace, "--delete", "-o", "json")
    assert json.loads(done.stdout)[0]["groups"] == found["groups"]
    assert (runs.exists(dead), runs.exists(young)) == (False, True)
    assert "0 objects" in gc("-n", world.namespace, "--delete").stdout


def test_the_command_says_in_one_sentence_why_it_cleans_nothing(world: World, tmp_path: Path) -> None:
    refused = gc("-n", world.namespace, "--store", (tmp_path / "elsewhere").as_uri(), "--delete")
    assert refused.exit_code == 64
    assert "no operator has used this registry" in refused.stderr.replace("\n", " ")
    assert "Traceback" not in refused.output
