"""The whole loop on a real node, by the README's command: trained, judged, served, retrained, rolled out."""

import json
import re
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from hack.demo.data import requests_of
from hack.demo.install import SYSTEM
from hack.demo.traffic import ask, request_body
from tests.support.loop import MODEL, NAMESPACE, Loop

pytestmark = [pytest.mark.node, pytest.mark.timeout(1700)]


def test_the_demo_closes_the_loop_and_loses_no_request(loop: Loop) -> None:
    counted = re.search(r"requests answered: version 1: (\d+), version 2: (\d+); failed: (\d+)", loop.said)
    assert counted is not None, loop.said[-3000:]
    first, second, failed = (int(n) for n in counted.groups())
    assert first > 100
    assert second > 100
    assert failed == 0
    assert "the loop closed in" in loop.said


def test_the_chain_of_custody_runs_through_the_statuses(loop: Loop) -> None:
    deployment = loop.get("mdp", MODEL)["status"]
    policy = loop.get("rtp", MODEL)["status"]
    entry = policy["runs"][-1]
    child = loop.get("mtr", entry["training"])
    stable = deployment["stable"]
    assert stable["version"] == entry["version"] == child["status"]["version"]["number"] == 2
    assert stable["runDigest"] == child["status"]["run"]["digest"]
    assert stable["dataDigest"] == child["status"]["data"]["digest"]
    assert stable["artifact"] == child["status"]["artifact"]["digest"]
    assert child["spec"]["data"]["train"]["digest"].startswith("sha256:")
    assert entry["trigger"] == "NewData"
    assert entry["outcome"] == "Promoted"
    assert entry["costCPUSeconds"] > 0
    assert [h["result"] for h in deployment["history"]] == ["Promoted", "Promoted"]
    for alias in ("approved", "champion"):
        held = json.loads(loop.store().get(f"registry/{NAMESPACE}/{MODEL}/aliases/{alias}.json").body)
        assert held["number"] == 2
        assert held["runDigest"] == stable["runDigest"]


def test_every_object_is_healthy_and_none_is_stalled(loop: Loop) -> None:
    for kind in ("mtr", "mdp", "rtp"):
        for body in json.loads(loop.kubectl("get", kind, "-n", NAMESPACE, "-o", "json"))["items"]:
            conditions = {c["type"]: c["status"] for c in body["status"]["conditions"]}
            assert conditions.get("Ready") == "True", (kind, body["metadata"]["name"], body["status"]["conditions"])
            assert "Stalled" not in conditions
            assert body["status"]["observedGeneration"] == body["metadata"]["generation"]


def test_the_model_answers_rows_with_missing_values_and_refuses_what_it_cannot_read(loop: Loop) -> None:
    url = f"{loop.node.url(NAMESPACE, MODEL, 80)}/v2/models/{MODEL}"
    rows = requests_of(1)[:3]
    rows[1]["seats"] = None
    answer, version = ask(f"{url}/infer", rows)
    assert version == "2"
    named = {o["name"]: o for o in answer["outputs"]}
    assert named["predict"]["shape"][0] == 3
    with urllib.request.urlopen(url, timeout=10) as reply:
        metadata: dict[str, Any] = json.load(reply)
    assert {i["name"] for i in metadata["inputs"]} >= {"carrier", "origin", "distance"}
    body = request_body(rows)
    body["inputs"] = [i for i in body["inputs"] if i["name"] != "carrier"]
    request = urllib.request.Request(f"{url}/infer", json.dumps(body).encode())
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code == 400
    assert "carrier" in refused.value.read().decode()


def test_the_operator_writes_nothing_when_nothing_happens(loop: Loop) -> None:
    def versions() -> dict[str, str]:
        items = json.loads(loop.kubectl("get", "mtr,mdp,deploy,svc,pdb,cm", "-n", NAMESPACE, "-o", "json"))["items"]
        return {f"{i['kind']}/{i['metadata']['name']}": i["metadata"]["resourceVersion"] for i in items}

    def settled() -> bool:
        """Kubernetes itself has finished scaling: it writes the status of Deployments until then."""
        deployments = json.loads(loop.kubectl("get", "deploy", "-n", NAMESPACE, "-o", "json"))["items"]
        pods = json.loads(loop.kubectl("get", "pods", "-n", NAMESPACE, "-o", "json"))["items"]
        leaving = [p for p in pods if "deletionTimestamp" in p["metadata"]]
        sized = all(d["status"].get("readyReplicas", 0) == d["spec"]["replicas"] for d in deployments)
        return sized and not leaving and all(d["status"]["replicas"] == d["spec"]["replicas"] for d in deployments)

    loop.until("the previous revision has shrunk to what is kept", settled)
    time.sleep(5)
    before = versions()
    time.sleep(45)
    assert versions() == before


def test_the_cleaning_job_runs_as_the_operator_and_takes_nothing_that_is_young(loop: Loop) -> None:
    store = loop.store()
    before = {o.key for o in store.list("registry/") if "/_windows/" not in o.key}
    loop.kubectl("create", "job", "clean-now", "-n", SYSTEM, "--from=cronjob/perennial-gc")
    try:
        loop.kubectl("wait", "job/clean-now", "-n", SYSTEM, "--for=condition=complete", "--timeout=120s")
        assert f"0 objects (0 bytes) of namespace {NAMESPACE}" in loop.kubectl("logs", "-n", SYSTEM, "job/clean-now")
        assert before <= {o.key for o in store.list("registry/")}
    finally:
        loop.kubectl("delete", "job", "clean-now", "-n", SYSTEM)
