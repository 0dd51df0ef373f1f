"""Realised performance: predictions whose labels have had their time, joined by a Job, each cohort judged once.

A cohort is at least a day of the stable version's slots with requests enough for the labels that are asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from math import ceil
from typing import Any

from perennial.api.fields import parse_duration, parse_time
from perennial.api.identities import bare, digest_of
from perennial.api.monitoring import Labels
from perennial.api.records.findings import LabelJoin
from perennial.api.records.run import TaskType
from perennial.api.records.task import Task
from perennial.api.retrain import PerformanceTrigger
from perennial.api.retrain_status import CohortStatus
from perennial.policy.retrain.snapshot import PerformanceFacts
from perennial.reconcile.context import Context
from perennial.reconcile.registries import in_store, registry
from perennial.reconcile.retrain.observed import Observed
from perennial.reconcile.retrain.windows import closed_slots, windows_of
from perennial.reconcile.tasks import Errand, Standing, look
from perennial.stats.performance import (
    CohortVerdict,
    PerformanceOptions,
    PerformanceState,
    judge_joined,
    performance_state,
)
from perennial.stats.windows import closed_windows
from perennial.store.layout import WindowKeys
from perennial.store.registry import Registry

SHORTEST = timedelta(days=1)
LOOK_BACK = timedelta(days=21)
"""Older slots are of no use: three cohorts of the longest length, of 35 days that are kept."""
AT_ONCE = 3
"""Cohorts that one look may judge."""


LOGGED: tuple[TaskType | None, ...] = ("Binary", "Regression")
"""Tasks whose one logged score a row is all that a metric needs."""


@dataclass(frozen=True)
class Performance:
    """What the judged cohorts say; `state` None where nothing is asked for or can be known."""

    state: PerformanceState | None = None
    judged: tuple[CohortVerdict, ...] = ()
    artifact: str = ""
    standings: tuple[Standing, ...] = ()  # of the joins that were looked at, newest last
    trouble: str = ""

    @property
    def facts(self) -> PerformanceFacts | None:
        """As the policy's chain sees it."""
        if self.state is None or not self.judged:
            return None
        since = parse_time(self.state.since) if self.state.since else None
        return PerformanceFacts(self.state.state, since, self.state.message)


@dataclass(frozen=True)
class _Asked:
    """One policy's question about one served model."""

    seen: Observed
    trigger: PerformanceTrigger
    labels: Labels
    keys: WindowKeys
    run_digest: str
    threshold: float | None  # of the positive class' score
    id_column: str
    slot: timedelta
    options: PerformanceOptions


async def judge(seen: Observed, ctx: Context) -> Performance:
    """Judge the cohorts that are due, as far as their labels are joined.

    Raises:
        StorageError: storage did not answer.
    """
    asked = _asked(seen)
    if asked is None or isinstance(asked, str):
        return Performance(trouble=asked or "")
    run_digest = asked.run_digest
    task, threshold = await in_store(ctx, lambda: _answered_by(registry(ctx, seen.namespace, seen.model), run_digest))
    if task not in LOGGED:
        return Performance(trouble=_cannot(f"the score log tells too little of a {task} model; use drift instead"))
    asked, standings = replace(asked, threshold=threshold), list[Standing]()
    judged = _before(seen, asked.keys.artifact_digest)
    for _ in range(AT_ONCE):
        cohort = await _next(asked, judged, ctx)
        if cohort is None:
            break
        standings.append(await look(_errand(asked, *cohort, ctx), ctx))
        answer = standings[-1].answer
        if answer is None:
            break
        judged = (*judged, judge_joined(LabelJoin.from_json(answer), asked.options))[-asked.options.of :]
    state = performance_state(judged, asked.options)
    return Performance(state, judged, asked.keys.artifact_digest, tuple(standings))


@lru_cache(maxsize=1024)
def _answered_by(models: Registry, run_digest: str) -> tuple[TaskType | None, float | None]:
    """The task of the version that predicted, and its threshold."""
    run = models.runs.read(run_digest)
    return (run.task, run.chosen.get("threshold")) if run else (None, None)


