"""Of several containers in a row, the one that explains the pod."""

from typing import Any

import pytest

from perennial.policy.training.facts import JobFacts, pod_facts
from perennial.policy.training.failure import classify, obstacle
from tests.unit.policy.training.test_failure import NOW

DONE = {"terminated": {"exitCode": 0, "reason": "Completed"}}
AHEAD = {"waiting": {"reason": "PodInitializing"}}
RUNS: dict[str, Any] = {"running": {"startedAt": "2026-03-01T00:00:00Z"}}


def ended(code: int, reason: str = "Error", message: str = "") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def pod(agent: Any, fetch: Any, user: Any, publish: Any, phase: str = "Failed") -> dict[str, Any]:
    init = [
        {"name": n, "state": s, "imageID": f"id-{n}"} for n, s in (("agent", agent), ("fetch", fetch), ("user", user))
    ]
    status = {
        "phase": phase,
        "initContainerStatuses": init,
        "containerStatuses": [{"name": "publish", "state": publish}],
    }
    return {"metadata": {"name": "p", "uid": "u", "creationTimestamp": "2026-03-01T00:00:00Z"}, "status": status}


@pytest.mark.parametrize(
    ("states", "container", "reason", "says"),
    [
        ((ended(0), ended(64, message="{}"), AHEAD, AHEAD), "fetch", "DataRefused", "exit code 64"),
        ((ended(137), DONE, ended(3, message="KeyError: 'late'"), AHEAD), "user", "UserCode", "KeyError: 'late'"),
        ((ended(0), DONE, ended(64, message="too few rows"), AHEAD), "user", "DataRefused", "too few rows"),
        ((ended(0), DONE, ended(137, "OOMKilled"), AHEAD), "user", "OutOfMemory", "spec.container.resources"),
        ((ended(0), DONE, DONE, ended(137, "OOMKilled")), "publish", "OutOfMemory", "spec.template.resources"),
        (
            (ended(0), DONE, DONE, ended(65, message='{"outcome":"Failed","reason":"ModelMissing","message":"none"}')),
            "publish", "ModelMissing", "none",
        ),
        (
            (ended(0), DONE, ended(1, message='{"outcome":"Failed","reason":"Approved","message":"lies"}'), AHEAD),
            "user", "UserCode", "lies",
        ),
    ],
)  # fmt: skip
def test_a_failure_is_told_by_the_container_that_failed(
    states: tuple[Any, ...], container: str, reason: str, says: str
) -> None:
    failure = classify(JobFacts("j", "u", failed=True, pods=(pod_facts(pod(*states)),)))
    assert (failure.container, failure.reason) == (container, reason)
    assert says in failure.message


@pytest.mark.parametrize(
    ("waiting", "reason"),
    [("ImagePullBackOff", "ImagePull"), ("CreateContainerConfigError", "ContainerConfig"), ("PodInitializing", None)],
)
def test_an_image_that_cannot_be_had_is_seen_while_the_pod_is_pending(waiting: str, reason: str | None) -> None:
    stuck = {"waiting": {"reason": waiting, "message": "no such image"}}
    found = obstacle(JobFacts("j", "u", active=1, pods=(pod_facts(pod(RUNS, DONE, stuck, AHEAD, "Pending")),)), NOW)
    assert (found.reason if found else None) == reason


def test_while_the_code_runs_no_earlier_container_speaks_for_the_pod() -> None:
    facts = pod_facts(pod(RUNS, DONE, RUNS, AHEAD, "Pending"))
    assert (facts.container, facts.exit_code) == ("user", None)


def test_the_image_of_a_run_is_that_of_its_code() -> None:
    assert pod_facts(pod(RUNS, DONE, RUNS, AHEAD)).image == "id-user"
    plain = {"containerStatuses": [{"name": "trainer", "imageID": "id-trainer", "state": RUNS}]}
    assert pod_facts({"metadata": {"name": "p", "uid": "u"}, "status": plain}).image == "id-trainer"
