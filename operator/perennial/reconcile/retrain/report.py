"""The status of a RetrainPolicy: what was seen, what limit, what was decided, when the next look is."""

from datetime import datetime
from math import isfinite
from typing import Literal

from perennial.api.conditions import Condition, with_condition
from perennial.api.fields import format_time
from perennial.api.group import RETRAIN
from perennial.api.retrain_status import (
    BudgetStatus,
    CohortStatus,
    DriftStatus,
    FeatureDrift,
    NewDataStatus,
    NextStatus,
    PerformanceStatus,
    PredictionDrift,
    RetrainPolicyStatus,
    RunEntry,
    TaskStatus,
    WindowStatus,
)
from perennial.policy.retrain.budget import used_seconds
from perennial.policy.retrain.decide import Decision
from perennial.reconcile.context import Context
from perennial.reconcile.retrain.facts import Gathered
from perennial.reconcile.retrain.observed import Observed
from perennial.reconcile.status import EventIntent, write_status
from perennial.stats.performance import CohortVerdict

WORST = 10


async def write(seen: Observed, gathered: Gathered, decision: Decision, runs: list[RunEntry], ctx: Context) -> None:
    """One status write for one look, with an event when a run is made or the drift state changes."""
    status = status_of(seen, gathered, decision, runs, ctx.clock.now())
    await write_status(ctx, seen.body, status.to_json_dict(), _events(seen, gathered, decision))


def status_of(
    seen: Observed, gathered: Gathered, decision: Decision, runs: list[RunEntry], now: datetime
) -> RetrainPolicyStatus:
    """The new status. Pure. Times that only say when we look again are not in it, or it would change at each look."""
    old, snapshot = seen.policy.status, gathered.snapshot
    acted = {**old.acted, **gathered.acted}
    schedule = old.last_schedule
    if decision.action == "Retrain":
        acted |= {RETRAIN: snapshot.manual} if snapshot.manual else {}
        schedule = format_time(decision.schedule_acted) if decision.schedule_acted else schedule
    return old.replace(
        conditions=_conditions(seen, gathered, decision, now),
        drift=_drift(gathered, old) or old.drift,
        quality=gathered.looked.quality.status,
        performance=_performance(gathered, old),
        new_data=_new_data(gathered),
        next=NextStatus(
            schedule=format_time(decision.schedule_next) if decision.schedule_next else None,
            earliest_allowed=format_time(decision.earliest_allowed.replace(microsecond=0))
            if decision.earliest_allowed
            else None,
            blocked_by=list(decision.blocked_by),
        ),
        tasks=_tasks(gathered, old),
        runs=runs,
        budget=_budget(gathered, now),
        last_schedule=schedule,
        acted=acted,
    )


def _tasks(gathered: Gathered, old: RetrainPolicyStatus) -> list[TaskStatus]:
    """What was asked, and what it cost: known from the pod as long as there is one, from the last status after it."""
    known = {t.job: t.cost_cpu_seconds for t in old.tasks}
    return [
        TaskStatus(
            purpose=purpose,
            job=standing.errand.name,
            state="Running" if standing.state == "Owed" else standing.state,
            message=standing.message,
            cost_cpu_seconds=known.get(standing.errand.name) if standing.cpu_seconds is None else standing.cpu_seconds,
        )
        for purpose, standing in gathered.looked.errands.items()
    ]


def _budget(gathered: Gathered, now: datetime) -> BudgetStatus | None:
    if gathered.snapshot.spec.brakes.budget is None:
        return None
    used = round(used_seconds(gathered.snapshot, now) / 3600, 4)
    costs = gathered.ledger
    return BudgetStatus(used_cpu_hours=used, tasks=list(costs.days), counted=list(costs.counted))


def _new_data(gathered: Gathered) -> NewDataStatus | None:
    facts, listing = gathered.snapshot.new_data, gathered.looked.arrivals.listing
    if facts is None or listing is None:
        return None
    return NewDataStatus(digest=listing.digest(), objects=facts.objects, rows=facts.rows)


