"""The Job of one round of a search: an Indexed Job whose index is the trial. Created once, never applied again.

What a trial tries is the trainer's to work out; here it is only a number.
"""

from collections.abc import Mapping
from typing import Any

from perennial.api.records.task import ExitCode, Task
from perennial.desired.training_job import CONTAINER, JobOptions, TrainerImage, failure_rules, training_job

RETRIES_OF_A_TRIAL = 2


def round_job(
    owner: Mapping[str, Any],
    name: str,
    task: Task,
    image: TrainerImage,
    options: JobOptions,
    *,
    trials: int,
    parallelism: int,
) -> dict[str, Any]:
    """The Job that runs `trials` trials, `parallelism` at a time.

    A trial is tried again alone, and given up alone. When more than half of them are given up, something else than the
    parameters is wrong, and Kubernetes ends the Job.
    """
    job = training_job(owner, name, task, image, options)
    spec = {field: value for field, value in job["spec"].items() if field != "backoffLimit"}
    indexed = {
        "completionMode": "Indexed",
        "completions": trials,
        "parallelism": min(parallelism, trials),
        "backoffLimitPerIndex": RETRIES_OF_A_TRIAL,
        "maxFailedIndexes": trials // 2,
        "podFailurePolicy": {"rules": _rules(options.pod_failure_rules)},
    }
    return {**job, "spec": {**spec, **indexed}}


def _rules(users: tuple[Mapping[str, Any], ...]) -> list[dict[str, Any]]:
    """Refused data ends the whole search, the user's code one trial; the rest as for other Jobs."""
    disruption, _, *theirs = failure_rules(users)
    return [disruption, _on(ExitCode.DATA_REFUSED, "FailJob"), _on(ExitCode.USER_CODE, "FailIndex"), *theirs]


def _on(code: ExitCode, action: str) -> dict[str, Any]:
    return {"action": action, "onExitCodes": {"containerName": CONTAINER, "operator": "In", "values": [int(code)]}}
