"""Brake: the circuit that opens when challengers of a trigger are refused in a row."""

from datetime import datetime

from perennial.api.reasons import retraining
from perennial.policy.retrain.finding import Finding, free, held
from perennial.policy.retrain.refusals import refusals
from perennial.policy.retrain.snapshot import PolicySnapshot, TriggerKind


def circuit(policy: PolicySnapshot, trigger: TriggerKind, now: datetime) -> Finding:
    """Holds after `stopAfterRefused` refusals of the same kind of trigger; never a person's wish."""
    if trigger == "Manual":
        return free(retraining.CIRCUIT_OPEN, "a person's wish is not held back by the circuit")
    count, most = refusals(policy, trigger), policy.spec.brakes.stop_after_refused
    told = f"{count} challengers of trigger {trigger} refused since the last promotion"
    if count >= most:
        message = f"{told}; closed again by a promotion, an edit of the policy or the annotation perennial.dev/reset"
        return held(retraining.CIRCUIT_OPEN, message)
    return free(retraining.CIRCUIT_OPEN, f"{told}, at most {most}")
