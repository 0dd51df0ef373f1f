"""A ModelTraining from apply to version, with everything that can happen to it on the way."""

from typing import Any

import pytest

from perennial.kube.client import Kube
from perennial.kube.resources import Ref
from tests.integration.reconcile.conftest import rows
from tests.integration.reconcile.mortal import Died
from tests.integration.reconcile.world import World, training
from tests.support.s3_proxy import ignoring_headers

pytestmark = [pytest.mark.apiserver, pytest.mark.s3, pytest.mark.timeout(600)]


def in_namespace(world: World, body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "metadata": {**body["metadata"], "namespace": world.namespace}}


async def status_of(world: World, name: str = "m") -> dict[str, Any]:
    found: dict[str, Any] = (await world.get("ModelTraining", name))["status"]
    return found


def condition(status: dict[str, Any], type_: str) -> dict[str, Any]:
    found: dict[str, Any] = next((c for c in status["conditions"] if c["type"] == type_), {})
    return found


async def test_a_training_becomes_an_approved_version_and_then_nothing_is_written_any_more(world: World) -> None:
    await world.apply(in_namespace(world, training(uri=world.data)))
    await world.settle()
    status = await status_of(world)
    assert condition(status, "Succeeded")["status"] == "True"
    assert condition(status, "Ready")["status"] == "True"
    assert not condition(status, "Reconciling")
    assert status["version"] == {"number": 1, "state": "Approved", "reason": "GatesPassed"}
    assert status["data"]["rows"] == 400
    assert 0.5 < status["metrics"]["roc_auc"] <= 1
    assert status["report"].endswith("report.html")
    run = world.registry().runs.read(status["run"]["digest"])
    assert run is not None
    assert status["artifact"]["digest"] == run.artifact.digest
    for alias in ("approved", "champion"):
        held = world.registry().aliases.read(alias)
        assert held is not None
        assert held.number == 1
    assert await world.settle() == []


async def test_a_recreated_object_finds_its_run_and_trains_nothing(world: World) -> None:
    await world.apply(in_namespace(world, training(uri=world.data)))
    await world.settle()
    first = await status_of(world)
    await world.delete("ModelTraining", "m")
    await world.apply(in_namespace(world, training(uri=world.data)))
    await world.settle()
    second = await status_of(world)
    assert len(world.jobs_run) == 1
    assert second["run"]["digest"] == first["run"]["digest"]
    assert second["version"]["number"] == 1
    assert second["run"]["reused"] is True


async def test_an_edit_makes_a_new_version_and_its_revert_brings_the_old_one_back(world: World) -> None:
    await world.apply(in_namespace(world, training(uri=world.data)))
    await world.settle()
    other = {"estimator": "sklearn.linear_model.LogisticRegression", "parameters": {"C": 0.01}}
    await world.apply(in_namespace(world, training(uri=world.data, algorithm=other)))
    await world.settle()
    assert (await status_of(world))["version"]["number"] == 2
    approved = world.registry().aliases.read("approved")
    assert approved is not None
    assert approved.number == 2
    await world.apply(in_namespace(world, training(uri=world.data)))
    await world.settle()
    assert (await status_of(world))["version"]["number"] == 1
    approved = world.registry().aliases.read("approved")
    assert approved is not None
    assert approved.number == 1
    assert len(world.jobs_run) == 2


async def test_edited_gates_judge_the_same_run_again(world: World) -> None:
    await world.apply(in_namespace(world, training(uri=world.data)))
    await world.settle()
    strict = {"gates": [{"metric": "roc_auc", "min": 0.999}]}
    await world.apply(in_namespace(world, training(uri=world.data, evaluation=strict)))
    await world.settle()
    status = await status_of(world)
    assert len(world.jobs_run) == 1
    assert status["version"]["state"] == "Refused"
    assert status["gates"][0]["result"] == "Failed"
    assert "0.999" in condition(status, "Succeeded")["message"]
    # a refused challenger with an older usable version is healthy
    assert condition(status, "Ready")["status"] == "True"
    assert not condition(status, "Stalled")


async def test_new_rows_are_trained_on_when_a_person_asks_and_only_once(world: World) -> None:
    await world.apply(in_namespace(world, training(uri=world.data)))
    await world.settle()
    world.put("more.csv", rows(200, seed=2))
    assert await world.settle() == []
    asked = in_namespace(world, training(uri=world.data))
    asked["metadata"]["annotations"] = {"perennial.dev/retrain": "1"}
    await world.apply(asked)
    await world.settle()
    status = await status_of(world)
    assert status["data"]["rows"] == 600
    assert status["version"]["number"] == 2
    assert await world.settle() == []


