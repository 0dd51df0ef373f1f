"""Kueue's part played against a Job of ours, on real controllers: it alone writes `suspend` and node selectors."""

from typing import Any

import pytest

from perennial.kube.resources import Ref
from tests.integration.workload.place import Place, condition, reason

pytestmark = [pytest.mark.apiserver, pytest.mark.s3, pytest.mark.timeout(600)]

SELECTOR = {"cloud.example.com/flavor": "spot"}


async def admit(place: Place, selector: dict[str, str] | None) -> None:
    """As Kueue 0.14 starts a Job: node selectors of the flavor first, then suspend is false."""
    job = Ref.to(await place.only("Job"))
    await place.change(job, {"spec": {"template": {"spec": {"nodeSelector": selector}}}})
    await place.change(job, {"spec": {"suspend": False}})


async def evict(place: Place) -> None:
    """As Kueue stops a Job: suspend, then startTime is reset so that the pod template may change, which it restores."""
    job = Ref.to(await place.only("Job"))
    await place.change(job, {"spec": {"suspend": True}})

    async def stopped() -> dict[str, Any] | None:
        live = await place.only("Job")
        return live if not live["status"].get("active") else None

    await place.come(stopped)
    await place.change(job, {"status": {"startTime": None}}, "status")
    await place.change(job, {"spec": {"template": {"spec": {"nodeSelector": None}}}})


async def test_a_queued_job_is_admitted_evicted_and_admitted_again_and_trains_once(place: Place) -> None:
    await place.train(queue="team")
    await place.until(lambda s: reason(s) == "Queued")
    made = await place.only("Job")
    assert (made["spec"]["suspend"], made["metadata"]["labels"]["kueue.x-k8s.io/queue-name"]) == (True, "team")
    assert await place.items("Pod") == []
    await admit(place, SELECTOR)
    await place.until(lambda s: reason(s) == "Unschedulable", run=False)
    live = await place.only("Job")
    assert (live["spec"]["suspend"], live["spec"]["template"]["spec"]["nodeSelector"]) == (False, SELECTOR)
    assert (await place.only("Pod"))["spec"]["nodeSelector"] == SELECTOR
    await evict(place)
    await place.until(lambda s: reason(s) == "Queued", run=False)
    assert (await place.only("Job"))["spec"]["suspend"] is True
    assert await place.items("Pod") == []
    await admit(place, {"cloud.example.com/flavor": "reserved"})
    status = await place.until(lambda s: condition(s, "Succeeded").get("status") == "True")
    assert status["version"]["number"] == 1
    assert (await place.only("Job"))["metadata"]["uid"] == made["metadata"]["uid"]
    assert set(place.writes) == {"create", "patch_status"}
    assert place.writes.count("create") == 1
