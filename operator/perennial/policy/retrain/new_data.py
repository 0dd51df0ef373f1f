"""Trigger: new rows or objects at the watched URI."""

from datetime import datetime

from perennial.api.fields import parse_duration
from perennial.api.reasons import retraining
from perennial.policy.retrain.finding import Fired, Idle
from perennial.policy.retrain.snapshot import PolicySnapshot


def new_data(policy: PolicySnapshot, now: datetime) -> Fired | Idle:
    """Fires when `minObjects` (default 1) objects or `minRows` rows are new since the newest run's data."""
    trigger, facts = policy.spec.triggers.new_data, policy.new_data
    if trigger is None:
        return Idle("NewData", "not asked for")
    interval = parse_duration(trigger.poll_interval)
    look = now if facts is None or facts.checked_at is None else max(now, facts.checked_at + interval)
    if facts is None:
        return Idle("NewData", "not looked at yet", look)
    if trigger.min_rows is not None:
        if facts.rows is None:
            told = f"rows could not be counted: {facts.trouble}" if facts.trouble else "rows are being counted"
            return Idle("NewData", f"{facts.objects} new objects, {told}", look)
        told = f"{facts.rows} new rows of {trigger.min_rows} wanted"
        enough = facts.rows >= trigger.min_rows
    else:
        wanted = trigger.min_objects or 1
        told, enough = f"{facts.objects} new objects of {wanted} wanted", facts.objects >= wanted
    return Fired("NewData", retraining.NEW_DATA, told) if enough else Idle("NewData", told, look)
