"""The end of a run, as the status tells it: verdict, version, artifact, metrics, cost."""

from datetime import datetime
from typing import Any, Literal

from perennial.api.conditions import Condition, with_condition
from perennial.api.fields import format_time, parse_time
from perennial.api.records.run import RunRecord
from perennial.api.training_status import (
    ArtifactStatus,
    CostStatus,
    DataStatus,
    ModelTrainingStatus,
    RunStatus,
    VersionStatus,
)
from perennial.reconcile.context import Context
from perennial.reconcile.followers import is_followed
from perennial.reconcile.registries import in_store, registry
from perennial.reconcile.status import EventIntent, write_status
from perennial.reconcile.tasks import begin
from perennial.reconcile.training import report
from perennial.reconcile.training.observed import Observed
from perennial.reconcile.training.outcome import Ask, ChampionMoved, Concluded, conclude
from perennial.reconcile.training.remeasure import Remeasured, remeasure
from perennial.reconcile.training.report import Told, ready, status_of, transition
from perennial.store.layout import ModelKeys

USABLE = "Approved"
FOLLOW_EVERY = 15.0
AT_ONCE = 0.1


async def conclude_run(seen: Observed, run: RunRecord, ctx: Context) -> float | None:
    """Judge the run of this key and tell its end; what its gates lack is measured first.

    Raises:
        StorageError: storage did not take a write; the next look goes on.
    """
    again = await remeasure(seen, run, ctx)
    if again.waits and again.standing is not None:
        await report.write(seen, Told.waiting("Evaluating", _awaited(again)), ctx)
        if again.standing.state == "Owed":
            await begin(again.standing.errand, ctx)
        return FOLLOW_EVERY
    return await settle_run(seen, again, ctx)


def _awaited(again: Remeasured) -> str:
    assert again.standing is not None  # noqa: S101  the caller looked
    return f"Job {again.standing.errand.name} measures the run again: {', '.join(again.lacks)}; nothing is trained"


async def settle_run(seen: Observed, again: Remeasured, ctx: Context) -> float | None:
    """Judge a run by what is measured, whether or not that is all, and tell its end.

    Raises:
        StorageError: storage did not take a write; the next look goes on.
    """
    run, now = again.run, ctx.clock.now()
    spec, metadata = seen.training.spec, seen.training.metadata
    started = seen.training.status.start_time if seen.same_run else None
    ask = Ask(
        gates=spec.evaluation.gates if spec.evaluation else (),
        manual=spec.approval == "Manual",
        token=f"{metadata.uid}/{run.run_digest}",
        transition=transition(seen),
        started=parse_time(started) if started else now.replace(microsecond=0),
        followed=is_followed(ctx.cache, seen.namespace, seen.training.model),
        image=_image(seen, run),
    )
    models = registry(ctx, seen.namespace, seen.training.model)
    try:
        concluded = await in_store(ctx, lambda: conclude(models, run, ask, now))
    except ChampionMoved:
        return AT_ONCE
    failed = again.standing is not None and again.standing.state == "Failed"
    note = f"; it could not be measured again: {again.standing.message}" if again.standing and failed else ""
    status = concluded_status(seen, concluded, ctx.config.registry, now, note)
    if again.cpu_seconds is not None and status.cost is not None:
        status = status.replace(cost=status.cost.replace(evaluate_cpu_seconds=again.cpu_seconds))
    verdict = concluded.verdict
    kind: Literal["Normal", "Warning"] = "Normal" if verdict.state == USABLE else "Warning"
    message = f"version {concluded.number} is {verdict.state}: {verdict.message}{note}"
    await write_status(ctx, seen.body, status.to_json_dict(), [EventIntent(kind, verdict.reason, "Judge", message)])
    return None


