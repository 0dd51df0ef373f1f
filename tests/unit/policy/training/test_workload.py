"""What objects of other controllers say, in the terms of a Job."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from perennial.policy.training.facts import JobFacts, PodFacts
from perennial.policy.training.workload import is_expired, why_failed, workload_facts

MADE, LATER = "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"
AT = datetime(2026, 1, 1, 1, tzinfo=UTC)


def body(kind: str, status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "metadata": {"name": "m-1", "uid": "u", "creationTimestamp": MADE},
        "spec": spec,
        "status": status or {},
    }


def said(type_: str, status: str = "True", reason: str = "R", message: str = "M") -> dict[str, Any]:
    condition = {"type": type_, "status": status, "reason": reason, "message": message, "lastTransitionTime": LATER}
    return {"conditions": [condition]}


@pytest.mark.parametrize(
    ("given", "complete", "failed"),
    [
        (body("JobSet"), False, False),
        (body("JobSet", said("Completed")), True, False),
        (body("JobSet", said("Completed", "False")), False, False),
        (body("JobSet", said("Failed")), False, True),
        (body("JobSet", said("StartupPolicyCompleted")), False, False),
        (body("TrainJob", said("Complete")), True, False),
        (body("TrainJob", said("Completed")), False, False),
        (body("TrainJob", said("Failed")), False, True),
        (body("RayJob"), False, False),
        (body("RayJob", {"jobDeploymentStatus": "Running", "jobStatus": "SUCCEEDED"}), False, False),
        (body("RayJob", {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}), True, False),
        (body("RayJob", {"jobDeploymentStatus": "Complete", "jobStatus": "STOPPED"}), False, True),
        (body("RayJob", {"jobDeploymentStatus": "Failed", "reason": "AppFailed"}), False, True),
        (body("RayJob", {"jobDeploymentStatus": "Retrying", "jobStatus": "FAILED"}), False, False),
    ],
)
def test_each_kind_tells_its_end_in_its_own_way(given: dict[str, Any], complete: bool, failed: bool) -> None:
    facts = workload_facts(given)
    assert (facts.kind, facts.name, facts.uid) == (given["kind"], "m-1", "u")
    assert (facts.complete, facts.failed) == (complete, failed)


def test_time_in_a_queue_is_no_time_at_work() -> None:
    assert workload_facts(body("JobSet", suspend=True)).started is None
    assert workload_facts(body("JobSet")).started == datetime(2026, 1, 1, tzinfo=UTC)
    assert workload_facts(body("JobSet", said("Suspended", "False"))).started == AT
    assert workload_facts(body("RayJob", {"startTime": LATER})).started == AT
    assert workload_facts(body("RayJob")).started is None


@pytest.mark.parametrize(
    ("job", "seconds", "expired"),
    [
        (JobFacts("j", "u", started=AT), 60, True),
        (JobFacts("j", "u", started=AT), 3600, False),
        (JobFacts("j", "u", started=AT), None, False),
        (JobFacts("j", "u"), 60, False),
        (JobFacts("j", "u", started=AT, suspended=True), 60, False),
        (JobFacts("j", "u", started=AT, complete=True), 60, False),
    ],
)
def test_a_deadline_counts_from_the_start_of_the_work(job: JobFacts, seconds: int | None, expired: bool) -> None:
    assert is_expired(job, seconds, AT + timedelta(minutes=2)) is expired


def pod(**facts: Any) -> PodFacts:
    return PodFacts("p", "u", "Failed", container="main", **facts)


@pytest.mark.parametrize(
    ("job", "reason", "words"),
    [
        (JobFacts("j", "u", complete=True, kind="JobSet"), "NoRunPublished", "own publish"),
        (JobFacts("j", "u", failed=True, failed_reason="DeadlineExceeded"), "Deadline", "activeDeadlineSeconds"),
        (JobFacts("j", "u", failed=True, failed_reason="A", failed_message="b"), "JobFailed", "A: b"),
        (JobFacts("j", "u", failed=True, pods=(pod(exit_code=65),)), "UserCode", "exit code 65"),
        (JobFacts("j", "u", failed=True, pods=(pod(exit_code=64),)), "DataRefused", "exit code 64"),
        (
            JobFacts("j", "u", failed=True, pods=(pod(exit_code=137, exit_reason="OOMKilled"),)),
            "OutOfMemory",
            "spec.workload.template",
        ),
        (
            JobFacts("j", "u", failed=True, pods=(pod(exit_code=1), PodFacts("q", "v", "Succeeded", exit_code=0))),
            "TrainerFailed",
            "exit code 1",
        ),
    ],
)
def test_a_failure_has_the_class_that_its_pods_or_its_controller_tell(job: JobFacts, reason: str, words: str) -> None:
    failure = why_failed(job)
    assert failure.reason == reason
    assert words in failure.message
