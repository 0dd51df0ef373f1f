"""A ModelTraining in a JobSet, with the real JobSet controller and its webhooks."""

from datetime import timedelta
from typing import Any

import pytest

from perennial.kube.resources import Ref
from tests.integration.workload.place import LEADER, Place, condition, jobset, reason

pytestmark = [pytest.mark.apiserver, pytest.mark.s3, pytest.mark.timeout(600)]


def is_over(status: dict[str, Any]) -> bool:
    return condition(status, "Succeeded").get("status") in ("True", "False")


async def test_a_jobset_makes_an_approved_version_and_is_cleared_away_when_its_time_has_come(place: Place) -> None:
    await place.train(jobset(workers=2), ttlSecondsAfterFinished=600)
    status = await place.until(is_over)
    assert condition(status, "Succeeded")["status"] == "True", status
    assert status["version"] == {"number": 1, "state": "Approved", "reason": "GatesPassed"}
    assert status["run"]["workloads"] == ["JobSet"]
    assert 0.5 < status["metrics"]["roc_auc"] <= 1
    made = await place.only("JobSet")
    assert made["metadata"]["name"] == status["run"]["job"]
    assert made["metadata"]["ownerReferences"][0]["uid"] == (await place.get("ModelTraining", "m"))["metadata"]["uid"]
    assert len(place.started) == 3
    before = len(place.writes)
    await place.look()
    assert place.writes[before:] == []
    place.clock.by = timedelta(seconds=700)
    await place.look()
    assert place.writes[before:] == ["delete"]
    await place.come(lambda: _gone(place))


async def _gone(place: Place) -> bool | None:
    return None if await place.items("JobSet") else True


async def test_a_refusal_of_the_users_code_is_final_and_the_set_is_not_made_anew(place: Place) -> None:
    await place.train(jobset("echo no such layer >&2; exit 65"))
    status = await place.until(is_over)
    assert (reason(status), status["failure"]["exitCode"]) == ("UserCode", 65)
    assert "no such layer" in status["failure"]["message"]
    assert (await place.only("JobSet"))["status"].get("restarts", 0) == 0


async def test_another_exit_is_tried_again_by_the_jobset_and_by_nobody_else(place: Place) -> None:
    once = place.folder / "once"
    await place.train(jobset(f"test -e {once} || {{ touch {once}; exit 1; }}; {LEADER}"))
    status = await place.until(is_over)
    assert condition(status, "Succeeded")["status"] == "True", status
    assert (await place.only("JobSet"))["status"]["restarts"] == 1


async def test_a_set_that_completes_without_a_run_is_told_what_is_missing(place: Place) -> None:
    await place.train(jobset("true"))
    status = await place.until(is_over)
    assert reason(status) == "NoRunPublished"
    assert "own publish" in status["failure"]["message"]


async def test_another_spec_ends_the_former_set_first(place: Place) -> None:
    await place.train(jobset("sleep 1"))
    status = await place.until(lambda s: reason(s) == "Unschedulable", run=False)
    first = await place.only("JobSet")
    assert "no nodes" in condition(status, "Succeeded")["message"]
    await place.train(jobset("sleep 2"))
    await place.until(lambda s: reason(s) in ("Running", "Unschedulable") and "run" in s, run=False)
    second = await place.come(lambda: _other(place, first["metadata"]["name"]))
    assert second["metadata"]["name"] != first["metadata"]["name"]
    await place.train()
    await place.come(lambda: _ended(place))


async def _other(place: Place, name: str) -> dict[str, Any] | None:
    await place.look()
    found = await place.items("JobSet")
    return found[0] if len(found) == 1 and found[0]["metadata"]["name"] != name else None


async def _ended(place: Place) -> bool | None:
    """The set of a spec that asks for a Job now has gone before the Job came."""
    await place.look()
    jobs = [j for j in await place.items("Job") if j["metadata"]["ownerReferences"][0]["kind"] == "ModelTraining"]
    if not jobs:
        return None
    assert await place.items("JobSet") == []
    return True


async def test_a_set_that_works_longer_than_it_may_is_ended_and_told_so(place: Place) -> None:
    await place.train(jobset("sleep 1"), activeDeadlineSeconds=60)
    await place.until(lambda s: reason(s) == "Unschedulable", run=False)
    place.clock.by = timedelta(seconds=90)
    status = await place.until(is_over, run=False)
    assert reason(status) == status["failure"]["reason"] == "Deadline"
    await place.come(lambda: _gone(place))


async def test_a_queue_lets_the_set_go_and_takes_it_back_and_nobody_disagrees(place: Place) -> None:
    await place.train(jobset(), queue="team", activeDeadlineSeconds=60)
    await place.until(lambda s: reason(s) == "Queued")
    made = await place.only("JobSet")
    assert (made["spec"]["suspend"], made["metadata"]["labels"]["kueue.x-k8s.io/queue-name"]) == (True, "team")
    place.clock.by = timedelta(hours=1)  # a time in the queue is not a time at work
    await place.look()
    place.clock.by = timedelta(0)
    ref = Ref.to(made)
    for suspended, told in ((False, "Unschedulable"), (True, "Queued")):
        await place.change(ref, {"spec": {"suspend": suspended}})
        await place.until(lambda s, told=told: reason(s) == told, run=False)  # type: ignore[misc]
        assert (await place.only("JobSet"))["spec"]["suspend"] is suspended
    await place.change(ref, {"spec": {"suspend": False}})
    status = await place.until(is_over)
    assert condition(status, "Succeeded")["status"] == "True", status


async def test_a_deleted_training_takes_its_set_along(place: Place) -> None:
    await place.train(jobset("sleep 1"))
    await place.until(lambda s: reason(s) == "Unschedulable", run=False)
    await place.delete("ModelTraining", "m")
    await place.come(lambda: _gone(place))
