"""Gathers everything that a retraining decision looks at."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from perennial.api.conditions import condition
from perennial.api.fields import parse_duration, parse_time
from perennial.api.group import RETRAIN
from perennial.api.retrain_status import RunEntry
from perennial.policy.retrain.snapshot import LabelFacts, NewDataFacts, PolicySnapshot, QualityFacts
from perennial.reconcile.context import Context
from perennial.reconcile.retrain.arrivals import Listing, NotAllowed, list_source, new_objects, source_of
from perennial.reconcile.retrain.observed import Observed, current_runs, past_runs, reset_at
from perennial.reconcile.retrain.windows import Seen, blocked_since, watch
from perennial.store.errors import StorageError


@dataclass(frozen=True)
class Gathered:
    """The snapshot, and what it was made from."""

    snapshot: PolicySnapshot
    runs: list[RunEntry]
    windows: Seen | None
    listing: Listing | None
    acted: dict[str, str]
    trouble: str = ""  # what could not be looked at, in words


async def gather(seen: Observed, ctx: Context) -> Gathered:
    """All facts about one policy. What storage does not answer is left out and said, never taken for quiet."""
    now = ctx.clock.now()
    runs = current_runs(seen)
    reset, acted = reset_at(seen, now)
    windows, windows_trouble = await _windows(seen, ctx)
    listing, arrived, arrivals_trouble = await _arrivals(seen, ctx)
    policy = seen.policy
    newest = seen.newest_run()
    features = windows.state.blocked if windows else ()
    snapshot = PolicySnapshot(
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
        new_data=arrived,
        labels=LabelFacts(countable=_has_time_column(seen)),
        quality=QualityFacts(features, blocked_since(windows.verdicts, features) if windows and features else None),
        manual=policy.metadata.annotations.get(RETRAIN, "")[:128] or None,
        manual_acted=policy.status.acted.get(RETRAIN),
        reset_at=reset,
        last_schedule=parse_time(policy.status.last_schedule) if policy.status.last_schedule else None,
    )
    trouble = "; ".join(t for t in (windows_trouble, arrivals_trouble) if t)
    return Gathered(snapshot, runs, windows, listing, acted, trouble)


async def _windows(seen: Observed, ctx: Context) -> tuple[Seen | None, str]:
    trigger = seen.policy.spec.triggers.drift
    if trigger is None or seen.deployment is None:
        return None, ""
    try:
        return await watch(seen.deployment, trigger, ctx), ""
    except (StorageError, ValueError) as error:
        return None, f"the windows could not be read: {error}"


async def _arrivals(seen: Observed, ctx: Context) -> tuple[Listing | None, NewDataFacts | None, str]:
    trigger = seen.policy.spec.triggers.new_data
    if trigger is None or seen.training_body is None:
        return None, None, ""
    newest = seen.newest_run()
    if newest is None:
        return None, None, ""  # the training's own first run comes first
    try:
        source = source_of(seen.training_body, trigger.uri)
        listing = await list_source(source, seen.namespace, ctx)
        digest = newest.status.run.digest if newest.status.run else None
        count = await new_objects(listing, seen.namespace, seen.model, digest, ctx)
    except (NotAllowed, StorageError) as error:
        return None, None, f"spec.triggers.newData: {error}"
    return listing, NewDataFacts(objects=count, checked_at=listing.at), ""


def _is_running(seen: Observed) -> bool:
    if seen.training is None:
        return False
    succeeded = condition(seen.training.status.conditions, "Succeeded")
    return succeeded is None or succeeded.status == "Unknown"


def _label_delay(seen: Observed) -> timedelta:
    labels = seen.deployment.spec.monitoring.labels if seen.deployment else None
    return parse_duration(labels.delay) if labels else timedelta(0)


def _has_time_column(seen: Observed) -> bool:
    features = seen.training.spec.data.features if seen.training else None
    return features is not None and features.time_column is not None


def soonest(now: datetime, *moments: datetime | None) -> float:
    """Seconds until the first of some moments, at least one."""
    known = [m for m in moments if m is not None]
    return max(1.0, (min(known) - now).total_seconds()) if known else 600.0
