"""What the decisions about a ModelTraining look at: frozen facts of its Jobs and Pods."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from perennial.policy.training.telling import image_of, telling


@dataclass(frozen=True, slots=True)
class PodFacts:
    """One pod of a Job, reduced to what explains it."""

    name: str
    uid: str
    phase: str
    ip: str = ""
    node: str = ""
    created: datetime | None = None
    deleting_since: datetime | None = None
    grace_seconds: int = 30
    waiting_reason: str = ""
    waiting_message: str = ""
    unschedulable: str = ""
    disrupted: str = ""
    exit_code: int | None = None
    exit_reason: str = ""
    termination_message: str = ""
    evicted: str = ""
    restarts: int = 0
    container: str = ""  # which of its containers these facts are about
    image: str = ""  # what its code was run from, as the node names it


@dataclass(frozen=True, slots=True)
class JobFacts:
    """One Job, reduced to what decides."""

    name: str
    uid: str
    suspended: bool = False
    active: int = 0
    complete: bool = False
    failed: bool = False
    failed_reason: str = ""
    failed_message: str = ""
    deleting: bool = False
    started: datetime | None = None
    finished: datetime | None = None
    pods: tuple[PodFacts, ...] = ()
    kind: str = "Job"  # or that of another controller, see policy/training/workload.py

    @property
    def done(self) -> bool:
        """Complete or failed: nothing of it will run again."""
        return self.complete or self.failed


def moment(value: str | None) -> datetime | None:
    """A Kubernetes timestamp as an aware datetime."""
    return datetime.fromisoformat(value) if value else None


def job_facts(job: Mapping[str, Any], pods: tuple[Mapping[str, Any], ...] = ()) -> JobFacts:
    """Facts of a batch/v1 Job and its pods, as the API server stores them."""
    status, metadata = job.get("status") or {}, job["metadata"]
    conditions = {c["type"]: c for c in status.get("conditions") or () if c.get("status") == "True"}
    failed = conditions.get("Failed") or conditions.get("FailureTarget")
    end = status.get("completionTime") or (conditions.get("Failed") or {}).get("lastTransitionTime")
    return JobFacts(
        name=metadata["name"],
        uid=metadata["uid"],
        suspended=bool((job.get("spec") or {}).get("suspend")),
        active=status.get("active") or 0,
        complete="Complete" in conditions,
        failed="Failed" in conditions,
        failed_reason=(failed or {}).get("reason", ""),
        failed_message=(failed or {}).get("message", ""),
        deleting="deletionTimestamp" in metadata,
        started=moment(status.get("startTime")),
        finished=moment(end),
        pods=tuple(sorted((pod_facts(p) for p in pods), key=lambda p: (p.created is None, p.created, p.name))),
    )


def pod_facts(pod: Mapping[str, Any]) -> PodFacts:
    """Facts of a core/v1 Pod of a Job, and of the container of it that explains how it stands."""
    metadata, status, spec = pod["metadata"], pod.get("status") or {}, pod.get("spec") or {}
    container = telling(status)
    state = container.get("state") or {}
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
    conditions = {c["type"]: c for c in status.get("conditions") or ()}
    scheduled, disruption = conditions.get("PodScheduled") or {}, conditions.get("DisruptionTarget") or {}
    return PodFacts(
        name=metadata["name"],
        uid=metadata["uid"],
        phase=status.get("phase", ""),
        ip=status.get("podIP", ""),
        node=spec.get("nodeName", ""),
        created=moment(metadata.get("creationTimestamp")),
        deleting_since=moment(metadata.get("deletionTimestamp")),
        grace_seconds=metadata.get("deletionGracePeriodSeconds") or 30,
        waiting_reason=waiting.get("reason", ""),
        waiting_message=waiting.get("message", ""),
        unschedulable=scheduled.get("message", "") if scheduled.get("reason") == "Unschedulable" else "",
        disrupted=disruption.get("reason", "") if disruption.get("status") == "True" else "",
        exit_code=ended.get("exitCode"),
        exit_reason=ended.get("reason", ""),
        termination_message=ended.get("message", ""),
        evicted=status.get("message", "") if status.get("reason") == "Evicted" else "",
        restarts=container.get("restartCount") or 0,
        container=container.get("name", ""),
        image=image_of(status),
    )
