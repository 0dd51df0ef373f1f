"""One look at what storage holds for a policy: windows, cohorts, arrivals, counts. Judges nothing by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from perennial.api.fields import parse_time
from perennial.api.retrain_status import RunEntry
from perennial.policy.retrain.snapshot import NewDataFacts, PerformanceFacts
from perennial.reconcile.context import Context
from perennial.reconcile.retrain.arrivals import Listing, NotAllowed, list_source, new_objects, source_of
from perennial.reconcile.retrain.cohorts import Performance, judge
from perennial.reconcile.retrain.counting import Counted, new_rows, rows_after, time_column
from perennial.reconcile.retrain.drift_reports import is_due, keep
from perennial.reconcile.retrain.observed import Observed
from perennial.reconcile.retrain.soundness import NOTHING_BROKEN, Soundness, soundness
from perennial.reconcile.retrain.windows import Seen, watch
from perennial.reconcile.tasks import Standing
from perennial.store.errors import StorageError


@dataclass(frozen=True)
class Arrivals:
    """What has arrived at the watched URI."""

    listing: Listing | None = None
    facts: NewDataFacts | None = None
    counted: Counted | None = None
    trouble: str = ""


@dataclass(frozen=True)
class Looked:
    """What was found, and what could not be looked at."""

    windows: Seen | None
    performance: Performance
    arrivals: Arrivals
    labelled: Counted | None
    onset: datetime | None  # of the drift that lasts
    errands: Mapping[str, Standing]  # by purpose
    standings: tuple[Standing, ...]  # of all short Jobs that were looked at
    quality: Soundness
    report: str = ""  # URI of a drift report that was written
    trouble: str = ""  # what could not be looked at, in words
    unanswered: bool = False  # storage is to blame, and not the spec


async def look_around(seen: Observed, runs: list[RunEntry], ctx: Context) -> Looked:
    """Look at everything that the triggers name. What storage does not answer is left out and said."""
    windows, windows_trouble = await _windows(seen, runs, ctx)
    arrivals = await _arrivals(seen, ctx)
    performance, cohorts_trouble = await _performance(seen, ctx)
    onset = _onset(seen, windows)
    labelled, labels_trouble = await _labels(seen, _awaited(seen, onset, performance.facts), ctx)
    quality, quality_trouble = await _quality(seen, windows, ctx)
    report, report_trouble = await _report(seen, windows, ctx)
    troubles = (windows_trouble, cohorts_trouble, arrivals.trouble, labels_trouble, quality_trouble, report_trouble)
    unanswered = [t for t in troubles if t]
    told = "; ".join([*unanswered, *(t for t in (seen.unreached, performance.trouble) if t)])
    found = {
        "NewRows": (arrivals.counted.standing,) if arrivals.counted else (),
        "LabelledRows": (labelled.standing,) if labelled else (),
        "Cohort": performance.standings,
        "DataCheck": (quality.standing,) if quality.standing else (),
    }
    return Looked(
        windows,
        performance,
        arrivals,
        labelled,
        onset,
        errands=_errands(seen, found),
        standings=tuple(one for some in found.values() for one in some),
        quality=quality,
        report=report,
        trouble=told,
        unanswered=bool(unanswered),
    )


def _errands(seen: Observed, found: Mapping[str, tuple[Standing, ...]]) -> dict[str, Standing]:
    """What the short Jobs are for, the newest of each. A policy that will start nothing asks for none."""
    idle = seen.policy.spec.suspend or seen.older is not None
    newest = {name: some[-1] for name, some in found.items() if some}
    return {name: one for name, one in newest.items() if not (idle and one.state == "Owed")}


async def _quality(seen: Observed, windows: Seen | None, ctx: Context) -> tuple[Soundness, str]:
    try:
        return await soundness(seen, windows, ctx), ""
    except (StorageError, ValueError) as error:
        return NOTHING_BROKEN, f"the training data could not be checked: {error}"


async def _report(seen: Observed, windows: Seen | None, ctx: Context) -> tuple[str, str]:
    if windows is None or not is_due(seen, windows):
        return "", ""
    try:
        return await keep(seen, windows, ctx), ""
    except StorageError as error:
        return "", f"the drift report could not be written: {error}"


async def _windows(seen: Observed, runs: list[RunEntry], ctx: Context) -> tuple[Seen | None, str]:
    trigger = seen.policy.spec.triggers.drift
    if trigger is None or seen.deployment is None or seen.unreached:
        return None, ""
    try:
        return await watch(seen.deployment, trigger, runs, ctx), ""
    except (StorageError, ValueError) as error:
        return None, f"the windows could not be read: {error}"


async def _performance(seen: Observed, ctx: Context) -> tuple[Performance, str]:
    if seen.unreached:
        return Performance(), ""
    try:
        found = await judge(seen, ctx)
    except (StorageError, ValueError) as error:
        return Performance(), f"cohorts could not be judged: {error}"
    return found, ""


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
