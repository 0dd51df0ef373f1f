"""The outcome of one look at a rollout, and the ways in which a rollout ends. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from perennial.policy.rollout.state import Candidate, Previous, Revision, RolloutState, Stage


@dataclass(frozen=True, slots=True)
class Move:
    """The outcome of one look."""

    state: RolloutState
    reason: str
    message: str
    check_after: timedelta | None = None
    event: str = ""  # reason of a transition worth an Event: Promoted, RolledBack, …


NOW = timedelta(0)


def rolled_back(state: RolloutState, revision: Revision, reason: str, why: str, now: datetime) -> Move:
    """The candidate goes, and its artifact is remembered as rejected."""
    message = f"{named(revision)} was rolled back: {why}"
    ended = replace(state, candidate=None).rejecting(revision.artifact, f"{reason}: {why}"[:512], now)
    return Move(ended.recorded(revision, "RolledBack", message[:512], now), reason, message, NOW, "RolledBack")


def back_to_previous(
    state: RolloutState, bad: Revision, previous: Previous, reason: str, why: str, now: datetime
) -> Move:
    """The previous revision, still at full size, becomes stable again at once."""
    back = rolled_back(state, bad, reason, why, now)
    return replace(back, state=replace(back.state, stable=replace(previous.revision, since=now), previous=None))


def inconclusive(state: RolloutState, revision: Revision, reason: str, message: str, now: datetime) -> Move:
    """There was no evidence: not rejected, tried again later."""
    ended = replace(state, candidate=None).recorded(revision, "Inconclusive", message[:512], now)
    return Move(ended, reason, message, NOW, "Inconclusive")


def to_stage(state: RolloutState, candidate: Candidate, stage: Stage, now: datetime, reason: str) -> Move:
    """The candidate enters another stage; after the steps, the last one's counting goes on."""
    moved = replace(candidate, stage=stage, since=now)
    message = f"{named(candidate.revision)}: {stage.value}"
    return Move(replace(state, candidate=moved), reason, message, NOW, reason)


def by_a_person(state: RolloutState, candidate: Candidate, now: datetime) -> Move:
    """The candidate takes over because somebody said so: what is left of its steps is skipped."""
    move = to_stage(state, candidate, Stage.PROMOTING, now, "PromotionApproved")
    return replace(move, message=f"{named(candidate.revision)} takes over, as asked for by {candidate.promoted}")


def named(revision: Revision) -> str:
    """A revision as people call it."""
    return f"version {revision.version}" if revision.version is not None else f"artifact {revision.artifact[7:19]}"


def span(value: timedelta) -> str:
    """A duration as people say it."""
    seconds = int(value.total_seconds())
    return f"{seconds // 60} min" if seconds >= 120 else f"{seconds} s"
