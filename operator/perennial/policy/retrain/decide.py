"""The chain: which triggers fire, which brakes hold, what is done. Pure; the clock is passed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from perennial.api.reasons import platform, retraining
from perennial.policy.retrain.budget import budget
from perennial.policy.retrain.circuit import circuit
from perennial.policy.retrain.cooldown import cooldown
from perennial.policy.retrain.cron import InvalidSchedule
from perennial.policy.retrain.data_window import DataBounds, data_bounds
from perennial.policy.retrain.drift import drift
from perennial.policy.retrain.finding import Finding, Fired, Idle
from perennial.policy.retrain.manual import manual
from perennial.policy.retrain.new_data import new_data
from perennial.policy.retrain.new_labels import new_labels
from perennial.policy.retrain.overtaken import overtaken
from perennial.policy.retrain.per_day import per_day
from perennial.policy.retrain.performance import performance
from perennial.policy.retrain.quality import quality
from perennial.policy.retrain.running import running
from perennial.policy.retrain.schedule import due_moment, next_moment, schedule
from perennial.policy.retrain.snapshot import PolicySnapshot, TriggerKind
from perennial.policy.retrain.suspended import suspended

BRAKES = (suspended, running, quality, budget, circuit, cooldown, per_day, new_labels)
TRIGGERS = (manual, performance, drift, new_data, schedule)
"""Most urgent first: of several that fire at once, the first that no brake holds names the run."""
ALL_ROWS = DataBounds()
SOONEST = timedelta(seconds=1)
LATEST = timedelta(minutes=10)

Action = Literal["Retrain", "Wait", "Blocked", "Stalled"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now, and all that explains it.

    Attributes:
        trigger: what names the run; with Blocked the most urgent one that waits.
        triggers: all that fire; those beside `trigger` are coalesced into the same run.
        blocked_by: reasons of the brakes that hold.
        data: bounds to freeze in the child.
        repeats: name of the run whose data is pinned again.
        schedule_acted: goes into `status.lastSchedule` when the run is made.
        explanation: one line a check, in the order of the chain.
    """

    action: Action
    reason: str
    message: str
    next_check: datetime
    trigger: TriggerKind | None = None
    triggers: tuple[TriggerKind, ...] = ()
    blocked_by: tuple[str, ...] = ()
    data: DataBounds = ALL_ROWS
    repeats: str | None = None
    schedule_acted: datetime | None = None
    schedule_next: datetime | None = None
    earliest_allowed: datetime | None = None
    explanation: tuple[str, ...] = ()


def decide(policy: PolicySnapshot, now: datetime) -> Decision:
    """The decision about one policy at one moment.

    Args:
        policy: all facts.
        now: aware. A clock that jumps can delay a run, never double one: acted-on moments are compared, not counted.
    """
    stalled = _stalled(policy, now)
    if stalled is not None:
        return stalled
    try:
        answers = [trigger(policy, now) for trigger in TRIGGERS]
        following = next_moment(policy, now)
    except InvalidSchedule as error:
        return Decision("Stalled", platform.SPEC_INVALID, str(error), now + LATEST, explanation=(str(error),))
    again = overtaken(policy)
    fired = [*([again] if again else []), *(a for a in answers if isinstance(a, Fired))]
    looks = [a.next_look for a in answers if isinstance(a, Idle) and a.next_look] + [following]
    told = tuple(f"{a.kind}: {a.message}" for a in ([again] if again else []) + answers)
    if not fired:
        return Decision(
            "Wait",
            retraining.WATCHING,
            "; ".join(told),
            _next_check(now, looks),
            schedule_next=following,
            earliest_allowed=earliest_allowed(policy, now),
            explanation=told,
        )
    return _weigh(policy, now, fired, told, looks, following)


def earliest_allowed(policy: PolicySnapshot, now: datetime) -> datetime | None:
    """When cooldown and daily limit let a scheduled run pass; None: now."""
    findings = (brake(policy, "Schedule", now) for brake in (cooldown, per_day))
    return max((f.until for f in findings if f.holds and f.until), default=None)


def _stalled(policy: PolicySnapshot, now: datetime) -> Decision | None:
    spec = policy.spec
    if not policy.training_exists:
        message = f"spec.trainingRef: there is no ModelTraining {spec.training_ref.name} in this namespace"
        return _stall(retraining.TRAINING_NOT_FOUND, message, now)
    if policy.older_policy:
        message = f"RetrainPolicy {policy.older_policy} is older and repeats the same ModelTraining; delete one of them"
        return _stall(retraining.DUPLICATE_POLICY, message, now)
    if not policy.deployment_exists and (spec.triggers.drift or spec.triggers.performance):
        name = spec.deployment_ref.name if spec.deployment_ref else ""
        message = f"spec.deploymentRef: there is no ModelDeployment {name} in this namespace, and drift needs one"
        return _stall(retraining.DEPLOYMENT_NOT_FOUND, message, now)
    return None


def _stall(reason: str, message: str, now: datetime) -> Decision:
    return Decision("Stalled", reason, message, now + LATEST, explanation=(message,))


def _weigh(
    policy: PolicySnapshot,
    now: datetime,
    fired: list[Fired],
    told: tuple[str, ...],
    looks: list[datetime | None],
    following: datetime | None,
) -> Decision:
    """Ask every brake for every trigger that fires; the first trigger that none holds makes the run."""
    holding: list[Finding] = []
    for trigger in fired:
        findings = [brake(policy, trigger.kind, now) for brake in BRAKES]
        held = [f for f in findings if f.holds]
        if not held:
            return _retrain(policy, now, trigger, fired, told, findings, following)
        holding += held
    first = holding[0]
    kinds = tuple(dict.fromkeys(t.kind for t in fired))
    reasons = tuple(dict.fromkeys(f.reason for f in holding))
    waiting = f"{fired[0].kind} ({fired[0].message}) waits"
    return Decision(
        "Blocked",
        first.reason,
        f"{waiting}: " + "; ".join(dict.fromkeys(f.message for f in holding)),
        _next_check(now, [*looks, *(f.until for f in holding)]),
        trigger=fired[0].kind,
        triggers=kinds,
        blocked_by=reasons,
        schedule_next=following,
        earliest_allowed=earliest_allowed(policy, now),
        explanation=(*told, *(f"{f.reason}: {f.message}" for f in holding)),
    )


def _retrain(
    policy: PolicySnapshot,
    now: datetime,
    trigger: Fired,
    fired: list[Fired],
    told: tuple[str, ...],
    findings: list[Finding],
    following: datetime | None,
) -> Decision:
    others = dict.fromkeys(t.kind for t in fired if t.kind != trigger.kind)
    also = f"; also {', '.join(others)}" if others else ""
    return Decision(
        "Retrain",
        trigger.reason,
        f"{trigger.message}{also}",
        now + SOONEST,
        trigger=trigger.kind,
        triggers=tuple(dict.fromkeys(t.kind for t in fired)),
        data=data_bounds(policy, now),
        repeats=trigger.repeats,
        schedule_acted=due_moment(policy, now),
        schedule_next=following,
        explanation=(*told, *(f"{f.reason}: {f.message}" for f in findings)),
    )


def _next_check(now: datetime, looks: list[datetime | None]) -> datetime:
    """The soonest of what may change by itself, between one second and ten minutes from now."""
    soonest = min((t for t in looks if t is not None), default=now + LATEST)
    return max(now + SOONEST, min(soonest, now + LATEST))
