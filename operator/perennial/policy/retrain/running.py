"""Brake: runs under way."""

from datetime import datetime

from perennial.api.reasons import retraining
from perennial.policy.retrain.finding import Finding, free, held
from perennial.policy.retrain.snapshot import PolicySnapshot, TriggerKind


def running(policy: PolicySnapshot, trigger: TriggerKind, now: datetime) -> Finding:
    """Holds while `maxConcurrent` children, or a run of the training itself, are under way."""
    if policy.training_running:
        name = policy.spec.training_ref.name
        return held(retraining.ALREADY_RUNNING, f"ModelTraining {name} has a run of its own under way")
    under_way = [r.training for r in policy.runs if r.outcome == "Running"]
    most = policy.spec.brakes.max_concurrent
    if len(under_way) >= most:
        return held(retraining.ALREADY_RUNNING, f"{', '.join(under_way)} under way; brakes.maxConcurrent is {most}")
    return free(retraining.ALREADY_RUNNING, f"{len(under_way)} of at most {most} runs under way")
