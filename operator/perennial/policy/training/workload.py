"""What the object of another controller (JobSet, RayJob, TrainJob) says, in the terms of a Job. Pure.

Each of these kinds tells its end in its own way; what follows from it is the same as for a Job.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from perennial.policy.training.facts import JobFacts, moment, pod_facts
from perennial.policy.training.failure import Failure, classify_pod

Body = Mapping[str, Any]

DEADLINE = Failure(
    "Deadline", "spec.activeDeadlineSeconds passed before the run was finished, and it was ended; raise it"
)


def workload_facts(body: Body, pods: tuple[Body, ...] = ()) -> JobFacts:
    """Facts of a JobSet, RayJob or TrainJob, and of those of its pods that are seen."""
    metadata = body["metadata"]
    facts = JobFacts(
        name=metadata["name"],
        uid=metadata["uid"],
        kind=body["kind"],
        suspended=bool((body.get("spec") or {}).get("suspend")),
        deleting="deletionTimestamp" in metadata,
        pods=tuple(sorted((pod_facts(p) for p in pods), key=lambda p: (p.created is None, p.created, p.name))),
    )
    return _END[body["kind"]](facts, body)


def is_expired(job: JobFacts, seconds: int | None, now: datetime) -> bool:
    """Whether an object that is at work has been so for longer than it may. Time in a queue does not count."""
    if seconds is None or job.started is None or job.done or job.suspended:
        return False
    return now > job.started + timedelta(seconds=seconds)


def why_failed(job: JobFacts) -> Failure:
    """The class of one that is over and left no run."""
    if job.failed_reason == "DeadlineExceeded":
        return DEADLINE
    if job.complete:
        return Failure(
            "NoRunPublished",
            f"{job.kind} {job.name} completed, and storage holds no run of this request; one of its containers has to "
            "end with python -m perennial.runtime.training.own publish",
        )
    ended = [p for p in job.pods if p.phase == "Failed" or p.exit_code]
    if not ended:
        words = ": ".join(part for part in (job.failed_reason, job.failed_message) if part)
        return Failure("JobFailed", f"{job.kind} {job.name} failed{': ' if words else ''}{words}")
    failure = classify_pod(ended[-1])
    if failure.reason == "OutOfMemory":
        told = f"pod {failure.pod} used more memory than its limit and was killed; raise it in spec.workload.template"
        return replace(failure, message=told)
    return failure


def _by_conditions(complete: str) -> Callable[[JobFacts, Body], JobFacts]:
    """The reader of a kind that tells its end in conditions: which one says that all is done."""

    def read(facts: JobFacts, body: Body) -> JobFacts:
        conditions = {c["type"]: c for c in (body.get("status") or {}).get("conditions") or ()}
        held = {name: c for name, c in conditions.items() if c.get("status") == "True"}
        failed, done = held.get("Failed"), held.get(complete)
        end = failed or done or {}
        return replace(
            facts,
            complete=done is not None,
            failed=failed is not None,
            failed_reason=(failed or {}).get("reason", ""),
            failed_message=(failed or {}).get("message", ""),
            started=None if facts.suspended else _let_go(conditions.get("Suspended"), body),
            finished=moment(end.get("lastTransitionTime")),
        )

    return read


def _let_go(suspended: Body | None, body: Body) -> datetime | None:
    """Since when it may work: made so, or let go by its queue."""
    if suspended is not None and suspended.get("status") == "False":
        return moment(suspended.get("lastTransitionTime"))
    return moment(body["metadata"].get("creationTimestamp"))


def _of_ray(facts: JobFacts, body: Body) -> JobFacts:
    """KubeRay tells the cluster's fate (`jobDeploymentStatus`) and that of the program in it (`jobStatus`)."""
    status = body.get("status") or {}
    ended = status.get("jobDeploymentStatus")
    lost = ended == "Failed" or (ended == "Complete" and status.get("jobStatus") in ("FAILED", "STOPPED"))
    return replace(
        facts,
        complete=ended == "Complete" and not lost,
        failed=lost,
        failed_reason=(status.get("reason") or status.get("jobStatus") or "") if lost else "",
        failed_message=status.get("message", "") if lost else "",
        started=moment(status.get("startTime")),
        finished=moment(status.get("endTime")) if ended in ("Complete", "Failed") else None,
    )


_END: Mapping[str, Callable[[JobFacts, Body], JobFacts]] = {
    "JobSet": _by_conditions("Completed"),
    "TrainJob": _by_conditions("Complete"),
    "RayJob": _of_ray,
}
