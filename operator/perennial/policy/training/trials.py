"""Why trials of a search have no result, in words that say what to do. Pure."""

from dataclasses import replace

from perennial.api.records.task import ExitCode
from perennial.api.records.trial import LostTrial, TrialId
from perennial.policy.training.facts import JobFacts, PodFacts
from perennial.policy.training.failure import Failure, classify, classify_pod
from perennial.policy.training.search import TOO_MANY_FAILED


def lost_trial(trial: TrialId, job: JobFacts, index: int) -> LostTrial:
    """What is kept of a trial whose pods ended without a result. `index` is the Job's."""
    design, number = trial
    pods = [pod for pod in _failed(job) if pod.name.startswith(f"{job.name}-{index}-")]
    if not pods:
        return LostTrial(design=design, index=number, reason="TrainerFailed", message="its pods left no trace")
    failure = classify_pod(pods[-1])
    return LostTrial(design=design, index=number, reason=failure.reason, message=failure.message)


def round_failure(job: JobFacts, missing: int) -> Failure:
    """The class of a round's Job that has failed as a whole."""
    if job.complete:
        return Failure(
            "TrialsFailed",
            f"Job {job.name} is complete, but {missing} trials have left no result in storage; try again with "
            "perennial.dev/retry",
        )
    failed = _failed(job)
    refused = [pod for pod in failed if pod.exit_code == ExitCode.DATA_REFUSED]
    cause = classify(replace(job, pods=tuple(refused or failed)))
    if job.failed_reason != TOO_MANY_FAILED:
        return cause
    return Failure(
        "TrialsFailed",
        f"more than half of a round's trials were lost, so the search has ended early; the last one: {cause.message}",
        cause.exit_code,
        cause.pod,
    )


def _failed(job: JobFacts) -> list[PodFacts]:
    return [pod for pod in job.pods if pod.phase == "Failed" or pod.exit_code not in (None, 0)]
