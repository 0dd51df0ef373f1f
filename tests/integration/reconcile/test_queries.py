"""A rollout that a real Prometheus has a say in."""

from datetime import timedelta
from typing import Any

import pytest

from tests.integration.reconcile.rollouts import approve, condition, deployment, serve, start_servers
from tests.integration.reconcile.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.s3, pytest.mark.timeout(300)]

SCRAPED = 'sum(up{job="self"})'  # 1


def canary(*queries: dict[str, Any], **rollout: Any) -> dict[str, Any]:
    steps = [{"weight": 50, "minRequests": 0, "minDuration": "0s"}]
    analysis = [{"prometheus": {"query": q.pop("query"), **q.pop("server", {})}, **q} for q in map(dict, queries)]
    return {"steps": steps, "analysis": analysis, **rollout}


async def stepping(world: World, rollout: dict[str, Any]) -> dict[str, Any]:
    """Version 1 serves, version 2 has ready servers: its first step is looked at until nothing changes."""
    approve(world, "one")
    await serve(world, deployment(world, rollout=rollout))
    approve(world, "two")
    await world.settle()
    await start_servers(world)
    await world.settle()
    return await world.get("ModelDeployment", "d")


@pytest.fixture
def asked(world: World, prometheus: str) -> World:
    world.prometheus = (prometheus,)
    return world


async def test_a_number_within_its_limit_lets_the_candidate_on(asked: World) -> None:
    live = await stepping(asked, canary({"query": SCRAPED, "min": 1}, {"query": "vector({{version}})", "max": 2}))
    rows = {row["metric"]: row for row in live["status"]["candidate"]["analysis"]}
    assert live["status"]["candidate"]["stage"] in ("Promoting", "Switching")
    assert {name: (row["result"], row["candidate"]) for name, row in rows.items()} == {
        "prometheus-1": ("Passed", 1),
        "prometheus-2": ("Passed", 2),
    }


async def test_a_number_beyond_its_limit_rolls_the_candidate_back_with_the_figures(asked: World) -> None:
    live = await stepping(asked, canary({"query": SCRAPED, "max": 0.5}))
    assert "candidate" not in live["status"]
    assert live["status"]["stable"]["version"] == 1
    assert live["status"]["history"][-1]["result"] == "RolledBack"
    assert "the query gives 1; at most 0.5 is wanted" in live["status"]["rejected"][-1]["reason"]


@pytest.mark.parametrize(
    ("query", "server", "told"),
    [
        ("up{job='nobody'}", {}, "no series"),
        ('up or label_replace(up, "x", "y", "", "")', {}, "2 series"),
        ("vector(0) / vector(0)", {}, "nan"),
        ("sum(", {}, "bad_data"),
        ("up[1m]", {}, "gives a matrix"),
        (SCRAPED, {"address": "http://127.0.0.1:9"}, "not one of those that the installation allows"),
    ],
)
async def test_without_a_number_the_step_waits_says_why_and_ends_inconclusive(
    asked: World, query: str, server: dict[str, str], told: str
) -> None:
    mode = {"evidence": {"waitFor": "30m", "mode": "Required"}}
    live = await stepping(asked, canary({"query": query, "server": server, "max": 1}, **mode))
    (row,) = live["status"]["candidate"]["analysis"]
    assert (row["result"], live["status"]["candidate"]["stage"]) == ("Waiting", "Stepping")
    assert told in row["message"]
    assert told in condition(live, "Progressing")["message"]
    asked.clock.by += timedelta(minutes=31)
    await asked.settle()
    status = (await asked.get("ModelDeployment", "d"))["status"]
    assert status["history"][-1]["result"] == "Inconclusive"
    assert "rejected" not in status or status["rejected"] == []


async def test_a_server_that_is_gone_is_no_evidence_and_the_rest_of_the_object_goes_on(world: World) -> None:
    world.prometheus = ("http://scott:tiger@127.0.0.1:9",)
    live = await stepping(world, canary({"query": "up", "min": 1}))
    (row,) = live["status"]["candidate"]["analysis"]
    assert "http://127.0.0.1:9 did not answer" in row["message"]
    assert "tiger" not in str(live)
    assert condition(live, "Ready")["status"] == "True"
    assert await world.settle() == []


async def test_in_the_bake_a_limit_broken_for_two_minutes_brings_the_previous_version_back(asked: World) -> None:
    # 1 while version 1 is asked about, 2 for version 2; the limit is lowered once version 2 serves
    query = {"query": "vector({{version}})", "max": 2}
    live = await stepping(asked, canary(query))
    for _ in range(4):
        asked.clock.by += timedelta(seconds=20)
        await asked.settle()
        await start_servers(asked)
    live = await asked.get("ModelDeployment", "d")
    assert (live["status"]["stable"]["version"], live["status"]["previous"]["baking"]) == (2, True)
    await asked.apply(deployment(asked, rollout=canary({**query, "max": 1})))
    await asked.settle()
    assert (await asked.get("ModelDeployment", "d"))["status"]["stable"]["version"] == 2
    asked.clock.by += timedelta(minutes=2, seconds=1)
    await asked.settle()
    status = (await asked.get("ModelDeployment", "d"))["status"]
    assert status["stable"]["version"] == 1
    assert "for two minutes" in status["rejected"][-1]["reason"]
