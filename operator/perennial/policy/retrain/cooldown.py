"""Brake: the time between two runs."""

from datetime import datetime, timedelta

from perennial.api.fields import format_duration, format_time, parse_duration
from perennial.api.reasons import retraining
from perennial.policy.retrain.finding import Finding, free, held
from perennial.policy.retrain.overtaken import counted
from perennial.policy.retrain.refusals import refusals
from perennial.policy.retrain.snapshot import PastRun, PolicySnapshot, TriggerKind

SHORTEST = timedelta(hours=24)
LONGEST = timedelta(days=30)


def cooldown(policy: PolicySnapshot, trigger: TriggerKind, now: datetime) -> Finding:
    """Holds until the cooldown after the newest run is over; a person's wish is not held."""
    if trigger == "Manual":
        return free(retraining.COOLDOWN, "a person's wish is not held back by the cooldown")
    runs = counted(policy.runs)
    if not runs:
        return free(retraining.COOLDOWN, "no run yet")
    last = max(runs, key=_ended)
    length = cooldown_length(policy, trigger)
    end = _ended(last) + length
    told = f"{format_duration(length)} after {last.training}"
    if now < end:
        return held(retraining.COOLDOWN, f"{told}, until {format_time(end)}", end)
    return free(retraining.COOLDOWN, f"over: {told}")


def cooldown_length(policy: PolicySnapshot, trigger: TriggerKind) -> timedelta:
    """As written; `auto`: max(24 h, 2 × the last training), doubled by each refused challenger of this trigger."""
    written = policy.spec.brakes.cooldown
    if written != "auto":
        return parse_duration(written)
    finished = [r for r in counted(policy.runs) if r.outcome != "Running"]
    base = max(SHORTEST, 2 * _duration(finished[-1]) if finished else SHORTEST)
    doubled: timedelta = base * 2 ** min(refusals(policy, trigger), 16)
    return max(base, min(doubled, LONGEST))


def _ended(run: PastRun) -> datetime:
    return run.finished_at or run.started_at


def _duration(run: PastRun) -> timedelta:
    if run.wall_seconds is not None:
        return timedelta(seconds=run.wall_seconds)
    return run.finished_at - run.started_at if run.finished_at else timedelta(0)
