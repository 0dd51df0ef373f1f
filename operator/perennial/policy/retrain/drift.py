"""Trigger: requests or answers have moved away from training."""

from datetime import datetime

from perennial.api.reasons import retraining
from perennial.policy.retrain.finding import Fired, Idle
from perennial.policy.retrain.snapshot import PolicySnapshot


def drift(policy: PolicySnapshot, now: datetime) -> Fired | Idle:
    """Fires in state Drifted; a warning, acknowledged drift and too little data do not."""
    if policy.spec.triggers.drift is None:
        return Idle("Drift", "not asked for")
    found = policy.drift
    if found is None:
        return Idle("Drift", "no window is closed yet")
    if found.state == "Drifted":
        return Fired("Drift", retraining.DRIFT, found.message or "drifted")
    return Idle("Drift", f"{found.state}: {found.message}" if found.message else found.state)
