"""A RetrainPolicy from what arrives to what it was worth: one child a decision, whatever happens in between."""

from datetime import timedelta
from typing import Any

import pytest

from perennial.kube.resources import OWN_KINDS
from tests.integration.reconcile.conftest import rows
from tests.integration.reconcile.mortal import Died
from tests.integration.reconcile.test_training import condition, in_namespace
from tests.integration.reconcile.world import World, policy, training

pytestmark = [pytest.mark.apiserver, pytest.mark.s3, pytest.mark.timeout(600)]

NEW_DATA = {"newData": {}}


async def trained(world: World, **spec: Any) -> None:
    """A training with its first version."""
    await world.apply(in_namespace(world, training(uri=world.data, **spec)))
    await world.settle()


async def watched(world: World, name: str = "p", **spec: Any) -> None:
    await world.apply(in_namespace(world, policy(name, **spec)))
    await world.settle()


async def status_of(world: World, name: str = "p") -> dict[str, Any]:
    found: dict[str, Any] = (await world.get("RetrainPolicy", name))["status"]
    return found


async def children(world: World) -> list[dict[str, Any]]:
    return [t for t in await world.items("ModelTraining") if t["metadata"]["name"] != "m"]


async def test_new_data_makes_one_pinned_child_and_what_it_was_worth_is_recorded(world: World) -> None:
    gate = {"gates": [{"metric": "roc_auc", "champion": {"tolerance": 0.5}}]}
    await trained(world, evaluation=gate)
    await watched(world, triggers=NEW_DATA)
    assert await children(world) == []
    world.put("more.csv", rows(400, seed=2))
    await world.settle()
    (child,) = await children(world)
    assert child["spec"]["data"]["train"]["digest"].startswith("sha256:")
    assert child["status"]["data"]["rows"] == 800
    (run,) = (await status_of(world))["runs"]
    assert (run["training"], run["trigger"], run["version"]) == (child["metadata"]["name"], "NewData", 2)
    assert run["outcome"] == "Approved"
    assert run["costCPUSeconds"] > 0
    assert -0.5 < run["gain"] < 0.5
    assert await world.settle() == []


async def test_new_rows_are_counted_once_by_a_job_and_too_few_make_no_child(world: World) -> None:
    await trained(world)
    await watched(world, triggers={"newData": {"minRows": 300}})
    world.put("few.csv", rows(200, seed=2))
    await world.settle()
    status = await status_of(world)
    assert status["newData"]["rows"] == 200
    (task,) = status["tasks"]
    assert (task["purpose"], task["state"]) == ("NewRows", "Succeeded")
    assert task["costCPUSeconds"] > 0
    assert await children(world) == []
    assert await world.settle() == []
    world.put("enough.csv", rows(150, seed=3))
    await world.settle()
    assert len(await children(world)) == 1
    counts = [name for name in world.jobs_run if "-count-" in name]
    assert len(counts) == 2
    assert len(world.jobs_run) == 4  # two runs, two counts


async def test_a_count_that_fails_is_told_and_holds_no_other_trigger_back(world: World) -> None:
    await trained(world)
    await watched(world, triggers={"newData": {"minRows": 10}})
    world.put("broken.csv", b"\xff\xfe\x00broken")
    await world.settle()
    status = await status_of(world)
    (task,) = status["tasks"]
    assert task["state"] == "Failed", task
    assert task["costCPUSeconds"] > 0
    assert task["message"]
    assert "could not be counted" in condition(status, "Ready")["message"]
    asked = in_namespace(world, policy(triggers={"newData": {"minRows": 10}}))
    asked["metadata"]["annotations"] = {"perennial.dev/retrain": "now"}
    await world.apply(asked)
    await world.settle()
    assert len(await children(world)) == 1


async def dying(world: World, write: int, *, after: bool) -> int:
    """Settle with a death at that write of every life; how often it died. A first write that never comes through is
    let through in the end."""
    deaths = 0
    while deaths < 40:
        try:
            await world.settle(dies_at=write, after=after)
        except Died:
            deaths += 1
            if (write, after) == (1, False) and deaths >= 3:
                await world.settle()
                break
        else:
            break
    return deaths


