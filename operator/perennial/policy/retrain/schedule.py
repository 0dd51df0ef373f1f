"""Trigger: the clock. However many moments were missed, there is one catch-up run."""

from datetime import datetime

from perennial.api.fields import format_time
from perennial.api.reasons import retraining
from perennial.policy.retrain.cron import latest_tick, next_tick
from perennial.policy.retrain.finding import Fired, Idle
from perennial.policy.retrain.snapshot import PolicySnapshot


def schedule(policy: PolicySnapshot, now: datetime) -> Fired | Idle:
    """Fires when a scheduled moment has passed since the last one that was acted on.

    Raises:
        InvalidSchedule: the line or the zone cannot be used.
    """
    due = due_moment(policy, now)
    if due is None:
        following = next_moment(policy, now)
        return Idle("Schedule", "no schedule" if following is None else f"next {format_time(following)}", following)
    return Fired("Schedule", retraining.SCHEDULE, f"scheduled for {format_time(due)}")


def due_moment(policy: PolicySnapshot, now: datetime) -> datetime | None:
    """The newest scheduled moment that was not acted on; a run for whatever reason acts on it."""
    trigger = policy.spec.triggers.schedule
    if trigger is None:
        return None
    since = max(policy.created_at, policy.last_schedule or policy.created_at)
    return latest_tick(trigger.cron, trigger.time_zone, since=since, until=now) if since < now else None


def next_moment(policy: PolicySnapshot, now: datetime) -> datetime | None:
    """The next scheduled moment, None without a schedule."""
    trigger = policy.spec.triggers.schedule
    return None if trigger is None else next_tick(trigger.cron, trigger.time_zone, now)
