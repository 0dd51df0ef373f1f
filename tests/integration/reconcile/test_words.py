"""What people say about a rollout by annotations: carried out as soon as it may be, or refused and told why."""

from datetime import timedelta
from typing import Any

import pytest

from perennial.kube.client import Kube
from tests.integration.reconcile.rollouts import approve, condition, deployment, serve, start_servers
from tests.integration.reconcile.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.s3, pytest.mark.timeout(600)]

LONG = {"steps": [{"weight": 9, "minRequests": 1000, "minDuration": "1h"}], "analysis": []}
PROMOTE, ROLLBACK = "perennial.dev/promote", "perennial.dev/rollback"


async def status_of(world: World) -> dict[str, Any]:
    live = await world.get("ModelDeployment", "d")
    status: dict[str, Any] = live["status"]
    return status


async def say(world: World, asked: dict[str, Any], **words: str) -> None:
    asked["metadata"]["annotations"] = {f"perennial.dev/{verb}": word for verb, word in words.items()}
    await world.apply(asked)


async def events(world: World, reason: str) -> list[str]:
    """Messages of the events of a reason."""
    kube = Kube(world.access)
    found = await kube.raw("GET", f"/apis/events.k8s.io/v1/namespaces/{world.namespace}/events")
    await kube.close()
    return [e["note"] for e in found["items"] if e["reason"] == reason]


async def test_a_promotion_asked_for_before_the_candidate_is_ready_is_carried_out_when_it_is(world: World) -> None:
    approve(world, "one")
    asked = deployment(world, rollout=LONG)
    await serve(world, asked)
    approve(world, "two")
    await world.settle()
    await say(world, asked, promote="2 ada it is urgent")
    await world.settle()
    status = await status_of(world)
    assert (status["candidate"]["stage"], status["candidate"]["promotedBy"]) == ("Preparing", "ada: it is urgent")
    assert status["acted"] == {PROMOTE: "2 ada it is urgent"}
    assert "ada: it is urgent" in status["candidate"]["message"]
    await start_servers(world)
    await world.settle()
    status = await status_of(world)
    assert status["candidate"]["stage"] in ("Promoting", "Switching")
    assert await events(world, "PromotionApproved") == ["version 2 takes over, as asked for by ada: it is urgent"]
    await serve(world, asked)
    world.clock.by += timedelta(seconds=5)
    await world.settle()
    assert (await status_of(world))["stable"]["version"] == 2


async def test_a_promotion_in_mid_step_ends_the_steps(world: World) -> None:
    approve(world, "one")
    asked = deployment(world, rollout=LONG)
    await serve(world, asked)
    approve(world, "two")
    assert (await serve(world, asked))["status"]["candidate"]["stage"] == "Stepping"
    await say(world, asked, promote="2 ada")
    await world.settle()
    assert (await status_of(world))["candidate"]["stage"] in ("Promoting", "Switching")


async def test_a_word_that_nothing_can_come_of_is_refused_once_with_the_reason(world: World) -> None:
    approve(world, "one")
    asked = deployment(world, rollout=LONG)
    before = await serve(world, asked)
    await say(world, asked, promote="7 ada typed too fast", rollback="1 ada nothing there")
    await world.settle()
    await world.settle()
    status = await status_of(world)
    assert status["acted"] == {PROMOTE: "7 ada typed too fast", ROLLBACK: "1 ada nothing there"}
    (promotion,), (rollback,) = await events(world, "PromotionRefused"), await events(world, "RollbackRefused")
    assert "version 7 is not on its way in; version 1 is what is asked for" in promotion
    assert "nothing to roll back" in rollback
    assert status["stable"] == before["status"]["stable"]
    approve(world, "two")
    await serve(world, asked)
    assert "promotedBy" not in (await status_of(world))["candidate"]


async def test_a_word_said_together_with_the_version_it_names_waits_for_its_candidate(world: World) -> None:
    approve(world, "one")
    asked = deployment(world, rollout=LONG)
    await serve(world, asked)
    approve(world, "two")
    await say(world, asked, promote="2 ada both at once")
    await world.settle()
    status = await status_of(world)
    assert (status["candidate"]["version"], status["candidate"]["promotedBy"]) == (2, "ada: both at once")
    assert condition({"status": status}, "Ready")["status"] == "True"