@pytest.mark.parametrize(("write", "after"), [(1, False), (1, True), (2, False), (2, True)])
async def test_whenever_the_operator_dies_one_decision_makes_one_child(world: World, write: int, after: bool) -> None:
    await trained(world)
    await watched(world, triggers=NEW_DATA)
    world.put("more.csv", rows(100, seed=2))
    assert await dying(world, write, after=after) >= 2
    assert len(await children(world)) == 1
    assert len((await status_of(world))["runs"]) == 1
    assert world.registry().versions.numbers() == [1, 2]


@pytest.mark.parametrize(("write", "after"), [(1, True), (2, False)])
async def test_whenever_the_operator_dies_rows_are_counted_by_one_job(world: World, write: int, after: bool) -> None:
    await trained(world)
    await watched(world, triggers={"newData": {"minRows": 100}})
    world.put("more.csv", rows(100, seed=2))
    assert await dying(world, write, after=after) >= 2
    assert len([name for name in world.jobs_run if "-count-" in name]) == 1
    assert len(await children(world)) == 1
    assert len(world.jobs_run) == 3


async def test_a_persons_wish_acts_once_and_a_new_one_again(world: World) -> None:
    await trained(world)
    for wish, made in (("1", 1), ("1", 1), ("2", 2)):
        asked = in_namespace(world, policy())
        asked["metadata"]["annotations"] = {"perennial.dev/retrain": wish}
        await world.apply(asked)
        await world.settle()
        assert len((await status_of(world))["runs"]) == made
    assert [r["trigger"] for r in (await status_of(world))["runs"]] == ["Manual", "Manual"]


async def test_the_cooldown_holds_new_data_back_until_it_is_over(world: World) -> None:
    await trained(world)
    await watched(world, triggers=NEW_DATA, brakes={"cooldown": "2h"})
    world.put("more.csv", rows(50, seed=2))
    await world.settle()
    world.put("again.csv", rows(50, seed=3))
    await world.settle()
    status = await status_of(world)
    assert len(status["runs"]) == 1
    assert status["next"]["blockedBy"] == ["Cooldown"]
    world.clock.by = timedelta(hours=2, minutes=1)
    await world.settle()
    assert len((await status_of(world))["runs"]) == 2


async def test_no_more_than_max_per_day_runs_start(world: World) -> None:
    await trained(world)
    await watched(world, triggers=NEW_DATA, brakes={"cooldown": "0s", "maxPerDay": 1})
    for seed in (2, 3):
        world.put(f"{seed}.csv", rows(50, seed=seed))
        await world.settle()
    status = await status_of(world)
    assert len(status["runs"]) == 1
    assert status["next"]["blockedBy"] == ["DailyLimit"]
    world.clock.by = timedelta(hours=24, minutes=1)
    await world.settle()
    assert len((await status_of(world))["runs"]) == 2


async def test_a_spent_budget_holds_new_data_back_and_says_how_much_was_used(world: World) -> None:
    await trained(world)
    brakes = {"cooldown": "0s", "budget": {"cpuHours": 0.0001, "per": "1d"}}
    await watched(world, triggers=NEW_DATA, brakes=brakes)
    for seed in (2, 3):
        world.put(f"{seed}.csv", rows(50, seed=seed))
        await world.settle()
    status = await status_of(world)
    assert len(status["runs"]) == 1
    assert status["next"]["blockedBy"] == ["BudgetSpent"]
    assert status["budget"]["usedCPUHours"] > 0.0001
    assert await world.settle() == []


async def test_a_schedule_fires_once_after_missed_ticks(world: World) -> None:
    await trained(world)
    await watched(world, triggers={"schedule": {"cron": "0 * * * *"}})
    assert "runs" not in await status_of(world)
    world.clock.by = timedelta(hours=5)
    await world.settle()
    assert [r["trigger"] for r in (await status_of(world))["runs"]] == ["Schedule"]
    assert await world.settle() == []