async def test_a_suspended_training_makes_no_job_until_it_is_let_go(world: World) -> None:
    await world.apply(in_namespace(world, training(uri=world.data, suspend=True)))
    await world.settle()
    assert await world.items("Job") == []
    assert condition(await status_of(world), "Succeeded")["reason"] == "Suspended"
    await world.apply(in_namespace(world, training(uri=world.data, suspend=False)))
    await world.settle()
    assert (await status_of(world))["version"]["state"] == "Approved"


async def test_another_controllers_training_is_left_alone(world: World) -> None:
    await world.apply(in_namespace(world, training(uri=world.data, managedBy="example.com/other")))
    assert await world.settle() == []


async def test_a_namespace_without_accounts_is_told_what_to_do(world: World) -> None:
    kube = Kube(world.access)
    account = await kube.get(Ref("ServiceAccount", world.namespace, "perennial-trainer"))
    await kube.delete(Ref("ServiceAccount", world.namespace, "perennial-trainer"), account["metadata"]["uid"])
    await kube.close()
    await world.apply(in_namespace(world, training(uri=world.data)))
    await world.settle()
    told = condition(await status_of(world), "Succeeded")
    assert told["reason"] == "StorageAccessMissing"
    assert "storage.tenants" in told["message"]


async def test_an_object_of_the_jobs_name_that_is_not_ours_is_not_taken_over(world: World) -> None:
    world.hold = True
    await world.apply(in_namespace(world, training(uri=world.data)))
    await world.settle()
    job = (await world.items("Job"))[0]
    await world.delete("ModelTraining", "m")
    assert job["metadata"]["ownerReferences"][0]["kind"] == "ModelTraining"
    await world.apply(in_namespace(world, training(uri=world.data)))
    await world.settle()
    jobs = await world.items("Job")
    assert len(jobs) == 1
    assert jobs[0]["metadata"]["name"] != job["metadata"]["name"]  # another UID, another name


@pytest.mark.parametrize(("write", "after"), [(2, False), (1, True), (2, True)])
async def test_whenever_the_operator_dies_there_is_one_job_one_run_and_one_version(
    world: World, write: int, after: bool
) -> None:
    await world.apply(in_namespace(world, training(uri=world.data)))
    deaths = 0
    while deaths < 30:
        try:
            await world.settle(dies_at=write, after=after)
        except Died:
            deaths += 1
        else:
            break
    assert 2 <= deaths < 30
    status = await status_of(world)
    assert status["version"]["number"] == 1
    assert len(world.jobs_run) == 1
    assert world.registry().versions.numbers() == [1]


BAD: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "an unknown estimator",
        {"algorithm": {"estimator": "sklearn.ensemble.RandomForestClasifier"}},
        "SpecInvalid",
        "RandomForestClassifier",
    ),
    ("a target that is not there", {"data": {"target": "yy"}}, "ColumnMissing", "y"),
    (
        "a bucket that is not there",
        {"data": {"train": {"uri": "s3://no-such-bucket-here/x/"}, "target": "y"}},
        "BucketMissing",
        "no-such-bucket-here",
    ),
    ("a folder without objects", {"data": {"train": {"uri": "EMPTY"}, "target": "y"}}, "EmptyDataSet", "nothing-here"),
    ("a gate that fails", {"evaluation": {"gates": [{"metric": "roc_auc", "min": 0.9999}]}}, "GateFailed", "0.9999"),
]


@pytest.mark.parametrize(("spec", "reason", "says"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
async def test_bad_input_ends_in_a_condition_that_says_what_to_do_and_others_go_on(
    world: World, spec: dict[str, Any], reason: str, says: str
) -> None:
    bad = training("bad", world.data)
    data = {**bad["spec"]["data"], **spec.get("data", {})}
    if data["train"]["uri"] == "EMPTY":
        data["train"] = {"uri": f"s3://{world.bucket}/nothing-here/"}
    bad["spec"] = {**bad["spec"], **spec, "data": data}
    await world.apply(in_namespace(world, bad))
    await world.apply(in_namespace(world, training("good", world.data)))
    await world.settle()
    status = await status_of(world, "bad")
    told = condition(status, "Succeeded")
    assert told["reason"] == reason, told
    assert says in told["message"]
    assert condition(status, "Stalled")["status"] == "True"
    assert condition(status, "Ready")["status"] == "False"
    assert (await status_of(world, "good"))["version"]["state"] == "Approved"
    assert await world.settle() == []


async def test_a_store_that_ignores_conditions_is_told_and_nothing_starts(world: World) -> None:
    with ignoring_headers(dict(world.env), {"if-none-match", "if-match"}) as unsafe:
        world.env = unsafe
        await world.apply(in_namespace(world, training(uri=world.data)))
        await world.settle()
        told = condition(await status_of(world), "Succeeded")
    assert told["reason"] == "StorageUnsafe"
    assert "If-None-Match" in told["message"]
    assert await world.items("Job") == []
    assert world.jobs_run == []
