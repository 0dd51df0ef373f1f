"""Brake: runs in 24 hours."""

from datetime import datetime, timedelta

from perennial.api.reasons import retraining
from perennial.policy.retrain.finding import Finding, free, held
from perennial.policy.retrain.overtaken import counted
from perennial.policy.retrain.snapshot import PolicySnapshot, TriggerKind

DAY = timedelta(hours=24)


def per_day(policy: PolicySnapshot, trigger: TriggerKind, now: datetime) -> Finding:
    """Holds while `maxPerDay` runs were started in the last 24 hours; a person's wish is not held."""
    most = policy.spec.brakes.max_per_day
    recent = sorted(r.started_at for r in counted(policy.runs) if r.started_at > now - DAY)
    told = f"{len(recent)} of at most {most} runs in 24 hours"
    if trigger != "Manual" and len(recent) >= most:
        return held(retraining.DAILY_LIMIT, told, recent[-most] + DAY)
    return free(retraining.DAILY_LIMIT, told)