def _drift(gathered: Gathered, old: RetrainPolicyStatus) -> DriftStatus | None:
    windows = gathered.looked.windows
    if windows is None:
        return None
    state = windows.state
    last = next((v for v in reversed(windows.verdicts)), None)
    features = [c for c in state.columns if c.role == "feature"][:WORST]
    prediction = next((c for c in state.columns if c.role == "prediction"), None)
    kept = old.drift.report if old.drift and old.drift.artifact == windows.artifact else None
    return DriftStatus(
        state=state.state,
        artifact=windows.artifact or None,
        since=format_time(gathered.looked.onset) if gathered.looked.onset else None,
        message=state.message,
        report=gathered.looked.report or kept,
        window=WindowStatus(start=last.start, end=last.end, rows=last.rows, effective_rows=round(last.effective_rows))
        if last
        else None,
        worst=[
            FeatureDrift(
                feature=c.name, score=_round(c.score), limit=_round(c.limit), alarms=f"{c.alarms}/{c.evaluated}"
            )
            for c in features
        ],
        prediction=PredictionDrift(
            score=_round(prediction.score),
            limit=_round(prediction.limit),
            alarms=f"{prediction.alarms}/{prediction.evaluated}",
        )
        if prediction
        else None,
    )


def _performance(gathered: Gathered, old: RetrainPolicyStatus) -> PerformanceStatus | None:
    if gathered.snapshot.spec.triggers.performance is None:
        return None
    found = gathered.looked.performance
    if found.state is None:
        return old.performance
    cohorts = [_cohort(c) for c in found.judged]
    last = cohorts[-1] if cohorts else CohortStatus(start="", end="")
    return PerformanceStatus(
        cohort=last if cohorts else None,
        value=last.value,
        lower=last.lower,
        upper=last.upper,
        state=found.state.state,
        message=found.state.message,
        artifact=found.artifact or None,
        since=found.state.since,
        judged=cohorts,
    )


def _cohort(verdict: CohortVerdict) -> CohortStatus:
    bounds = (verdict.value, verdict.lower, verdict.upper)
    value, lower, upper = (None if v is None or not isfinite(v) else _round(v) for v in bounds)
    return CohortStatus(
        start=verdict.start,
        end=verdict.end,
        predictions=verdict.predictions,
        labels=verdict.labels,
        coverage=_round(verdict.coverage),
        value=value,
        lower=lower,
        upper=upper,
        state=verdict.state,
        message=verdict.message,
    )


def _conditions(seen: Observed, gathered: Gathered, decision: Decision, now: datetime) -> list[Condition]:
    windows = gathered.looked.windows
    stalled = decision.action == "Stalled"
    message = "; ".join(t for t in (decision.message, gathered.looked.trouble) if t)
    ready = not stalled and not gathered.looked.trouble
    blamed = "StorageUnavailable" if gathered.looked.unanswered else "SpecInvalid"
    drifted = windows.state.state if windows else None
    rows: list[tuple[str, bool | Literal["True", "False", "Unknown"], str, str]] = [
        ("Ready", ready, decision.reason if stalled or ready else blamed, message),
        ("RetrainAllowed", decision.action in ("Retrain", "Wait"), decision.reason, message),
        ("Stalled", stalled, decision.reason, message),
    ]
    if drifted is not None and windows is not None:
        known: Literal["True", "False", "Unknown"] = "True" if drifted == "Drifted" else "False"
        rows.append(
            ("DriftDetected", "Unknown" if drifted == "InsufficientData" else known, drifted, windows.state.message)
        )
    conditions = seen.policy.status.conditions
    for type_, on, reason, told in rows:
        conditions = with_condition(
            conditions, type_, on, reason, told, generation=seen.policy.metadata.generation, now=now
        )
    return conditions


def _events(seen: Observed, gathered: Gathered, decision: Decision) -> list[EventIntent]:
    events = []
    if decision.action == "Retrain":
        events.append(EventIntent("Normal", "RetrainStarted", "Retrain", f"{decision.trigger}: {decision.message}"))
    before = seen.policy.status.drift.state if seen.policy.status.drift else None
    windows = gathered.looked.windows
    if windows is not None and windows.state.state != before and windows.state.state == "Drifted":
        report = f"; report: {gathered.looked.report}" if gathered.looked.report else ""
        events.append(EventIntent("Warning", "Drifted", "Watch", f"{windows.state.message}{report}"))
    return events


def _round(value: float) -> float:
    return float(f"{value:.4g}")
