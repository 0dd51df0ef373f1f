"""Why a Job failed or does not get going, in words that say what to do. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pydantic

from perennial.api.records.contract import USER
from perennial.api.records.task import ExitCode, Outcome
from perennial.policy.training.facts import JobFacts, PodFacts

UNREACHABLE_AFTER = timedelta(seconds=60)
IMAGE_PULL = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
CONFIG = frozenset({"CreateContainerConfigError", "CreateContainerError"})
MAX_MESSAGE = 1024


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure class with what a person needs to act on it."""

    reason: str
    message: str
    exit_code: int | None = None
    pod: str = ""
    container: str = ""


def outcome_of(pod: PodFacts) -> Outcome | None:
    """The outcome that the trainer wrote as its termination message, if it did."""
    try:
        return Outcome.from_json(pod.termination_message)
    except pydantic.ValidationError:
        return None


def spent(job: JobFacts) -> float | None:
    """CPU seconds that the attempts of a Job have told, as far as their pods are still there; None: none has."""
    outcomes = [outcome_of(pod) for pod in job.pods]
    told = [o.cost["cpuSeconds"] for o in outcomes if o is not None and "cpuSeconds" in o.cost]
    return sum(told) if told else None


def classify(job: JobFacts) -> Failure:
    """The class of a failed Job, from its conditions and its newest finished pod."""
    if job.failed_reason == "DeadlineExceeded":
        return Failure(
            "Deadline",
            "spec.activeDeadlineSeconds passed before the run was finished; raise it, or give the pod more CPU "
            "in spec.template.resources",
        )
    ended = [p for p in job.pods if p.exit_code is not None or p.phase == "Failed"]
    if not ended:
        return Failure("JobFailed", _first_of(job.failed_message, "the Job failed and left no pod to look at"))
    return classify_pod(ended[-1])


def classify_pod(pod: PodFacts) -> Failure:
    """The class of one failed pod."""
    return replace(_class_of(pod), exit_code=pod.exit_code, pod=pod.name, container=pod.container)


def _class_of(pod: PodFacts) -> Failure:
    if pod.exit_reason == "OOMKilled":
        limit = "spec.container.resources" if pod.container == USER else "spec.template.resources"
        return Failure(
            "OutOfMemory",
            f"the pod used more memory than {limit}.limits.memory allows and was killed; raise the limit, or read "
            "fewer columns with spec.data.features.include",
        )
    if pod.evicted or pod.disrupted:
        why = pod.evicted or pod.disrupted
        return Failure("Evicted", f"the pod was evicted ({why}); evictions spend no retry")
    if pod.container == USER:  # what it writes is read as text: no reason of ours is taken from it
        return Failure("DataRefused" if pod.exit_code == ExitCode.DATA_REFUSED else "UserCode", _tail(pod))
    outcome = outcome_of(pod)
    if outcome is not None and outcome.reason:
        return Failure(outcome.reason, outcome.message[:MAX_MESSAGE])
    return Failure(_reason_of_code(pod.exit_code), _tail(pod))


def _reason_of_code(code: int | None) -> str:
    known = {
        ExitCode.DATA_REFUSED: "DataRefused",
        ExitCode.USER_CODE: "UserCode",
        ExitCode.STORAGE: "StorageUnavailable",
    }
    return known.get(ExitCode(code), "TrainerFailed") if code in set(ExitCode) else "TrainerFailed"


def _tail(pod: PodFacts) -> str:
    """The last lines of the log, which Kubernetes puts into the termination message on an error."""
    text = pod.termination_message.strip()
    lead = f"{_who(pod.container)} ended with exit code {pod.exit_code}"
    if text:
        return f"{lead}; its last lines: …{text[-700:]}"
    where = f"{pod.name} -c {pod.container}" if pod.container else pod.name
    return f"{lead} and wrote nothing; see kubectl logs {where}"


def _who(container: str) -> str:
    return "the code of spec.container" if container == USER else "the trainer"


def _first_of(*texts: str) -> str:
    return next(t for t in texts if t)


def obstacle(job: JobFacts, now: datetime) -> Failure | None:
    """What keeps an unfinished Job from running, if something does."""
    for pod in job.pods:
        found = _obstacle_of(pod, now)
        if found is not None:
            return found
    return None


def _obstacle_of(pod: PodFacts, now: datetime) -> Failure | None:
    if pod.deleting_since and now > pod.deleting_since + UNREACHABLE_AFTER:
        return Failure(
            "NodeUnreachable",
            f"pod {pod.name} on node {pod.node} should have ended and did not; if the node is gone for good, "
            f"delete it (kubectl delete node {pod.node}) or the pod (kubectl delete pod {pod.name} --force)",
            pod=pod.name,
        )
    if pod.waiting_reason in IMAGE_PULL:
        return Failure(
            "ImagePull",
            f"pod {pod.name} cannot get its image: {pod.waiting_message or pod.waiting_reason}; check the image "
            "name, the registry and spec.template.imagePullSecrets",
            pod=pod.name,
        )
    if pod.waiting_reason in CONFIG and pod.container == USER:
        told = f"spec.container of pod {pod.name} cannot start: {pod.waiting_message}"
        return Failure("ContainerConfig", told, pod=pod.name)
    if pod.waiting_reason in CONFIG:
        return Failure("StorageAccessMissing", f"pod {pod.name} cannot start: {pod.waiting_message}", pod=pod.name)
    if pod.unschedulable:
        return Failure("Unschedulable", f"no node takes pod {pod.name}: {pod.unschedulable}", pod=pod.name)
    return None
