"""Brake: what retraining may cost."""

from datetime import datetime, timedelta

from perennial.api.fields import parse_duration
from perennial.api.reasons import retraining
from perennial.policy.retrain.finding import Finding, free, held
from perennial.policy.retrain.snapshot import PastRun, PolicySnapshot, TriggerKind

RECENT = 3


def budget(policy: PolicySnapshot, trigger: TriggerKind, now: datetime) -> Finding:
    """Holds while what was used, what runs under way may use and one more run exceed the budget. A person's too."""
    limit = policy.spec.brakes.budget
    if limit is None:
        return free(retraining.BUDGET_SPENT, "no budget is set")
    period = parse_duration(limit.per)
    counted = [r for r in policy.runs if r.started_at > now - period]
    expected = expected_cost(policy.runs)
    allowed = limit.cpu_hours * 3600
    used = sum(_reserved(r, expected) for r in counted)
    told = f"{used / 3600:.2f} of {limit.cpu_hours:g} CPU hours used or reserved in {limit.per}"
    if used < allowed and used + expected <= allowed:
        return free(retraining.BUDGET_SPENT, told)
    if expected > allowed:
        return held(retraining.BUDGET_SPENT, f"one run needs about {expected / 3600:.2f} CPU hours; {told}")
    return held(
        retraining.BUDGET_SPENT, f"{told}, one more run needs about {expected / 3600:.2f}", _freed(counted, period)
    )


def expected_cost(runs: tuple[PastRun, ...]) -> float:
    """CPU seconds that a run may need: the most that one of the last three finished runs used; 0 before the first."""
    known = [r.cpu_seconds for r in runs if r.outcome != "Running" and r.cpu_seconds is not None]
    return max(known[-RECENT:], default=0.0)


def used_seconds(policy: PolicySnapshot, now: datetime) -> float:
    """CPU seconds of the runs started within the budget's period (7 days without a budget)."""
    limit = policy.spec.brakes.budget
    period = parse_duration(limit.per if limit else "7d")
    return sum(r.cpu_seconds or 0.0 for r in policy.runs if r.started_at > now - period)


def _reserved(run: PastRun, expected: float) -> float:
    spent = run.cpu_seconds or 0.0
    return max(spent, expected) if run.outcome == "Running" else spent


def _freed(counted: list[PastRun], period: timedelta) -> datetime | None:
    """When the oldest counted run leaves the period."""
    return min((r.started_at + period for r in counted), default=None)
