"""Drift of a served model: the servers' window files added up once, judged against the reference of their version.

Reads object storage; the statistics are in perennial.stats.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from perennial.api import ModelDeployment
from perennial.api.fields import format_time, parse_duration, parse_time
from perennial.api.records.profile import Profile
from perennial.api.records.window import WindowRecord
from perennial.api.retrain import DriftTrigger
from perennial.api.retrain_status import DriftedSpan, RunEntry
from perennial.reconcile.context import Context
from perennial.reconcile.registries import in_store, registry, store_of
from perennial.stats.drift import evaluate_window, typical_effects
from perennial.stats.drift_state import drift_state
from perennial.stats.verdicts import DriftOptions, DriftState, WindowVerdict
from perennial.stats.windows import LONGEST, SETTLE, acknowledged_until, closed_windows, sum_slots, sum_windows
from perennial.store.layout import WindowKeys
from perennial.store.registry import Registry
from perennial.store.windows import Windows

LOOK_BACK = LONGEST + timedelta(days=1)
JUDGED = 12
"""Windows that are judged again at each look: enough for 2 of 3, however few of them had rows enough."""


@dataclass(frozen=True)
class Seen:
    """What the windows of the stable version say."""

    state: DriftState
    verdicts: tuple[WindowVerdict, ...]
    next_look: datetime | None  # when the next window may close
    artifact: str = ""  # digest of the model that was asked
    profile: Profile | None = None  # its reference
    records: tuple[WindowRecord, ...] = ()  # what was judged, one a verdict


@lru_cache(maxsize=4096)
def _total(windows: Windows, start: datetime) -> WindowRecord | None:
    """One closed slot, summed over pods; written once, so that late files change nothing that was judged."""
    held = windows.total(start)
    if held is not None:
        return WindowRecord.from_json(held)
    records = [WindowRecord.from_json(file.body) for file in windows.files(start)]
    if not records:
        return None
    return WindowRecord.from_json(windows.put_total(start, sum_windows(records).to_json()))


_known: dict[tuple[str, WindowKeys], Windows] = {}
"""The windows of each watched artifact, so that what was read of them is remembered by identity."""


def windows_of(ctx: Context, keys: WindowKeys) -> Windows:
    """The windows of a served model, the same object each time. Its methods block."""
    return _known.setdefault((ctx.config.registry, keys), Windows(store_of(ctx), keys))


@lru_cache(maxsize=64)
def _profile(models: Registry, run_digest: str) -> Profile | None:
    run = models.runs.read(run_digest)
    file = run.files.get("profile.json") if run else None
    return Profile.from_json(models.runs.content(file)) if file else None


async def watch(deployment: ModelDeployment, trigger: DriftTrigger, runs: list[RunEntry], ctx: Context) -> Seen | None:
    """Judge what the stable version was asked lately; None when nothing serves or it has no reference.

    Args:
        runs: earlier retrainings; what a refused one was to mend is acknowledged.

    Raises:
        StorageError: storage did not answer.
    """
    stable, model = deployment.status.stable, deployment.spec.model.name
    if stable is None or not stable.artifact or not stable.run_digest or model is None:
        return None
    keys = WindowKeys(deployment.metadata.namespace, deployment.metadata.uid, stable.artifact)
    models, run_digest = registry(ctx, deployment.metadata.namespace, model), stable.run_digest
    slot = parse_duration(deployment.spec.monitoring.window)
    now = ctx.clock.now()
    windows, span = windows_of(ctx, keys), acknowledged(runs, stable.artifact, now)
    seen = await in_store(ctx, lambda: _judge(windows, models, run_digest, trigger, slot, span, now))
    return replace(seen, artifact=stable.artifact) if seen else None


def _judge(
    windows: Windows,
    models: Registry,
    run_digest: str,
    trigger: DriftTrigger,
    slot: timedelta,
    span: DriftedSpan | None,
    now: datetime,
) -> Seen | None:
    profile = _profile(models, run_digest)
    if profile is None:
        return None
    options = options_of(trigger)
    starts = [s for s in windows.slots() if s > now - LOOK_BACK]
    slots = list(closed_slots(windows, starts, slot, now))
    closed = closed_windows(slots, now=now, window=parse_duration(trigger.window), min_samples=options.min_samples)
    second = _sum_of(windows, span, slot, now) if span else None
    verdicts: list[WindowVerdict] = []
    last = closed[-JUDGED:]
    for window in last:
        usual = typical_effects(verdicts)
        verdicts.append(evaluate_window(profile, window, options, acknowledged=second, usual_effects=usual))
    run = models.runs.read(run_digest)
    state = _told(drift_state(verdicts, options, importances=run.importances if run else {}), span)
    open_ends = [s + slot + SETTLE for s in starts if s + slot + SETTLE > now]
    next_look = min(open_ends, default=now + slot + SETTLE)
    return Seen(state, tuple(verdicts), next_look, profile=profile, records=tuple(last))


def acknowledged(runs: list[RunEntry], artifact: str, now: datetime) -> DriftedSpan | None:
    """The newest drift of a model that a refused challenger has shown to be no reason for another one yet. Pure."""
    spans = (r.drifted for r in reversed(runs) if r.outcome == "Refused" and r.drifted is not None)
    newest = next((span for span in spans if span.artifact == artifact), None)
    return newest if newest and now < acknowledged_until(newest.end) else None


def _told(state: DriftState, span: DriftedSpan | None) -> DriftState:
    """The state, with the end of an acknowledgement in its message."""
    if state.state != "Acknowledged" or span is None:
        return state
    return replace(state, message=f"{state.message}; until {format_time(acknowledged_until(span.end))}")


def _sum_of(windows: Windows, span: DriftedSpan, slot: timedelta, now: datetime) -> WindowRecord | None:
    """All requests of a span; None once its slots are no longer kept."""
    first, last = parse_time(span.start), parse_time(span.end)
    slots = list(closed_slots(windows, [s for s in windows.slots() if first <= s < last], slot, now))
    return sum_slots(slots) if slots else None


def closed_slots(windows: Windows, starts: list[datetime], slot: timedelta, now: datetime) -> Iterator[WindowRecord]:
    """The sums of slots that are over, for good. Blocking.

    Raises:
        StorageError: storage did not answer.
    """
    for start in starts:
        if start + slot + SETTLE <= now:
            record = _total(windows, start)
            if record is not None:
                yield record


def options_of(trigger: DriftTrigger) -> DriftOptions:
    """The policy's options."""
    return DriftOptions(
        threshold=trigger.threshold,
        alpha=trigger.false_alarm_rate,
        min_samples=trigger.min_samples,
        failing=trigger.windows.failing,
        of=trigger.windows.of,
        features=tuple(trigger.features),
    )


def blocked_since(verdicts: tuple[WindowVerdict, ...], features: tuple[str, ...]) -> datetime | None:
    """Start of the first of the newest windows in a row that alert on any of these features."""
    since = None
    for verdict in reversed(verdicts):
        alerting = any(c.name in features and set(c.alerts) & {"Missing", "Type"} for c in verdict.columns)
        if not alerting:
            break
        since = parse_time(verdict.start)
    return since
