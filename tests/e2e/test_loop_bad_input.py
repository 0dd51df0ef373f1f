"""What people and storage get wrong, on the real node: explained, and nothing else suffers."""

import json
from typing import Any

import pytest

from tests.support.loop import MODEL, NAMESPACE, Loop

pytestmark = [pytest.mark.node, pytest.mark.timeout(900)]

FLIGHTS = "s3://perennial/datasets/demo/flights/"


def training(name: str, **spec: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "data": {
            "train": {"uri": FLIGHTS, "include": "2013-01*"},
            "target": "late",
            "features": {"timeColumn": "time"},
        },
        "algorithm": {"estimator": "sklearn.linear_model.LogisticRegression"},
        "backoffLimit": 0,
    }
    return {
        "apiVersion": "perennial.dev/v1alpha1",
        "kind": "ModelTraining",
        "metadata": {"name": name},
        "spec": {**base, **spec},
    }


def ended(loop: Loop, name: str) -> dict[str, Any]:
    """The condition Succeeded once it is not Unknown."""

    def found() -> dict[str, Any] | None:
        told = loop.condition("mtr", name, "Succeeded")
        return told if told.get("status") in ("True", "False") else None

    result: dict[str, Any] = loop.until(f"{name} has ended", found)
    return result


def test_a_corrupt_object_is_named_and_ends_the_training_at_once(loop: Loop) -> None:
    loop.store().put("datasets/demo/corrupt/2013-01.parquet", b"PAR1 this is no Parquet file PAR1")
    data = {"train": {"uri": "s3://perennial/datasets/demo/corrupt/"}, "target": "late"}
    loop.apply(training("corrupt", data=data, backoffLimit=3))
    told = ended(loop, "corrupt")
    assert told["status"] == "False"
    assert "2013-01.parquet" in told["message"]
    jobs = json.loads(loop.kubectl("get", "jobs", "-n", NAMESPACE, "-o", "json"))["items"]
    job = next(j for j in jobs if j["metadata"]["labels"]["app.kubernetes.io/instance"] == "corrupt")
    assert job["status"]["failed"] == 1  # a data error spends no retry
    logs = loop.get("mtr", "corrupt")["status"]["failure"]["logs"]
    assert b"2013-01.parquet" in loop.store().get(logs.removeprefix("s3://perennial/")).body


def test_a_run_that_needs_more_memory_than_its_limit_says_so(loop: Loop) -> None:
    template = {"resources": {"requests": {"memory": "64Mi"}, "limits": {"memory": "96Mi"}}}
    loop.apply(training("hungry", template=template))
    told = ended(loop, "hungry")
    assert told["reason"] in ("OutOfMemory", "MemoryLimitTooLow")
    assert "memory" in told["message"]


def test_wrong_credentials_are_told_without_the_secret(loop: Loop) -> None:
    loop.kubectl("delete", "secret", "wrong-keys", "-n", NAMESPACE, "--ignore-not-found")
    loop.kubectl(
        *("create", "secret", "generic", "wrong-keys", "-n", NAMESPACE),
        *("--from-literal=AWS_ACCESS_KEY_ID=nobody", "--from-literal=AWS_SECRET_ACCESS_KEY=not-the-secret"),
    )
    loop.apply(training("stranger", template={"envFrom": [{"secretRef": {"name": "wrong-keys"}}]}))
    told = ended(loop, "stranger")
    assert told["status"] == "False"
    assert "not-the-secret" not in json.dumps(loop.get("mtr", "stranger"))
    assert told["reason"] in ("StorageAccessDenied", "StorageUnavailable")


def test_an_image_that_is_not_there_is_told_while_it_is_waited_for(loop: Loop) -> None:
    body = {
        "apiVersion": "perennial.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "imageless"},
        "spec": {"model": {"name": MODEL}, "replicas": 1, "server": {"image": "localhost/no-such-image:1"}},
    }
    loop.apply(body)
    told = loop.until(
        "the missing image is told",
        lambda: (c := loop.condition("mdp", "imageless", "Ready")) and "no-such-image" in c.get("message", "") and c,
    )
    assert told["status"] == "False"
    loop.kubectl("delete", "mdp", "imageless", "-n", NAMESPACE)


def test_a_tampered_artifact_never_becomes_ready_and_the_condition_says_why(loop: Loop) -> None:
    stable = loop.get("mdp", MODEL)["status"]["stable"]
    run = json.loads(loop.store().get(f"registry/{NAMESPACE}/{MODEL}/runs/{stable['runDigest'][7:]}/run.json").body)
    key = f"registry/{NAMESPACE}/{MODEL}/{run['files']['model.skops']['key']}"
    original = loop.store().get(key).body
    loop.store().put(key, original[:-10] + b"tampered!!")
    try:
        body = {
            "apiVersion": "perennial.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": "tampered"},
            "spec": {"model": {"name": MODEL, "version": stable["version"]}, "replicas": 1},
        }
        loop.apply(body)
        told = loop.until(
            "the tampered artifact is told",
            lambda: (c := loop.condition("mdp", "tampered", "Ready")) and "model.skops" in c.get("message", "") and c,
        )
        assert told["status"] == "False"
        assert "sha256" in told["message"].lower() or "digest" in told["message"].lower()
    finally:
        loop.store().put(key, original)
        loop.kubectl("delete", "mdp", "tampered", "-n", NAMESPACE, "--ignore-not-found")
    assert loop.condition("mdp", MODEL, "Ready")["status"] == "True"


def test_the_operator_stayed_up_through_all_of_it(loop: Loop) -> None:
    pods = json.loads(
        loop.kubectl(
            *("get", "pods", "-n", "perennial-system", "-o", "json"), *("-l", "app.kubernetes.io/component=operator")
        )
    )["items"]
    assert [c["restartCount"] for p in pods for c in p["status"]["containerStatuses"]] == [0]