def _asked(seen: Observed) -> _Asked | str | None:
    """The question; a text says why it cannot be asked, None that nobody does."""
    trigger, deployment = seen.policy.spec.triggers.performance, seen.deployment
    if trigger is None or deployment is None or seen.training is None:
        return None
    labels, features = deployment.spec.monitoring.labels, seen.training.spec.data.features
    if labels is None:
        return _cannot(f"ModelDeployment {deployment.metadata.name} has no spec.monitoring.labels to judge by")
    column = labels.id_column or (features.id_column if features else None)
    if column is None:
        return _cannot("neither monitoring.labels.idColumn nor the training's features.idColumn names the id of a row")
    if seen.training.spec.data.target is None:
        return _cannot("the training has no data.target, so there is no label to wait for")
    stable = deployment.status.stable
    if stable is None or not stable.artifact or not stable.run_digest:
        return None
    keys = WindowKeys(seen.namespace, deployment.metadata.uid, stable.artifact)
    slot = parse_duration(deployment.spec.monitoring.window)
    return _Asked(seen, trigger, labels, keys, stable.run_digest, None, column, slot, _options(trigger, labels))


def _cannot(why: str) -> str:
    return f"spec.triggers.performance: {why}"


def _options(trigger: PerformanceTrigger, labels: Labels) -> PerformanceOptions:
    return PerformanceOptions(
        metric=trigger.metric,
        floor=trigger.min,
        ceiling=trigger.max,
        min_labels=trigger.min_labels,
        min_coverage=labels.min_coverage,
        confidence=trigger.confidence,
    )


async def _next(asked: _Asked, judged: tuple[CohortVerdict, ...], ctx: Context) -> tuple[str, str] | None:
    """Start and end of the oldest cohort that is due and not judged."""
    due = ctx.clock.now() - parse_duration(asked.labels.delay)
    after = parse_time(judged[-1].end) if judged else due - LOOK_BACK
    windows = windows_of(ctx, asked.keys)

    def closed() -> tuple[str, str] | None:
        starts = [s for s in windows.slots() if s >= after]
        slots = list(closed_slots(windows, starts, asked.slot, due))
        wanted = ceil(asked.options.min_labels / max(asked.options.min_coverage, 0.01))
        found = closed_windows(slots, now=due, window=SHORTEST, min_samples=wanted)
        return (found[0].start, found[0].end) if found else None

    return await in_store(ctx, closed)


def _errand(asked: _Asked, start: str, end: str, ctx: Context) -> Errand:
    seen, body = asked.seen, asked.seen.training_body
    assert body is not None  # noqa: S101  `_asked` looked
    parameters: dict[str, Any] = {
        "predictions": f"{ctx.config.registry}/{asked.keys.score_log}",
        "labels": asked.labels.uri,
        "idColumn": asked.id_column,
        "labelColumn": body["spec"]["data"]["target"],
        "predictionIdColumn": "id",
        "metric": asked.trigger.metric,
        "start": start,
        "end": end,
        # A one-sided bound at confidence c is the end of a two-sided interval at 2c − 1.
        "confidence": round(2 * asked.trigger.confidence - 1, 6),
    }
    if asked.threshold is not None:
        parameters["threshold"] = asked.threshold
    if body["spec"]["data"].get("positiveClass") is not None:
        parameters["positiveClass"] = str(body["spec"]["data"]["positiveClass"])
    task = Task(
        kind="JoinLabels",
        namespace=seen.namespace,
        model=seen.model,
        training=body["metadata"]["name"],
        uid=body["metadata"]["uid"],
        registry=ctx.config.registry,
        run_key=bare(digest_of({"kind": "JoinLabels", "asked": parameters})),
        spec=body["spec"],
        parameters=parameters,
    )
    return Errand(seen.body, task)


def _before(seen: Observed, artifact: str) -> tuple[CohortVerdict, ...]:
    """The cohorts that the status remembers of this model."""
    old = seen.policy.status.performance
    return tuple(_remembered(old.judged)) if old is not None and old.artifact == artifact else ()


def _remembered(cohorts: list[CohortStatus]) -> Iterator[CohortVerdict]:
    for c in cohorts:
        yield CohortVerdict(
            c.start, c.end, c.predictions, c.labels, c.coverage or 0.0, c.value, c.lower, c.upper,
            c.state or "InsufficientLabels", c.message,
        )  # fmt: skip
