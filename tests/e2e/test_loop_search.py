"""A search in parallel on the real node: one of its trials is killed in the middle and tried again alone."""

import json
from typing import Any

import pytest

from tests.e2e.test_loop_bad_input import ended, training
from tests.support.loop import NAMESPACE, Loop

pytestmark = [pytest.mark.node, pytest.mark.timeout(900)]

NAME = "searched"
INDEX = "batch.kubernetes.io/job-completion-index"


def pods(loop: Loop) -> list[dict[str, Any]]:
    """Pods of the rounds, finished ones too."""
    text = loop.kubectl("get", "pods", "-n", NAMESPACE, "-l", f"app.kubernetes.io/instance={NAME}", "-o", "json")
    return [p for p in json.loads(text)["items"] if INDEX in p["metadata"].get("annotations", {})]


def test_a_trial_that_is_killed_is_tried_again_alone_and_the_search_ends_well(loop: Loop) -> None:
    space = {"C": {"min": 0.01, "max": 10, "scale": "log"}}
    search = {"strategy": "halving", "space": space, "trials": 3, "parallelism": 2, "folds": 2}
    small = {"resources": {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}}}
    algorithm = {"estimator": "sklearn.linear_model.LogisticRegression", "search": search}
    loop.apply(training(NAME, algorithm=algorithm, template=small))
    victim = loop.until(
        "a trial runs",
        lambda: next((p for p in pods(loop) if p["status"].get("phase") == "Running"), None),
    )
    index, name = victim["metadata"]["annotations"][INDEX], victim["metadata"]["name"]
    loop.kubectl("delete", "pod", name, "-n", NAMESPACE, "--grace-period=1", "--wait=false")
    told = ended(loop, NAME)
    assert told["status"] == "True", told
    status = loop.get("mtr", NAME)["status"]
    trials = status["run"]["trials"]
    assert (trials["done"], trials["total"], trials["failed"]) == (4, 4, 0)
    assert len(status["run"]["jobs"]) == 2
    first = {p["metadata"]["annotations"][INDEX]: p for p in pods(loop) if "-r0-" in p["metadata"]["name"]}
    assert sorted(first) == ["0", "1", "2"]
    assert first[index]["metadata"]["uid"] != victim["metadata"]["uid"]
    jobs = json.loads(loop.kubectl("get", "jobs", "-n", NAMESPACE, "-o", "json"))["items"]
    round_ = next(j for j in jobs if j["metadata"]["name"].endswith("-r0"))
    assert (round_["status"]["succeeded"], round_["status"]["failed"]) == (3, 1)
