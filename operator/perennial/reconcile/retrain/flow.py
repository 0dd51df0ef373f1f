"""One look at a RetrainPolicy: gather, decide, record the intent, then make the child training.

The entry in `status.runs` is written before the child is made, and the child's name follows from it: a crash in
between is mended by the next look, and no decision ever makes two children.
"""

import pydantic

from perennial.api.fields import format_time, parse_time
from perennial.api.identities import digest_of
from perennial.api.retrain_status import DriftedSpan, RunEntry
from perennial.desired import names
from perennial.desired.child_training import PinnedData, child_training
from perennial.kube.resources import Ref
from perennial.policy.retrain.data_window import data_bounds
from perennial.policy.retrain.decide import Decision, decide
from perennial.reconcile.context import Context, Key
from perennial.reconcile.invalid import report_invalid
from perennial.reconcile.retrain import report
from perennial.reconcile.retrain.arrivals import NotAllowed, list_source, source_of
from perennial.reconcile.retrain.facts import Gathered, gather, soonest
from perennial.reconcile.retrain.history import superfluous
from perennial.reconcile.retrain.observed import Observed, observe
from perennial.reconcile.tasks import begin


async def reconcile(key: Key, ctx: Context) -> float | None:
    """Look at one RetrainPolicy.

    Returns:
        Seconds until the next look.
    """
    body = ctx.cache.get(key.kind, key.namespace, key.name)
    if body is None or "deletionTimestamp" in body["metadata"]:
        return None
    try:
        seen = observe(body, ctx.cache)
    except pydantic.ValidationError as error:
        await report_invalid(body, error, ctx)
        return None
    gathered = await gather(seen, ctx)
    now = ctx.clock.now()
    decision = decide(gathered.snapshot, now)
    entry = _entry(seen, gathered, decision, ctx) if decision.action == "Retrain" else None
    runs = [*gathered.runs, entry] if entry else gathered.runs
    await report.write(seen, gathered, decision, runs, ctx)
    for owed in (r for r in runs if r.outcome == "Running" and r.uid is None and r.training not in seen.children):
        await _make(seen, gathered, owed, ctx)
    for standing in gathered.looked.errands.values():
        if standing.state == "Owed":
            await begin(standing.errand, ctx)
    for child in superfluous(seen.children, runs, seen.policy.spec.history):
        await ctx.kube.delete(Ref("ModelTraining", seen.namespace, child.metadata.name), child.metadata.uid)
    return soonest(now, decision.next_check, gathered.looked.windows.next_look if gathered.looked.windows else None)


def _entry(seen: Observed, gathered: Gathered, decision: Decision, ctx: Context) -> RunEntry:
    metadata = seen.policy.metadata
    at = format_time(ctx.clock.now().replace(microsecond=0))
    identity = digest_of(
        {
            "policy": metadata.uid,
            "trigger": decision.trigger,
            "repeats": decision.repeats,
            "manual": gathered.snapshot.manual if decision.trigger == "Manual" else None,
            "after": gathered.runs[-1].decision if gathered.runs else None,
            "at": at,
        }
    )[7:23]
    return RunEntry(
        training=names.child_training(metadata.name, metadata.uid, identity),
        decision=identity,
        trigger=decision.trigger or "",
        reason=decision.message,
        started_at=at,
        repeats=decision.repeats,
        drifted=_drifted(gathered) if "Drift" in decision.triggers else _drifted_before(gathered, decision),
    )


def _drifted_before(gathered: Gathered, decision: Decision) -> DriftedSpan | None:
    """A repetition is for the same windows."""
    return next((r.drifted for r in gathered.runs if r.training == decision.repeats), None)


def _drifted(gathered: Gathered) -> DriftedSpan | None:
    windows = gathered.looked.windows
    if windows is None or windows.state.since is None:
        return None
    return DriftedSpan(artifact=windows.artifact, start=windows.state.since, end=windows.verdicts[-1].end)


async def _make(seen: Observed, gathered: Gathered, entry: RunEntry, ctx: Context) -> None:
    """Make the child that an entry owes; finding it there is as good."""
    if seen.training_body is None:
        return
    data = await _pinned(seen, gathered, entry, ctx)
    manifest = child_training(
        seen.body,
        seen.training_body,
        decision=entry.decision or entry.training,
        trigger=entry.trigger,
        reason=entry.reason,
        data=data,
    )
    await ctx.kube.create(manifest)


async def _pinned(seen: Observed, gathered: Gathered, entry: RunEntry, ctx: Context) -> PinnedData:
    """Row bounds and digest of what the child reads; without a listing (data elsewhere) only the bounds."""
    assert seen.training_body is not None  # noqa: S101  the caller looked
    bounds = data_bounds(gathered.snapshot, parse_time(entry.started_at))
    source = source_of(seen.training_body, None)
    if seen.policy.spec.data is None:  # the training's own bounds stand
        start, end = source.start, source.end
    else:
        start = format_time(bounds.start) if bounds.start else None
        end = format_time(bounds.end) if bounds.end else None
    try:
        listing = await list_source(source, seen.namespace, ctx)
    except NotAllowed:
        return PinnedData(start=start, end=end)
    return PinnedData(listing.digest(start, end) if listing.objects else None, start, end)
