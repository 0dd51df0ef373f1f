"""Brake: broken data. A model should not learn from missing or mistyped values; but the loop must not lock."""

from datetime import datetime, timedelta

from perennial.api.reasons import retraining
from perennial.policy.retrain.finding import Finding, free, held
from perennial.policy.retrain.snapshot import PolicySnapshot, TriggerKind

LONGEST = timedelta(days=7)


def quality(policy: PolicySnapshot, trigger: TriggerKind, now: datetime) -> Finding:
    """Holds while missing or type rates are up, at most 7 days, or until the training data passes its own checks."""
    facts = policy.quality
    if trigger == "Manual":
        return free(retraining.DATA_QUALITY, "a person's wish is not held back by data quality")
    if not facts.features:
        return free(retraining.DATA_QUALITY, "missing and type rates are as in training")
    if facts.data_passes:
        return free(retraining.DATA_QUALITY, "the training data passes its own checks")
    end = (facts.since or now) + LONGEST
    named = ", ".join(facts.features[:5])
    if now >= end:
        return free(retraining.DATA_QUALITY, f"missing or type rates of {named} are up for more than 7 days")
    message = f"missing or type rates are up: {named}; annotate perennial.dev/retrain to train all the same"
    message += f"; {facts.told}" if facts.told else ""
    return held(retraining.DATA_QUALITY, message, end)
