"""A search in parallel, from apply to version: rounds of Indexed Jobs, and all that can happen between two of them."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from perennial.api.records.task import Task
from tests.integration.reconcile.mortal import Died
from tests.integration.reconcile.test_training import condition, in_namespace, status_of
from tests.integration.reconcile.world import World, training

pytestmark = [pytest.mark.apiserver, pytest.mark.s3, pytest.mark.timeout(600)]

LOGISTIC = "sklearn.linear_model.LogisticRegression"
SPACE = {"C": {"min": 0.01, "max": 10, "scale": "log"}}
OOM = 137

Process = Callable[[dict[str, str], Path], int]


def searching(world: World, *, strategy: str = "halving", trials: int = 3, parallelism: int = 2, **spec: Any) -> Any:
    search = {"strategy": strategy, "space": SPACE, "trials": trials, "parallelism": parallelism, "folds": 2}
    algorithm = {"estimator": LOGISTIC, "search": search}
    return in_namespace(world, training(uri=world.data, algorithm=algorithm, **spec))


class Pods:
    """The pods of a world, counted by round and index; some of them are killed."""

    def __init__(self, world: World) -> None:
        self._run, self.begun = world.pod, Counter[tuple[int, int]]()
        self.kills: Callable[[int, int, int], int] = lambda *_: 0  # round, index, which try → exit code
        world.pod = self

    def __call__(self, env: dict[str, str], log: Path) -> int:
        task = Task.from_json(env["PERENNIAL_TASK"])
        if task.kind != "Trial":
            return self._run(env, log)
        which = (int(task.parameters["round"]), int(env["JOB_COMPLETION_INDEX"]))
        self.begun[which] += 1
        if code := self.kills(*which, self.begun[which]):
            log.write_text("killed")
            return code
        return self._run(env, log)


async def jobs_of(world: World) -> dict[str, dict[str, Any]]:
    """The Jobs by the end of their names: r0, r1, … and `run`."""
    found = await world.items("Job")
    return {n if (n := j["metadata"]["name"].rpartition("-")[2]).startswith("r") else "run": j for j in found}


async def test_a_search_runs_in_rounds_and_its_version_is_that_of_one_pod(world: World) -> None:
    await world.apply(searching(world))
    await world.settle()
    status = await status_of(world)
    assert condition(status, "Succeeded")["status"] == "True"
    made = await jobs_of(world)
    assert sorted(made) == ["r0", "r1", "run"]
    spec = made["r0"]["spec"]
    assert (spec["completions"], spec["parallelism"], spec["completionMode"]) == (3, 2, "Indexed")
    assert (spec["backoffLimitPerIndex"], spec["maxFailedIndexes"]) == (2, 1)
    assert [r["action"] for r in spec["podFailurePolicy"]["rules"]] == ["Ignore", "FailJob", "FailIndex"]
    assert made["r1"]["spec"]["completions"] == 1
    trials = status["run"]["trials"]
    assert (trials["done"], trials["total"], trials["failed"], trials["metric"]) == (4, 4, 0, "roc_auc")
    assert len(status["run"]["jobs"]) == 2
    run = world.registry().runs.read(status["run"]["digest"])
    assert run is not None
    assert len(run.chosen["trials"]) == 4
    assert trials["best"] == max(t["score"] for t in run.chosen["trials"] if t["share"] == 1)
    spent = world.registry().trials.read_all(run.run_digest, world.registry().trials.known(run.run_digest))
    assert status["cost"]["cpuSeconds"] > sum(r.cost["cpuSeconds"] for r in spent)
    assert await world.settle() == []
    # one after the other is the same result: nothing is run for it
    await world.apply(searching(world, parallelism=1))
    await world.settle()
    assert (await status_of(world))["run"]["digest"] == status["run"]["digest"]
    assert sorted(await jobs_of(world)) == ["r0", "r1", "run"]


async def test_a_killed_trial_is_tried_again_alone(world: World) -> None:
    pods = Pods(world)
    pods.kills = lambda number, index, tried: OOM if (number, index, tried) == (0, 1, 1) else 0
    await world.apply(searching(world))
    await world.settle()
    assert pods.begun == {(0, 0): 1, (0, 1): 2, (0, 2): 1, (1, 0): 1}
    status = await status_of(world)
    assert status["version"]["state"] == "Approved"
    assert status["run"]["trials"]["failed"] == 0


async def test_a_trial_that_is_lost_for_good_scores_worst_and_the_run_says_why(world: World) -> None:
    pods = Pods(world)
    pods.kills = lambda number, index, tried: OOM if (number, index) == (0, 1) else 0
    await world.apply(searching(world))
    await world.settle()
    assert pods.begun[0, 1] == 3
    status = await status_of(world)
    assert condition(status, "Succeeded")["reason"] == "GatesPassed", status
    assert status["run"]["trials"]["failed"] == 1
    run = world.registry().runs.read(status["run"]["digest"])
    assert run is not None
    assert run.chosen["trials"][1]["score"] is None
    assert "memory" in run.chosen["trials"][1]["failure"]


async def test_a_search_most_of_whose_trials_are_lost_ends_early_and_a_retry_runs_only_those(world: World) -> None:
    pods = Pods(world)
    pods.kills = lambda number, index, tried: OOM if index else 0
    await world.apply(searching(world, strategy="random", trials=4))
    await world.settle()
    told = condition(await status_of(world), "Succeeded")
    assert (told["status"], told["reason"]) == ("False", "TrialsFailed")
    assert "memory" in told["message"]
    assert pods.begun[0, 0] == 0  # the highest index goes first: this one was never reached
    assert await world.settle() == []
    pods.kills = lambda *_: 0
    asked = searching(world, strategy="random", trials=4)
    asked["metadata"]["annotations"] = {"perennial.dev/retry": "1"}
    await world.apply(asked)
    await world.settle()
    assert (await status_of(world))["version"]["state"] == "Approved"


async def test_suspending_ends_the_round_and_what_it_has_found_is_not_run_again(world: World) -> None:
    pods = Pods(world)
    await world.apply(searching(world, strategy="random", trials=3))
    await world.looks(2)  # the Job is made, and two of its pods have ended
    assert sum(pods.begun.values()) == 2
    await world.apply(searching(world, strategy="random", trials=3, suspend=True))
    await world.settle()
    assert await world.items("Job") == []
    status = await status_of(world)
    assert condition(status, "Succeeded")["reason"] == "Suspended"
    assert status["run"]["trials"]["done"] == 2
    logs = len(list(world.folder.glob("*.log")))
    await world.apply(searching(world, strategy="random", trials=3, suspend=False))
    await world.settle()
    assert (await status_of(world))["version"]["state"] == "Approved"
    again = sorted(world.folder.glob("*.log"), key=lambda p: p.stat().st_mtime)[logs:]
    assert sum("stage refine" in log.read_text() for log in again) == 2  # the third trial, and the run


async def test_another_spec_in_the_middle_ends_the_round_and_another_search_begins(world: World) -> None:
    await world.apply(searching(world))
    await world.looks(2)
    first = set(await jobs_of(world))
    assert first == {"r0"}
    before = {j["metadata"]["uid"] for j in await world.items("Job")}
    await world.apply(searching(world, seed=7))
    await world.settle()
    assert not before & {j["metadata"]["uid"] for j in await world.items("Job")}
    assert (await status_of(world))["version"]["state"] == "Approved"


async def test_one_after_the_other_in_the_middle_ends_the_round_and_keeps_its_results(world: World) -> None:
    pods = Pods(world)
    await world.apply(searching(world, strategy="random"))
    await world.looks(2)
    assert sum(pods.begun.values()) == 2
    await world.apply(searching(world, strategy="random", parallelism=1))
    await world.settle()
    assert sorted(await jobs_of(world)) == ["run"]
    assert sum(pods.begun.values()) == 2
    status = await status_of(world)
    run = world.registry().runs.read(status["run"]["digest"])
    assert run is not None
    assert len(run.chosen["trials"]) == 3


async def test_without_reuse_no_result_of_an_earlier_search_is_taken(world: World) -> None:
    pods = Pods(world)
    await world.apply(searching(world, strategy="random"))
    await world.looks(2)
    assert sum(pods.begun.values()) == 2
    left = set(await jobs_of(world))
    await world.apply(searching(world, strategy="random", reuse=False))
    await world.settle()  # the search that was under way ends, and another one begins
    assert left == {"r0"}
    assert sum(pods.begun.values()) == 2 + 3
    first = await status_of(world)
    assert first["version"]["state"] == "Approved"
    asked = searching(world, strategy="random", reuse=False)
    asked["metadata"]["annotations"] = {"perennial.dev/retry": "1"}
    await world.apply(asked)
    await world.settle()
    assert sum(pods.begun.values()) == 2 + 3 + 3
    assert (await status_of(world))["run"]["digest"] == first["run"]["digest"]


async def test_rounds_whose_jobs_were_cleaned_up_never_run_again(world: World) -> None:
    pods = Pods(world)
    await world.apply(searching(world))
    for _ in range(12):
        await world.looks(1)
        for job in await world.items("Job"):
            done = any(c["type"] in ("Complete", "Failed") for c in job.get("status", {}).get("conditions", ()))
            if done and "-r" in job["metadata"]["name"]:
                await world.remove(job)
    await world.settle()
    assert (await status_of(world))["version"]["state"] == "Approved"
    assert max(pods.begun.values()) == 1


async def test_a_job_of_a_round_that_somebody_deletes_does_not_come_back(world: World) -> None:
    pods = Pods(world)
    await world.apply(searching(world))
    await world.looks(2)
    for job in await world.items("Job"):
        await world.remove(job)
    await world.settle()
    told = condition(await status_of(world), "Succeeded")
    assert told["reason"] == "JobVanished"
    assert "perennial.dev/retry" in told["message"]
    assert sum(pods.begun.values()) == 2
    assert await world.settle() == []


async def test_data_that_no_trial_can_use_ends_the_search_at_once(world: World) -> None:
    pods = Pods(world)
    body = searching(world)
    body["spec"]["data"]["target"] = "yy"
    await world.apply(body)
    await world.settle()
    told = condition(await status_of(world), "Succeeded")
    assert (told["status"], told["reason"]) == ("False", "ColumnMissing")
    assert sum(pods.begun.values()) == 1


async def test_the_deadline_is_that_of_the_whole_search(world: World) -> None:
    await world.apply(searching(world, activeDeadlineSeconds=3600))
    await world.looks(2)
    world.clock.by = timedelta(seconds=3000)
    await world.looks(2)
    made = await jobs_of(world)
    assert made["r0"]["spec"]["activeDeadlineSeconds"] == 3600
    assert 500 <= made["r1"]["spec"]["activeDeadlineSeconds"] <= 600
    world.clock.by = timedelta(seconds=3700)
    await world.settle()
    assert condition(await status_of(world), "Succeeded")["reason"] == "Deadline"
    assert "run" not in await jobs_of(world)


async def test_all_jobs_of_a_search_have_the_image_that_it_began_with(world: World) -> None:
    await world.apply(searching(world))
    await world.looks(2)
    world.trainer_image = "trainer:2"
    await world.settle()
    images = {j["spec"]["template"]["spec"]["containers"][0]["image"] for j in await world.items("Job")}
    assert images == {"trainer:1"}


@pytest.mark.parametrize(("write", "after"), [(1, True), (2, False), (2, True)])
async def test_whenever_the_operator_dies_each_trial_runs_once(world: World, write: int, after: bool) -> None:
    pods = Pods(world)
    await world.apply(searching(world))
    deaths = 0
    while deaths < 40:
        try:
            await world.settle(dies_at=write, after=after)
        except Died:
            deaths += 1
        else:
            break
    assert 4 <= deaths < 40
    assert pods.begun == {(0, 0): 1, (0, 1): 1, (0, 2): 1, (1, 0): 1}
    assert world.registry().versions.numbers() == [1]
    assert len(world.jobs_run) == 1
