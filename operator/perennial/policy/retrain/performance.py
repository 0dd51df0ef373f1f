"""Trigger: the model is worse at what really happened."""

from datetime import datetime

from perennial.api.reasons import retraining
from perennial.policy.retrain.finding import Fired, Idle
from perennial.policy.retrain.snapshot import PolicySnapshot


def performance(policy: PolicySnapshot, now: datetime) -> Fired | Idle:
    """Fires when performance is lost by two of three cohorts."""
    if policy.spec.triggers.performance is None:
        return Idle("Performance", "not asked for")
    facts = policy.performance
    if facts is None:
        return Idle("Performance", "no cohort is judged yet")
    if facts.state == "Lost":
        return Fired("Performance", retraining.PERFORMANCE, facts.message or "performance is lost")
    return Idle("Performance", f"{facts.state}: {facts.message}" if facts.message else facts.state)
