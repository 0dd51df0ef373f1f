"""Gathers everything that a retraining decision looks at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from perennial.api.conditions import condition
from perennial.api.fields import parse_duration, parse_time
from perennial.api.group import RETRAIN
from perennial.api.retrain_status import RunEntry
from perennial.policy.retrain.snapshot import NewDataFacts, PerformanceFacts, PolicySnapshot, QualityFacts
from perennial.reconcile.context import Context
from perennial.reconcile.retrain.arrivals import Listing, NotAllowed, list_source, new_objects, source_of
from perennial.reconcile.retrain.cohorts import Performance, judge
from perennial.reconcile.retrain.counting import Counted, label_facts, new_rows, rows_after, time_column
from perennial.reconcile.retrain.observed import Observed, current_runs, past_runs, reset_at
from perennial.reconcile.retrain.windows import Seen, blocked_since, watch
from perennial.reconcile.tasks import Standing
from perennial.store.errors import StorageError


@dataclass(frozen=True)
class Gathered:
    """The snapshot, and what it was made from."""

    snapshot: PolicySnapshot
    runs: list[RunEntry]
    windows: Seen | None
    performance: Performance
    listing: Listing | None
    acted: dict[str, str]
    errands: Mapping[str, Standing]  # by purpose
    onset: datetime | None  # of the drift that lasts
    trouble: str = ""  # what could not be looked at, in words


@dataclass(frozen=True)
class Arrivals:
    """What has arrived at the watched URI."""

    listing: Listing | None = None
    facts: NewDataFacts | None = None
    counted: Counted | None = None
    trouble: str = ""


async def gather(seen: Observed, ctx: Context) -> Gathered:
    """All facts about one policy. What storage does not answer is left out and said, never taken for quiet."""
    now = ctx.clock.now()
    runs = current_runs(seen)
    reset, acted = reset_at(seen, now)
    windows, windows_trouble = await _windows(seen, runs, ctx)
    arrivals = await _arrivals(seen, ctx)
    performance, performance_trouble = await _performance(seen, ctx)
    onset = _onset(seen, windows)
    labelled, labels_trouble = await _labels(seen, _awaited(seen, onset, performance.facts), ctx)
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
        performance=performance.facts,
        new_data=arrivals.facts,
        labels=label_facts(seen, labelled),
        quality=QualityFacts(features, blocked_since(windows.verdicts, features) if windows and features else None),
        manual=policy.metadata.annotations.get(RETRAIN, "")[:128] or None,
        manual_acted=policy.status.acted.get(RETRAIN),
        reset_at=reset,
        last_schedule=parse_time(policy.status.last_schedule) if policy.status.last_schedule else None,
    )
    trouble = "; ".join(t for t in (windows_trouble, performance_trouble, arrivals.trouble, labels_trouble) if t)
    counted = {"NewRows": arrivals.counted, "LabelledRows": labelled}
    errands = {purpose: found.standing for purpose, found in counted.items() if found is not None}
    if performance.standing is not None:
        errands["Cohort"] = performance.standing
    return Gathered(snapshot, runs, windows, performance, arrivals.listing, acted, errands, onset, trouble)


async def _windows(seen: Observed, runs: list[RunEntry], ctx: Context) -> tuple[Seen | None, str]:
    trigger = seen.policy.spec.triggers.drift
    if trigger is None or seen.deployment is None:
        return None, ""
    try:
        return await watch(seen.deployment, trigger, runs, ctx), ""
    except (StorageError, ValueError) as error:
        return None, f"the windows could not be read: {error}"


async def _performance(seen: Observed, ctx: Context) -> tuple[Performance, str]:
    try:
        found = await judge(seen, ctx)
    except (StorageError, ValueError) as error:
        return Performance(), f"cohorts could not be judged: {error}"
    return found, found.trouble


def _awaited(seen: Observed, drift: datetime | None, performance: PerformanceFacts | None) -> datetime | None:
    """After when labelled rows are awaited: the onset, or the newest row that a retraining after it has had, for a
    second challenger with the same rows would be the first one again."""
    lost = performance.since if performance is not None and performance.state == "Lost" else None
    onset = min((t for t in (drift, lost) if t is not None), default=None)
    learnt = (t.status.data.end for t in seen.children.values() if t.status.version and t.status.data)
    return max([onset, *(parse_time(end) for end in learnt if end)]) if onset is not None else None


async def _arrivals(seen: Observed, ctx: Context) -> Arrivals:
    trigger = seen.policy.spec.triggers.new_data
    newest = seen.newest_run()
    if trigger is None or seen.training_body is None or newest is None:
        return Arrivals()  # the training's own first run comes first
    counted = None
    try:
        source = source_of(seen.training_body, trigger.uri)
        listing = await list_source(source, seen.namespace, ctx)
        digest = newest.status.run.digest if newest.status.run else None
        objects = await new_objects(listing, seen.namespace, seen.model, digest, ctx)
        if trigger.min_rows is not None and objects:
            counted = await new_rows(seen, source, listing, digest, ctx)
    except (NotAllowed, StorageError) as error:
        return Arrivals(trouble=f"spec.triggers.newData: {error}")
    return Arrivals(listing, _new_data(objects, counted, listing), counted)


def _new_data(objects: int, counted: Counted | None, listing: Listing) -> NewDataFacts:
    if counted is None:
        return NewDataFacts(objects, rows=None if objects else 0, checked_at=listing.at)
    found, standing = counted.found, counted.standing
    trouble = standing.message if standing.state == "Failed" else ""
    return NewDataFacts(objects, found.rows if found else None, listing.at, trouble)


async def _labels(seen: Observed, onset: datetime | None, ctx: Context) -> tuple[Counted | None, str]:
    """Labelled rows after the onset, counted only while something waits for them."""
    if onset is None or seen.training_body is None or time_column(seen) is None:
        return None, ""
    source = source_of(seen.training_body, None)
    try:
        listing = await list_source(source, seen.namespace, ctx)
    except NotAllowed:
        listing = None
    except StorageError as error:
        return None, f"labelled rows could not be counted: {error}"
    try:
        return await rows_after(seen, source, listing, onset, ctx), ""
    except StorageError as error:
        return None, f"labelled rows could not be counted: {error}"


def _onset(seen: Observed, windows: Seen | None) -> datetime | None:
    """When the drift began that lasts. The windows that judge move on with time; the onset does not."""
    if windows is None or windows.state.state not in ("Drifted", "InsufficientData"):
        return None
    old = seen.policy.status.drift
    if old is not None and old.since and old.artifact == windows.artifact:
        return parse_time(old.since)
    drifted = windows.state.state == "Drifted" and windows.state.since
    return parse_time(windows.state.since) if drifted and windows.state.since else None


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
