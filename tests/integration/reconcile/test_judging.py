"""Judging a finished run: against a champion that changed meanwhile, by a person, and never by training again."""

import json
from typing import Any

import pytest

from tests.integration.reconcile.test_training import condition, in_namespace, status_of
from tests.integration.reconcile.world import World, training

pytestmark = [pytest.mark.apiserver, pytest.mark.s3, pytest.mark.timeout(600)]

LOGISTIC = "sklearn.linear_model.LogisticRegression"
GATED = {"gates": [{"metric": "roc_auc", "champion": {"tolerance": 0.5}}]}


def other(strength: float) -> dict[str, Any]:
    return {"estimator": LOGISTIC, "parameters": {"C": strength}}


def crown(world: World, number: int, by: str) -> None:
    """Let the champion alias point to a version."""
    models = world.registry()
    version = models.versions.read(number)
    assert version is not None
    models.aliases.move(
        "champion", number=number, run_digest=version.run_digest, by=by, at="2026-01-01T00:00:00Z", started=""
    )


async def test_a_champion_that_changed_while_the_job_ran_is_compared_by_measuring_the_run_again(world: World) -> None:
    for strength in (1.0, 0.1):
        await world.apply(in_namespace(world, training(uri=world.data, evaluation=GATED, algorithm=other(strength))))
        await world.settle()
    crown(world, 1, "before")
    world.hold = True
    await world.apply(in_namespace(world, training(uri=world.data, evaluation=GATED, algorithm=other(0.01))))
    await world.settle()
    crown(world, 2, "meanwhile")
    _, judged_against = world.registry().aliases.state("champion")
    world.hold = False
    await world.settle()
    status = await status_of(world)
    assert status["version"] == {"number": 3, "state": "Approved", "reason": "GatesPassed"}
    assert status["gates"][0]["champion"] is not None
    assert status["cost"]["evaluateCPUSeconds"] > 0
    assert [name for name in world.jobs_run if "-ev-" in name] == world.jobs_run[3:]
    assert len(world.jobs_run) == 4
    run = world.registry().runs.read(status["run"]["digest"])
    second = world.registry().versions.read(2)
    assert run is not None
    assert second is not None
    assert second.run_digest not in {c.against for c in run.comparisons}
    folder = f"registry/{world.namespace}/m/evaluations/{run.run_digest.removeprefix('sha256:')}/"
    kept = [json.loads(world.store.get(info.key).body) for info in world.store.list(folder)]
    (verdict,) = (one for one in kept if "state" in one)
    assert (verdict["state"], verdict["championEtag"]) == ("Approved", judged_against)
    (measured,) = (one for one in kept if "comparisons" in one)
    assert {c["against"] for c in measured["comparisons"]} == {second.run_digest}
    assert await world.settle() == []


@pytest.mark.parametrize(("word", "state"), [("approve", "Approved"), ("refuse", "Refused")])
async def test_a_manual_version_waits_for_a_word_and_the_word_acts_once(world: World, word: str, state: str) -> None:
    asked = in_namespace(world, training(uri=world.data, approval="Manual"))
    await world.apply(asked)
    await world.settle()
    status = await status_of(world)
    assert (status["version"]["state"], status["version"]["reason"]) == ("Pending", "AwaitingApproval")
    assert world.registry().aliases.read("approved") is None
    assert condition(status, "Ready")["status"] == "False"
    asked["metadata"]["annotations"] = {f"perennial.dev/{word}": "1 alice looked at the report"}
    await world.apply(asked)
    await world.settle()
    status = await status_of(world)
    assert status["version"]["state"] == state
    assert "alice" in condition(status, "Succeeded")["message"]
    approved = world.registry().aliases.read("approved")
    assert (approved is not None) == (state == "Approved")
    record = world.registry().versions.read(1)
    assert record is not None
    assert [e.state for e in record.history if e.by == "alice"] == [state]
    assert await world.settle() == []


async def test_a_word_about_another_version_says_nothing_about_this_one(world: World) -> None:
    asked = in_namespace(world, training(uri=world.data, approval="Manual"))
    asked["metadata"]["annotations"] = {"perennial.dev/approve": "7 alice looked at another one"}
    await world.apply(asked)
    await world.settle()
    assert (await status_of(world))["version"]["state"] == "Pending"
    assert await world.settle() == []


async def test_a_gate_on_slices_that_were_never_measured_is_judged_without_training_again(world: World) -> None:
    lines = world.store.get(f"datasets/{world.namespace}/rows/rows.csv").body.decode().split()
    kinds = [lines[0] + ",kind", *(f"{line},{'xy'[i % 2]}" for i, line in enumerate(lines[1:]))]
    world.put("rows.csv", ("\n".join(kinds) + "\n").encode())
    await world.apply(in_namespace(world, training(uri=world.data)))
    await world.settle()
    sliced = {"gates": [{"metric": "roc_auc", "min": 0.5, "slice": {"column": "kind"}}]}
    await world.apply(in_namespace(world, training(uri=world.data, evaluation=sliced)))
    await world.settle()
    status = await status_of(world)
    assert {g["slice"] for g in status["gates"]} == {"kind=x", "kind=y"}
    assert status["version"]["number"] == 1
    assert len(world.jobs_run) == 2
    assert "-ev-" in world.jobs_run[1]
    assert await world.settle() == []


async def test_a_run_that_cannot_be_measured_again_is_not_approved_and_the_reason_is_told(world: World) -> None:
    for strength in (1.0, 0.1):
        await world.apply(in_namespace(world, training(uri=world.data, evaluation=GATED, algorithm=other(strength))))
        await world.settle()
    world.put("more.csv", b"a,b,y\n1,2,1\n")  # the data of the first run is there no more
    await world.apply(in_namespace(world, training(uri=world.data, evaluation=GATED, algorithm=other(1.0))))
    await world.settle()
    status = await status_of(world)
    assert (status["version"]["number"], status["version"]["state"]) == (1, "Pending")
    assert "could not be measured again" in condition(status, "Succeeded")["message"]
    assert "DigestMismatch" in condition(status, "Succeeded")["message"]
    assert len(world.jobs_run) == 3
    assert await world.settle() == []
