"""Trigger: a person. Each value of the annotation acts once."""

from datetime import datetime

from perennial.api.reasons import retraining
from perennial.policy.retrain.finding import Fired, Idle
from perennial.policy.retrain.snapshot import PolicySnapshot


def manual(policy: PolicySnapshot, now: datetime) -> Fired | Idle:
    """Fires for a value of `perennial.dev/retrain` that was not acted on."""
    if policy.manual and policy.manual != policy.manual_acted:
        return Fired("Manual", retraining.MANUAL, f"perennial.dev/retrain is {policy.manual}")
    return Idle("Manual", "no new value of perennial.dev/retrain")
