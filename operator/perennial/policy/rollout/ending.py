"""Rules that end a rollout before it is through: a person's word, a newer version, a broken candidate."""

from dataclasses import replace
from datetime import datetime

from perennial.policy.rollout.facts import Facts
from perennial.policy.rollout.move import NOW, Move, back_to_previous, inconclusive, named, rolled_back, span
from perennial.policy.rollout.plan import READY_DEADLINE, Rules
from perennial.policy.rollout.state import Candidate, Revision, RolloutState, Stage

CRASHES = 3
"""Restarts of a revision's containers after which it is taken for broken, not slow."""


def taken_back(state: RolloutState) -> Revision | None:
    """The revision that a rollback would take back now: the candidate, or else the stable one.

    A candidate that replaces a stable revision which was itself rejected stays: it is the way back.
    """
    candidate, stable = state.candidate, state.stable
    fleeing = stable is not None and state.is_rejected(stable.artifact) is not None
    return candidate.revision if candidate is not None and not fleeing else stable


def told_to_roll_back(state: RolloutState, facts: Facts, rules: Rules, now: datetime) -> Move | None:
    """A person asked for it: the candidate goes, or else the stable revision makes way for the previous one."""
    candidate, stable, previous = state.candidate, state.stable, state.previous
    if not facts.rollback:
        return None
    if candidate is not None and taken_back(state) == candidate.revision:
        return rolled_back(state, candidate.revision, "RollbackRequested", facts.rollback, now)
    if previous is None or stable is None or candidate is not None:
        return None
    if previous.baking:
        return back_to_previous(state, stable, previous, "RollbackRequested", facts.rollback, now)
    # outside the bake it is scaled to full and Ready before the selector moves
    rejected = rolled_back(state, stable, "RollbackRequested", facts.rollback, now)
    back = Candidate(previous.revision, Stage.PROMOTING, now, now, direct=True)
    return replace(rejected, state=replace(rejected.state, candidate=back, previous=None))


def candidate_unwanted(state: RolloutState, facts: Facts, rules: Rules, now: datetime) -> Move | None:
    """Spec and registry ask for another revision than the one on its way in."""
    candidate, wanted = state.candidate, facts.wanted.revision
    if candidate is None or wanted is None or wanted.key == candidate.revision.key:
        return None
    if candidate.direct and state.is_rejected(wanted.artifact):
        return None  # on the way back from what is still wanted by name
    message = f"{named(candidate.revision)} was superseded by {named(wanted)}"
    ended = replace(state, candidate=None).recorded(candidate.revision, "Superseded", message, now)
    return Move(ended, "Superseded", message, NOW, "Superseded")


def candidate_broken(state: RolloutState, facts: Facts, rules: Rules, now: datetime) -> Move | None:
    """The candidate's servers refuse its model, crash, or never become ready."""
    candidate = state.candidate
    if candidate is None or state.stable is None:
        return None
    health = facts.of(candidate.revision.key)
    if health.refused and (health.ready == 0 or health.restarts >= CRASHES):
        return rolled_back(state, candidate.revision, "ModelRefused", health.refused, now)
    if is_crashing(facts, candidate.revision):
        why = f"its pods restarted {health.restarts} times; {health.problem}".rstrip("; ")
        return rolled_back(state, candidate.revision, "CandidateCrashed", why, now)
    overdue = candidate.stage in (Stage.PREPARING, Stage.PROMOTING) and now > candidate.since + READY_DEADLINE
    if overdue and health.ready == 0:
        message = f"{named(candidate.revision)} did not become ready in {span(READY_DEADLINE)}; {health.problem}"
        return inconclusive(state, candidate.revision, "CandidateNotReady", message.rstrip("; "), now)
    return None


def is_crashing(facts: Facts, revision: Revision) -> bool:
    """Whether a revision's pods restart again and again and none is ready."""
    health = facts.of(revision.key)
    return health.restarts >= CRASHES and health.ready == 0
