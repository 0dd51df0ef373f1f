"""Why a Job failed, from what Kubernetes stores of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from perennial.api.records.task import ExitCode, Outcome
from perennial.policy.training.facts import JobFacts, PodFacts, job_facts, pod_facts
from perennial.policy.training.failure import classify, obstacle

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def pod(**state: Any) -> dict[str, Any]:
    status: dict[str, Any] = {"phase": "Failed", "containerStatuses": [{"state": state}]}
    return {"metadata": {"name": "p", "uid": "u", "creationTimestamp": "2026-03-01T00:00:00Z"}, "status": status}


def ended(code: int, reason: str = "Error", message: str = "") -> PodFacts:
    return pod_facts(pod(terminated={"exitCode": code, "reason": reason, "message": message}))


def refused() -> str:
    outcome = Outcome(
        outcome="Refused", reason="TargetConstant", message="target late holds one value", stage="validate"
    )
    return outcome.to_json().decode()


@pytest.mark.parametrize(
    ("facts", "reason", "says"),
    [
        (ended(137, "OOMKilled"), "OutOfMemory", "limits.memory"),
        (ended(ExitCode.DATA_REFUSED, message=refused()), "TargetConstant", "holds one value"),
        (ended(ExitCode.DATA_REFUSED), "DataRefused", "exit code 64"),
        (ended(ExitCode.USER_CODE, message="ValueError: no"), "UserCode", "ValueError: no"),
        (ended(ExitCode.STORAGE), "StorageUnavailable", "exit code 75"),
        (ended(1, message="Traceback …"), "TrainerFailed", "Traceback"),
        (PodFacts("p", "u", "Failed", evicted="low on memory"), "Evicted", "low on memory"),
    ],
)
def test_each_end_has_its_class_and_says_what_to_do(facts: PodFacts, reason: str, says: str) -> None:
    failure = classify(JobFacts("j", "u", failed=True, pods=(facts,)))
    assert failure.reason == reason
    assert says in failure.message


def test_a_deadline_is_told_even_though_its_pod_was_killed() -> None:
    job = JobFacts("j", "u", failed=True, failed_reason="DeadlineExceeded", pods=(ended(137, "Error"),))
    assert classify(job).reason == "Deadline"


def test_a_failed_job_without_pods_still_says_something() -> None:
    failure = classify(JobFacts("j", "u", failed=True, failed_message="backoff limit"))
    assert failure.message == "backoff limit"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (pod_facts(pod(waiting={"reason": "ImagePullBackOff", "message": "not found"})), "ImagePull"),
        (
            pod_facts(pod(waiting={"reason": "CreateContainerConfigError", "message": 'secret "x"'})),
            "StorageAccessMissing",
        ),
        (PodFacts("p", "u", "Pending", unschedulable="0/1 nodes are available"), "Unschedulable"),
        (PodFacts("p", "u", "Running", node="n1", deleting_since=NOW - timedelta(seconds=61)), "NodeUnreachable"),
    ],
)
def test_what_keeps_a_job_from_running_is_told(facts: PodFacts, reason: str) -> None:
    found = obstacle(JobFacts("j", "u", active=1, pods=(facts,)), NOW)
    assert found is not None
    assert found.reason == reason


def test_a_pod_that_ends_within_its_grace_is_no_obstacle() -> None:
    leaving = PodFacts("p", "u", "Running", deleting_since=NOW - timedelta(seconds=59))
    assert obstacle(JobFacts("j", "u", pods=(leaving,)), NOW) is None


def test_the_newest_pod_tells_why() -> None:
    job = {"metadata": {"name": "j", "uid": "u"}, "status": {"conditions": [{"type": "Failed", "status": "True"}]}}
    old, new = pod(terminated={"exitCode": 75}), pod(terminated={"exitCode": 65})
    new["metadata"] = {**new["metadata"], "creationTimestamp": "2026-03-01T00:05:00Z"}
    assert classify(job_facts(job, (new, old))).reason == "UserCode"
