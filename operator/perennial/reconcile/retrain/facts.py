"""Everything that a retraining decision looks at, put together from the objects and from storage."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from perennial.api.conditions import condition
from perennial.api.fields import parse_duration, parse_time
from perennial.api.group import RETRAIN
from perennial.api.retrain_status import RunEntry
from perennial.policy.retrain.snapshot import PolicySnapshot
from perennial.reconcile.context import Context
from perennial.reconcile.retrain.counting import label_facts
from perennial.reconcile.retrain.drift_reports import ASKED, wish
from perennial.reconcile.retrain.looks import Looked, look_around
from perennial.reconcile.retrain.observed import Observed, current_runs, past_runs, reset_at
from perennial.reconcile.retrain.spending import Ledger, ledger


@dataclass(frozen=True)
class Gathered:
    """The snapshot, and what it was made from."""

    snapshot: PolicySnapshot
    runs: list[RunEntry]
    looked: Looked
    acted: dict[str, str]
    ledger: Ledger


async def gather(seen: Observed, ctx: Context) -> Gathered:
    """All facts about one policy. What storage does not answer is left out and said, never taken for quiet."""
    runs = current_runs(seen)
    reset, acted = reset_at(seen, ctx.clock.now())
    looked = await look_around(seen, runs, ctx)
    if looked.report and wish(seen):
        acted = {**acted, ASKED: wish(seen)}
    costs = ledger(seen.policy.status.budget, looked.standings, ctx.clock.now())
    return Gathered(_snapshot(seen, runs, looked, reset, costs), runs, looked, acted, costs)


def _snapshot(
    seen: Observed, runs: list[RunEntry], looked: Looked, reset: datetime | None, costs: Ledger
) -> PolicySnapshot:
    policy, windows, newest = seen.policy, looked.windows, seen.newest_run()
    return PolicySnapshot(
        name=policy.metadata.name,
        spec=policy.spec,
        created_at=parse_time(policy.metadata.creation_timestamp or "1970-01-01T00:00:00Z"),
        training_exists=seen.training is not None,
        deployment_exists=seen.deployment is not None or policy.spec.deployment_ref is None,
        older_policy=seen.older,
        training_running=_is_running(seen),
        run_rows=(newest.status.data.rows or 0) if newest and newest.status.data else 0,
        label_delay=_label_delay(seen).total_seconds(),
        runs=past_runs(runs, seen),
        drift=windows.state if windows else None,
        performance=looked.performance.facts,
        new_data=looked.arrivals.facts,
        labels=label_facts(seen, looked.labelled),
        quality=looked.quality.facts,
        tasks=costs.spent,
        manual=policy.metadata.annotations.get(RETRAIN, "")[:128] or None,
        manual_acted=policy.status.acted.get(RETRAIN),
        reset_at=reset,
        last_schedule=parse_time(policy.status.last_schedule) if policy.status.last_schedule else None,
    )


def _is_running(seen: Observed) -> bool:
    if seen.training is None:
        return False
    succeeded = condition(seen.training.status.conditions, "Succeeded")
    return succeeded is None or succeeded.status == "Unknown"


def _label_delay(seen: Observed) -> timedelta:
    labels = seen.deployment.spec.monitoring.labels if seen.deployment else None
    return parse_duration(labels.delay) if labels else timedelta(0)


def soonest(now: datetime, *moments: datetime | None) -> float:
    """Seconds until the first of some moments, at least one."""
    known = [m for m in moments if m is not None]
    return max(1.0, (min(known) - now).total_seconds()) if known else 600.0
