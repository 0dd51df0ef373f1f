"""Code of one's own on the real node: the example's image, a pod killed in the middle, its checkpoint gone on with."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml

from hack.localnode import engines
from hack.localnode.place import CHECKOUT
from tests.support.loop import NAMESPACE, Loop

pytestmark = [pytest.mark.node, pytest.mark.timeout(1800)]

IMAGE = "localhost/own-code:e2e"
NAME = "flights-own"
EXAMPLE = CHECKOUT / "examples" / "own-code"


@pytest.fixture(scope="module")
def image(loop: Loop) -> str:
    """The example's image, built by its Dockerfile on the trainer image of the demo."""
    operator = loop.get("deployment", "perennial", "perennial-system")
    env = operator["spec"]["template"]["spec"]["containers"][0]["env"]
    base = next(e["value"] for e in env if e["name"] == "PERENNIAL_TRAINER_IMAGE")
    engines.find().run("build", f"--build-arg=BASE_IMAGE={base}", f"--tag={IMAGE}", str(EXAMPLE))
    return loop.node.load(IMAGE)


def training(image: str, **container: Any) -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load((EXAMPLE / "training.yaml").read_text())
    own = {**body["spec"]["container"], "image": image, **container}
    return {**body, "spec": {**body["spec"], "container": own}}


def pods(loop: Loop) -> list[str]:
    """Names of the pods of the run, oldest first."""
    job = loop.get("modeltraining", NAME)["status"]["run"]["job"]
    oldest_first = "--sort-by=.metadata.creationTimestamp"
    return loop.kubectl(
        "get", "pods", "-n", NAMESPACE, "-l", f"batch.kubernetes.io/job-name={job}", oldest_first, "-o", "name"
    ).split()


def progress(loop: Loop) -> dict[str, Any]:
    found: dict[str, Any] = loop.get("modeltraining", NAME).get("status", {}).get("run", {}).get("progress") or {}
    return found


def epochs(loop: Loop) -> int:
    """How many epochs the code has told of."""
    words = str(progress(loop).get("message", "")).split()
    return int(words[1]) if words[:1] == ["epoch"] else 0


def test_a_killed_pod_of_own_code_is_gone_on_with_and_judged(loop: Loop, image: str) -> None:
    loop.apply(training(image, parameters={"epochs": 30, "secondsPerEpoch": 2}))
    loop.until("the code has done five epochs", lambda: epochs(loop) >= 5, 600)
    first = pods(loop)[0]
    began = time.monotonic()
    loop.kubectl("delete", first, "-n", NAMESPACE)
    assert time.monotonic() - began < 120, "code that listens to SIGTERM ends long before the grace is over"
    ended = loop.until(
        "the run has ended",
        lambda: (c := loop.condition("modeltraining", NAME, "Succeeded")).get("status") in ("True", "False") and c,
        900,
    )
    assert ended["status"] == "True", ended
    status = loop.get("modeltraining", NAME)["status"]
    assert status["metrics"]["roc_auc"] > 0.55
    assert "own-code" in status["run"]["image"] or "sha256" in status["run"]["image"]
    second = pods(loop)[-1]
    assert second != first
    assert "going on after epoch" in loop.kubectl("logs", second, "-n", NAMESPACE, "-c", "user")


def test_code_that_fails_is_told_with_its_last_lines_and_its_log_is_kept(loop: Loop, image: str) -> None:
    broken = {"command": ["python", "-c", "print('reading'); raise KeyError('no column late')"]}
    body = training(image, **broken)
    loop.apply({**body, "metadata": {"name": "flights-broken"}})
    failed = loop.until(
        "the failure is told",
        lambda: (c := loop.condition("modeltraining", "flights-broken", "Succeeded")).get("status") == "False" and c,
        600,
    )
    assert failed["reason"] == "UserCode"
    assert "no column late" in failed["message"]
    logs = loop.get("modeltraining", "flights-broken")["status"]["failure"]["logs"]
    assert b"no column late" in loop.store().get(logs.removeprefix("s3://perennial/")).body