def concluded_status(
    seen: Observed, concluded: Concluded, registry_uri: str, now: datetime, note: str = ""
) -> ModelTrainingStatus:
    """The status of a finished run; `note` is put behind the verdict. Pure."""
    run, verdict = concluded.run, concluded.verdict
    message = f"version {concluded.number} is {verdict.state.lower()}: {verdict.message}{note}"
    base = status_of(seen, Told("True", verdict.reason, message), now)
    keys = ModelKeys(run.namespace, run.model)
    finished = seen.job.finished if seen.job else None
    return base.replace(
        conditions=_conditions(seen, base.conditions, concluded, message, now),
        completion_time=format_time((finished or now).replace(microsecond=0)),
        data=_data(run),
        run=_run(seen, base, concluded, f"{registry_uri}/{keys.run_folder(run.run_digest)}"),
        metrics={name: _rounded(m.value) for name, m in run.metrics.items()},
        key_metric=_key_metric(seen, run),
        gates=list(concluded.gates),
        version=VersionStatus(
            number=concluded.number,
            state=verdict.state,
            reason=verdict.reason,
            approved_by=concluded.approved_by or None,
        ),
        artifact=_artifact(run, registry_uri, keys),
        cost=_cost(run),
        report=_uri(registry_uri, keys, run, "report.html"),
    )


def _conditions(
    seen: Observed, conditions: list[Condition], concluded: Concluded, message: str, now: datetime
) -> list[Condition]:
    """A refused challenger with an older usable version is healthy; `Ready` goes on naming what is usable."""
    generation, verdict = seen.training.metadata.generation, concluded.verdict
    usable = verdict.state == USABLE
    before = ready(seen.training.status.conditions) == "True"
    marks: list[tuple[str, bool, str]] = [("Reconciling", False, ""), ("Stalled", False, "")]
    if usable or not before:
        marks.append(("Ready", usable, verdict.reason))
    if not usable and not before and verdict.state == "Refused":
        marks.append(("Stalled", True, verdict.reason))
    for type_, on, reason in marks:
        conditions = with_condition(conditions, type_, on, reason or "Done", message, generation=generation, now=now)
    return conditions


def _run(seen: Observed, base: ModelTrainingStatus, concluded: Concluded, uri: str) -> RunStatus:
    assert base.run is not None  # noqa: S101  status_of sets it
    run = concluded.run
    return base.run.replace(
        digest=run.run_digest,
        uri=uri,
        attempt=run.attempt,
        image=concluded.image or base.run.image,
        reused=_is_reused(seen, run),
        judged=seen.judging_key,
        stage="done",
        progress={"percent": 100, "message": ""},
    )


def _image(seen: Observed, run: RunRecord) -> str:
    """What the code of the run was run from, as the node of the pod that made it named it; empty: that pod is gone."""
    pods = seen.job.pods if seen.job else ()
    return next((pod.image for pod in pods if pod.uid == run.attempt), "")


def _is_reused(seen: Observed, run: RunRecord) -> bool:
    """Whether no pod of this object made the run; once the pods are gone, what was told while they were there."""
    pods = seen.job.pods if seen.job else ()
    if pods:
        return all(pod.uid != run.attempt for pod in pods)
    told = seen.training.status.run.reused if seen.same_run and seen.training.status.run else None
    return told if told is not None else seen.job is None and not seen.job_seen


def _data(run: RunRecord) -> DataStatus:
    facts = run.data
    return DataStatus(
        digest=facts.digest, rows=facts.rows, bytes=facts.bytes, columns=facts.columns, start=facts.start, end=facts.end
    )


def _artifact(run: RunRecord, registry_uri: str, keys: ModelKeys) -> ArtifactStatus:
    model = run.files.get(f"model.{run.artifact.format}")
    key = keys.absolute(model.key) if model else keys.run_folder(run.run_digest)
    return ArtifactStatus(
        uri=f"{registry_uri}/{key}", digest=run.artifact.digest, bytes=run.artifact.bytes, formats=run.artifact.formats
    )


def _uri(registry_uri: str, keys: ModelKeys, run: RunRecord, name: str) -> str | None:
    file = run.files.get(name)
    return f"{registry_uri}/{keys.absolute(file.key)}" if file else None


def _cost(run: RunRecord) -> CostStatus:
    known: dict[str, Any] = {k: v for k, v in run.cost.items() if v is not None}
    return CostStatus.model_validate(known)


def _key_metric(seen: Observed, run: RunRecord) -> str | None:
    evaluation = seen.training.spec.evaluation
    asked = evaluation.metrics if evaluation else []
    gated = [g.metric for g in evaluation.gates] if evaluation else []
    name = next((m for m in (*asked, *gated, *run.metrics) if m in run.metrics), None)
    return f"{name} {run.metrics[name].value:.4f}" if name else None


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
