"""Rollouts on copies, on the real node: the candidate answers nobody before the switch, and no request is lost."""

from typing import Any

import pytest

from hack.demo.data import requests_of
from hack.demo.traffic import Traffic
from tests.support.loop import MODEL, NAMESPACE, Loop

pytestmark = [pytest.mark.node, pytest.mark.timeout(900)]


def deployment(name: str, strategy: str, version: int) -> dict[str, Any]:
    """One small server of a version of the demo's model, with short steps."""
    step = {"weight": 50, "minRequests": 100, "minDuration": "20s"}
    small = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}
    rollout = {"strategy": strategy, "steps": [step], "evidence": {"waitFor": "60s"}, "bake": "10s"}
    spec = {"model": {"name": MODEL, "version": version}, "replicas": 1, "server": {"resources": small}}
    return {
        "apiVersion": "perennial.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name},
        "spec": {**spec, "rollout": rollout},
    }


def told(loop: Loop, name: str) -> tuple[int, str]:
    """The version that is stable and the candidate's stage."""
    status = loop.get("mdp", name).get("status", {})
    return status.get("stable", {}).get("version", 0), status.get("candidate", {}).get("stage", "")


def disagreement(loop: Loop, name: str) -> dict[str, Any]:
    """How often pairs of answers to the same rows differ; empty before any was compared."""
    rows = loop.get("mdp", name)["status"].get("candidate", {}).get("analysis", [])
    return next((row for row in rows if row["metric"] == "disagreement" and row["samples"] > 0), {})


@pytest.mark.parametrize("strategy", ["Shadow", "BlueGreen"])
def test_a_version_takes_over_on_copies_alone(loop: Loop, strategy: str, record_property: Any) -> None:
    name = strategy.lower()
    loop.apply(deployment(name, strategy, 1))
    loop.until("version 1 is stable", lambda: told(loop, name) == (1, ""))
    traffic = Traffic(loop.node.url(NAMESPACE, name, 80), MODEL, requests_of(2))
    traffic.start()
    try:
        loop.until("version 1 answers", lambda: traffic.answers["1"] > 50)
        loop.apply(deployment(name, strategy, 2))
        loop.until("copies are compared", lambda: told(loop, name)[1] == "Stepping")
        early = traffic.answers["2"]
        compared = loop.until("pairs of answers are compared", lambda: disagreement(loop, name))
        loop.until("version 2 is stable", lambda: told(loop, name) == (2, ""), 300)
        loop.until("version 2 answers", lambda: traffic.answers["2"] > 100)
    finally:
        traffic.stop()
        loop.kubectl("delete", "mdp", name, "-n", NAMESPACE)
    record_property("disagreement", compared)
    record_property("answered", dict(traffic.answers))
    assert early == 0
    assert traffic.failures == []
