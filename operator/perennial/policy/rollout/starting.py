"""Rules of a rollout's beginning: is there anything to do, may it start, is the candidate ready for traffic."""

from dataclasses import replace
from datetime import datetime, timedelta

from perennial.policy.rollout.facts import Facts
from perennial.policy.rollout.move import NOW, Move, by_a_person, named, to_stage
from perennial.policy.rollout.plan import STABLE_GONE, Rules
from perennial.policy.rollout.state import Candidate, Revision, RolloutState, Stage


def nothing_wanted(state: RolloutState, facts: Facts, rules: Rules, now: datetime) -> Move | None:
    """No version to serve yet, or it cannot be found: what serves goes on."""
    if facts.wanted.revision is not None or state.candidate is not None:
        return None
    return Move(state, facts.wanted.reason, facts.wanted.message, timedelta(minutes=1))


def settled(state: RolloutState, facts: Facts, rules: Rules, now: datetime) -> Move | None:
    """What is wanted is what serves."""
    wanted, previous = facts.wanted.revision, state.previous
    if state.stable is None or state.candidate is not None or wanted is None or wanted.key != state.stable.key:
        return None
    again = previous.since + rules.bake + rules.keep_for - now if previous else None
    return Move(state, "Stable", f"{named(state.stable)} answers all requests", again)


def start(state: RolloutState, facts: Facts, rules: Rules, now: datetime) -> Move | None:
    """A new revision is wanted: it starts unless it was rejected or has to wait."""
    wanted = facts.wanted.revision
    if state.candidate is not None or wanted is None:
        return None
    held = _held(state, wanted, now, asked=bool(facts.promote))
    if held is not None:
        return held
    direct = state.stable is None or rules.strategy == "Replace" or state.was_stable(wanted.artifact)
    candidate = Candidate(wanted, Stage.PREPARING, now, now, direct=direct, promoted=facts.promote)
    message = f"{named(wanted)} is starting" + ("" if state.stable is None else "; no traffic yet")
    return Move(replace(state, candidate=candidate), "CandidateStarting", message, NOW, "RolloutStarted")


def _held(state: RolloutState, wanted: Revision, now: datetime, *, asked: bool) -> Move | None:
    rejection = state.is_rejected(wanted.artifact)
    if rejection is not None:
        message = (
            f"{named(wanted)} was rolled back at {rejection.at:%Y-%m-%d %H:%M} UTC ({rejection.reason}) and is not "
            f"tried again by itself; to lift that: kubectl annotate mdp NAME perennial.dev/promote="
            f"'{wanted.number} <your user name> <reason>'"
        )
        return Move(state, "VersionRejected", message)
    again = state.retry_at(wanted.artifact)
    if again is not None and now < again and not asked:
        message = (
            f"there was no evidence about {named(wanted)}; it is tried again at {again:%Y-%m-%d %H:%M} UTC; to promote "
            f"it without: kubectl annotate mdp NAME perennial.dev/promote="
            f"'{wanted.number} <your user name> <reason>'"
        )
        return Move(state, "Inconclusive", message, again - now)
    return None


def prepare(state: RolloutState, facts: Facts, rules: Rules, now: datetime) -> Move | None:
    """The candidate's pods start; then it gets traffic, or goes straight to promotion where nothing compares."""
    candidate = state.candidate
    if candidate is None or candidate.stage is not Stage.PREPARING:
        return None
    health = facts.of(candidate.revision.key)
    if health.ready < 1 and health.refused:  # the first version of all: there is nothing to go back to
        return Move(state, "ModelRefused", f"{named(candidate.revision)}: {health.refused}", timedelta(minutes=1))
    if health.ready < 1:
        asked = f"; then it takes over, as asked for by {candidate.promoted}" if candidate.promoted else ""
        message = f"waiting for a ready pod of {named(candidate.revision)}{asked}; {health.problem}".rstrip("; ")
        return Move(state, "CandidateStarting", message, timedelta(seconds=10))
    if state.stable is not None and is_gone(facts, state.stable, now):
        return to_stage(state, candidate, Stage.PROMOTING, now, "StableUnavailable")
    held = _unfit(state, candidate, facts)
    if held is not None:
        return held
    if state.stable is None or candidate.direct:
        return to_stage(state, candidate, Stage.PROMOTING, now, "CandidateReady")
    if rules.paused and not candidate.promoted:
        return Move(state, "Paused", "spec.rollout.paused is true; the candidate is ready and gets no traffic")
    candidate = replace(candidate, apart=bool(facts.signature))
    if candidate.promoted:
        return by_a_person(state, candidate, now)
    if (candidate.apart or rules.strategy == "BlueGreen") and health.ready < facts.size:
        message = f"{named(candidate.revision)} starts at full size: {health.ready} of {facts.size} pods are ready"
        return Move(replace(state, candidate=candidate), "CandidateStarting", message, timedelta(seconds=5))
    stage = Stage.AWAITING if candidate.apart else Stage.STEPPING
    return to_stage(state, candidate, stage, now, "CandidateReady")


def _unfit(state: RolloutState, candidate: Candidate, facts: Facts) -> Move | None:
    """No traffic for a candidate that refuses what stable accepts, until a person takes the responsibility."""
    if facts.signature_accepted or not (facts.signature or facts.signature_unread):
        return None
    told = f"the signatures cannot be compared: {facts.signature_unread}" if facts.signature_unread else facts.signature
    command = (
        f"no traffic; to let it in all the same: kubectl annotate mdp NAME perennial.dev/accept-signature="
        f"'{candidate.revision.number} <your user name> <reason>'"
    )
    reason = "SignatureUnreadable" if facts.signature_unread else "SignatureChanged"
    return Move(state, reason, f"{told}; {command}", timedelta(minutes=1))


def is_gone(facts: Facts, stable: Revision, now: datetime) -> bool:
    """Whether the stable revision has had no ready pod for so long that nothing is left to protect."""
    since = facts.of(stable.key).unready_since
    return since is not None and now - since >= STABLE_GONE
