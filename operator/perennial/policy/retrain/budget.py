"""Brake: what retraining may cost."""

from datetime import datetime, timedelta

from perennial.api.fields import parse_duration
from perennial.api.reasons import retraining
from perennial.policy.retrain.finding import Finding, free, held
from perennial.policy.retrain.snapshot import DaySpent, PastRun, PolicySnapshot, TriggerKind

RECENT = 3
DAY = timedelta(days=1)


def budget(policy: PolicySnapshot, trigger: TriggerKind, now: datetime) -> Finding:
    """Holds while what was used, what runs under way may use and one more run exceed the budget. A person's too."""
    limit = policy.spec.brakes.budget
    if limit is None:
        return free(retraining.BUDGET_SPENT, "no budget is set")
    period = parse_duration(limit.per)
    counted = [r for r in policy.runs if r.started_at > now - period]
    tasks = _tasks(policy, now - period)
    expected = expected_cost(policy.runs)
    allowed = limit.cpu_hours * 3600
    used = sum(_reserved(r, expected) for r in counted) + sum(t.cpu_seconds for t in tasks)
    told = f"{used / 3600:.2f} of {limit.cpu_hours:g} CPU hours used or reserved in {limit.per}"
    if used < allowed and used + expected <= allowed:
        return free(retraining.BUDGET_SPENT, told)
    if expected > allowed:
        return held(retraining.BUDGET_SPENT, f"one run needs about {expected / 3600:.2f} CPU hours; {told}")
    return held(
        retraining.BUDGET_SPENT,
        f"{told}, one more run needs about {expected / 3600:.2f}",
        _freed(counted, tasks, period),
    )


def expected_cost(runs: tuple[PastRun, ...]) -> float:
    """CPU seconds that a run may need: the most that one of the last three finished runs used; 0 before the first."""
    known = [r.cpu_seconds for r in runs if r.outcome != "Running" and r.cpu_seconds is not None]
    return max(known[-RECENT:], default=0.0)


def used_seconds(policy: PolicySnapshot, now: datetime) -> float:
    """CPU seconds of the runs and short Jobs within the budget's period (7 days without a budget)."""
    limit = policy.spec.brakes.budget
    period = parse_duration(limit.per if limit else "7d")
    runs = sum(r.cpu_seconds or 0.0 for r in policy.runs if r.started_at > now - period)
    return runs + sum(t.cpu_seconds for t in _tasks(policy, now - period))


def _tasks(policy: PolicySnapshot, since: datetime) -> list[DaySpent]:
    """Days of which any part lies in the period count whole."""
    return [t for t in policy.tasks if t.start + DAY > since]


def _reserved(run: PastRun, expected: float) -> float:
    spent = run.cpu_seconds or 0.0
    return max(spent, expected) if run.outcome == "Running" else spent


def _freed(counted: list[PastRun], tasks: list[DaySpent], period: timedelta) -> datetime | None:
    """When the oldest counted run, or day of short Jobs, leaves the period."""
    leave = [r.started_at + period for r in counted] + [t.start + DAY + period for t in tasks]
    return min(leave, default=None)
