"""The status of a ModelDeployment: where the rollout stands, and whether the model answers."""

from datetime import datetime
from typing import Literal

from perennial.api.conditions import Condition, with_condition, without_condition
from perennial.api.deployment_status import ModelDeploymentStatus, PreviousStatus
from perennial.desired import names
from perennial.desired.serving_revision import revision_selector
from perennial.policy.rollout import Move, Rules
from perennial.policy.rollout.shape import copied
from perennial.policy.routing import Routing
from perennial.reconcile.context import Context
from perennial.reconcile.deployment.evidence import Evidence
from perennial.reconcile.deployment.observed import Observed
from perennial.reconcile.deployment.people import Said
from perennial.reconcile.deployment.plans import mirrored, rollout_id
from perennial.reconcile.deployment.recorded import state_parts
from perennial.reconcile.deployment.routing import CONDITION
from perennial.reconcile.status import EventIntent, write_status

BAD = frozenset({"RolledBack", "Inconclusive"})
UNANSWERABLE = frozenset({"VersionNotFound", "URINotAllowed", "ModelNotFound", "ModelDigestDiffers"})
"""Only another spec helps."""

MOVING = frozenset(
    {"CandidateStarting", "CandidateReady", "Stepping", "StepsPassed", "Promoting", "Switching", "StableUnavailable"}
)


async def write(
    seen: Observed, move: Move, words: Said, routing: Routing | None, rules: Rules, evidence: Evidence, ctx: Context
) -> None:
    """One status write for one look, with an event if the rollout moved and for each word that nothing came of."""
    status = status_of(seen, move, routing, rules, evidence, ctx.clock.now())
    status = status.replace(acted={**seen.deployment.status.acted, **words.acted(move)})
    kind: Literal["Normal", "Warning"] = "Warning" if move.event in BAD else "Normal"
    told = _addressed(move.message, seen)
    events = [EventIntent(kind, move.event, "Roll", told)] if move.event else []
    events += words.refusals(move)
    await write_status(ctx, seen.body, status.to_json_dict(), events)


def status_of(
    seen: Observed, move: Move, routing: Routing | None, rules: Rules, evidence: Evidence, now: datetime
) -> ModelDeploymentStatus:
    """The new status. Pure."""
    old, metadata = seen.deployment.status, seen.deployment.metadata
    stable = move.state.stable
    health = seen.health([stable.key]).get(stable.key) if stable else None
    copies = mirrored(copied(move.state.candidate, rules), evidence.counting, rollout_id(move.state))
    told = _addressed(move.message, seen)
    parts = state_parts(move.state, rules, list(evidence.analysis), told, copies=round(copies))
    status = old.replace(
        **parts,
        conditions=_routed(_conditions(seen, move, now), routing, metadata.generation, now),
        url=_url(seen, routing) if stable else None,
        replicas=health.replicas if health else 0,
        selector=_selector(seen, stable.key) if stable else None,
    )
    if status.previous is not None:
        status = status.replace(previous=status.previous.replace(baseline=_baseline(old, status.previous)))
    if status.stable is not None and health is not None:
        status = status.replace(stable=status.stable.replace(replicas=health.replicas))
    return status


def _url(seen: Observed, routing: Routing | None) -> str:
    metadata = seen.deployment.metadata
    inside = f"http://{names.service(metadata.name)}.{metadata.namespace}.svc"
    return (routing.url if routing is not None else "") or inside


def _routed(conditions: list[Condition], routing: Routing | None, generation: int, now: datetime) -> list[Condition]:
    if routing is None:
        return without_condition(conditions, CONDITION)
    status, reason, message = routing.status, routing.reason, routing.message
    return with_condition(conditions, CONDITION, status, reason, message, generation=generation, now=now)


def _baseline(old: ModelDeploymentStatus, previous: PreviousStatus) -> dict[str, float]:
    """What the previous revision measured in the last step of the rollout that replaced it."""
    if old.previous is not None and old.previous.since == previous.since:
        return old.previous.baseline
    rows = old.candidate.analysis if old.candidate else []
    return {row.metric: row.stable for row in rows if row.stable is not None}


def _selector(seen: Observed, key: str) -> str:
    """The label selector of the stable revision's pods, for the HorizontalPodAutoscaler."""
    return ",".join(f"{k}={v}" for k, v in sorted(revision_selector(seen.body, key[:8]).items()))


def _conditions(seen: Observed, move: Move, now: datetime) -> list[Condition]:
    stable, size = move.state.stable, seen.deployment.spec.replicas
    health = seen.health([stable.key])[stable.key] if stable else None
    available = health is not None and health.ready >= 1
    full = health is not None and health.ready >= min(1, size)
    told = _addressed(move.message, seen)
    moving = move.reason in MOVING
    if available:
        reason, message = "Serving", told
    elif stable is None:
        reason, message = move.reason, told
    else:
        reason, message = "NoReadyPod", (health.problem if health else "") or "no pod of the stable revision is ready"
    waits = stable is None and move.state.candidate is None
    loaded = available or _candidate_ready(seen, move)
    rows: list[tuple[str, bool, str, str]] = [
        ("Ready", available and full, reason, message),
        ("Available", available, "MinimumReplicas" if available else reason, "" if available else message),
        ("Progressing", moving, move.reason, told),
        ("ModelLoaded", loaded, "Loaded" if loaded else reason, "" if loaded else message),
        ("Reconciling", (moving and stable is None) or (stable is not None and not available), reason, message),
        ("Stalled", waits and move.reason in UNANSWERABLE, move.reason, told),
    ]
    conditions = seen.deployment.status.conditions
    generation = seen.deployment.metadata.generation
    for type_, on, why, message in rows:
        conditions = with_condition(conditions, type_, on, why, message, generation=generation, now=now)
    return conditions


def _candidate_ready(seen: Observed, move: Move) -> bool:
    candidate = move.state.candidate
    return candidate is not None and seen.health([candidate.revision.key])[candidate.revision.key].ready > 0


def _addressed(message: str, seen: Observed) -> str:
    """Messages of the pure rules name no object; commands in them are completed here."""
    metadata = seen.deployment.metadata
    return message.replace("mdp NAME", f"mdp {metadata.name} -n {metadata.namespace}")
