"""Brake: `spec.suspend`."""

from datetime import datetime

from perennial.api.reasons import platform
from perennial.policy.retrain.finding import Finding, free, held
from perennial.policy.retrain.snapshot import PolicySnapshot, TriggerKind


def suspended(policy: PolicySnapshot, trigger: TriggerKind, now: datetime) -> Finding:
    """Holds everything, a person's wish too, until `spec.suspend` is false."""
    if policy.spec.suspend:
        return held(platform.SUSPENDED, "spec.suspend is true")
    return free(platform.SUSPENDED, "not suspended")
