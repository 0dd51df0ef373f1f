"""Rules of a promotion, in the order in which no request is lost: full size, all traffic sent on, the Service's
selector, bake, and at last the end of the previous revision."""

from dataclasses import replace
from datetime import datetime, timedelta

from perennial.policy.rollout.ending import is_crashing
from perennial.policy.rollout.facts import Facts
from perennial.policy.rollout.move import NOW, Move, back_to_previous, named, rolled_back, span, to_stage
from perennial.policy.rollout.plan import PROPAGATION, Rules
from perennial.policy.rollout.state import Previous, RolloutState, Stage


def grow(state: RolloutState, facts: Facts, rules: Rules, now: datetime) -> Move | None:
    """The candidate grows to stable's full size; the first version of all is promoted with its first ready pod."""
    candidate = state.candidate
    if candidate is None or candidate.stage is not Stage.PROMOTING:
        return None
    if facts.verdict.result == "Gross":
        return rolled_back(state, candidate.revision, facts.verdict.reason, facts.verdict.message, now)
    ready = facts.of(candidate.revision.key).ready
    if state.stable is None and ready >= 1:
        first = replace(candidate.revision, since=now)
        done = replace(state, stable=first, candidate=None).recorded(first, "Promoted", "the first version", now)
        return Move(done, "Promoted", f"{named(first)} is the first version", NOW, "Promoted")
    if ready < max(1, facts.size):
        message = f"{named(candidate.revision)} grows to full size: {ready} of {facts.size} pods are ready"
        return Move(state, "Promoting", message, timedelta(seconds=5))
    return to_stage(state, candidate, Stage.SWITCHING, now, "Switching")


def switch(state: RolloutState, facts: Facts, rules: Rules, now: datetime) -> Move | None:
    """Stable sends everything on, so that kept-alive connections follow; then the selector moves."""
    candidate, stable = state.candidate, state.stable
    if candidate is None or stable is None or candidate.stage is not Stage.SWITCHING:
        return None
    left = candidate.since + PROPAGATION - now
    if left > timedelta(0):
        return Move(state, "Switching", f"all requests are sent on to {named(candidate.revision)}", left)
    new = replace(candidate.revision, since=now)
    done = replace(
        state, stable=new, candidate=None, previous=Previous(stable, now, baking=True, apart=candidate.apart)
    )
    return Move(done, "Baking", f"{named(new)} is behind the Service", NOW, "Switched")


def bake(state: RolloutState, facts: Facts, rules: Rules, now: datetime) -> Move | None:
    """The new revision has all traffic and is still watched; the way back is instant."""
    previous, stable, wanted = state.previous, state.stable, facts.wanted.revision
    if previous is None or stable is None or not previous.baking:
        return None
    if facts.verdict.result in ("Failed", "Gross"):
        return back_to_previous(state, stable, previous, facts.verdict.reason, facts.verdict.message, now)
    if is_crashing(facts, stable):
        return back_to_previous(state, stable, previous, "CandidateCrashed", facts.of(stable.key).problem, now)
    left = previous.since + rules.bake - now
    if left > timedelta(0) and (wanted is None or wanted.key != previous.revision.key):
        message = f"{named(stable)} has all traffic; {named(previous.revision)} stays at full size for {span(left)}"
        return Move(state, "Baking", message, min(left, timedelta(seconds=15)))
    done = replace(state, previous=replace(previous, baking=False))
    done = done.recorded(stable, "Promoted", "the bake ended without a complaint", now)
    return Move(done, "Promoted", f"{named(stable)} is promoted", NOW, "Promoted")


def drop_previous(state: RolloutState, facts: Facts, rules: Rules, now: datetime) -> Move | None:
    """The previous revision was kept for long enough."""
    previous = state.previous
    if previous is None or previous.baking or now < previous.since + rules.bake + rules.keep_for:
        return None
    return Move(replace(state, previous=None), "Stable", "the previous revision was removed", NOW)