async def test_a_child_deleted_while_it_runs_is_not_made_again(world: World) -> None:
    await trained(world)
    await watched(world, triggers=NEW_DATA)
    world.hold = True
    world.put("more.csv", rows(50, seed=2))
    await world.settle()
    (child,) = await children(world)
    await world.delete("ModelTraining", child["metadata"]["name"])
    world.hold = False
    asked = in_namespace(world, policy(triggers=NEW_DATA, suspend=True))
    await world.apply(asked)
    await world.settle()
    assert await children(world) == []
    (run,) = (await status_of(world))["runs"]
    assert run["outcome"] == "Failed"
    assert "deleted while it ran" in run["reason"]


async def test_a_policy_without_its_training_is_stalled_and_says_so(world: World) -> None:
    await watched(world, of="nobody")
    stalled = condition(await status_of(world), "Stalled")
    assert stalled["reason"] == "TrainingNotFound"
    assert "nobody" in stalled["message"]
    assert await world.settle() == []


async def test_of_two_policies_for_one_training_the_younger_is_stalled_with_the_others_name(world: World) -> None:
    await trained(world)
    await watched(world, "older", triggers=NEW_DATA)
    await watched(world, "older-not", triggers=NEW_DATA)  # later by name where the second is the same
    world.put("more.csv", rows(50, seed=2))
    await world.settle()
    stalled = condition(await status_of(world, "older-not"), "Stalled")
    assert stalled["reason"] == "DuplicatePolicy"
    assert "older " in stalled["message"]
    assert len(await children(world)) == 1


async def overtaken(world: World, name: str, seed: int) -> None:
    """Objects arrive after the decision and before the child's Job begins; then Jobs are carried out."""
    world.hold = True
    await world.settle()
    world.put(name, rows(50, seed=seed))
    world.hold = False


async def test_data_that_arrives_before_the_child_begins_is_pinned_again_and_no_brake_counts_it(world: World) -> None:
    await trained(world)
    brakes = {"cooldown": "1h", "maxPerDay": 1, "stopAfterRefused": 1}
    await watched(world, triggers=NEW_DATA, brakes=brakes)
    world.put("more.csv", rows(100, seed=2))
    await overtaken(world, "between.csv", 3)
    await world.settle()
    first, second = (await status_of(world))["runs"]
    assert (first["outcome"], first["trigger"]) == ("Overtaken", "NewData")
    assert first["costCPUSeconds"] > 0  # of the budget all the same
    assert (second["outcome"], second["trigger"], second["repeats"]) == ("Approved", "NewData", first["training"])
    assert first["training"] in second["reason"]
    child = await world.get("ModelTraining", second["training"])
    assert child["status"]["data"]["rows"] == 550
    assert await world.settle() == []


async def test_a_cause_is_pinned_again_once_and_then_counts_as_failed(world: World) -> None:
    await trained(world)
    await watched(world, triggers=NEW_DATA, brakes={"cooldown": "1h"})
    world.put("more.csv", rows(100, seed=2))
    await overtaken(world, "between.csv", 3)
    world.kinds = ("ModelTraining",)
    await world.settle()  # the child learns of it; the policy looks later
    world.kinds = OWN_KINDS
    await overtaken(world, "again.csv", 4)
    await world.settle()
    status = await status_of(world)
    assert [r["outcome"] for r in status["runs"]] == ["Overtaken", "Failed"]
    assert status["next"]["blockedBy"] == ["Cooldown"]
    assert await world.settle() == []
    world.clock.by = timedelta(hours=1, minutes=1)
    await world.settle()
    assert [r["outcome"] for r in (await status_of(world))["runs"]] == ["Overtaken", "Failed", "Approved"]


@pytest.mark.parametrize(("write", "after"), [(1, True), (2, False), (2, True)])
async def test_whenever_the_operator_dies_an_overtaken_child_is_repeated_once(
    world: World, write: int, after: bool
) -> None:
    await trained(world)
    await watched(world, triggers=NEW_DATA)
    world.put("more.csv", rows(100, seed=2))
    await overtaken(world, "between.csv", 3)
    assert await dying(world, write, after=after) >= 2
    assert [r["outcome"] for r in (await status_of(world))["runs"]] == ["Overtaken", "Approved"]
    assert len(await children(world)) == 2
    assert world.registry().versions.numbers() == [1, 2]
