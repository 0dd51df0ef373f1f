"""Rules of a rollout's steps: how long, how many requests, and what the analysis has to say."""

from dataclasses import replace
from datetime import datetime, timedelta

from perennial.policy.rollout.facts import Facts
from perennial.policy.rollout.move import NOW, Move, by_a_person, inconclusive, named, rolled_back, span, to_stage
from perennial.policy.rollout.plan import Rules
from perennial.policy.rollout.starting import is_gone
from perennial.policy.rollout.state import Candidate, RolloutState, Stage

LOOK = timedelta(seconds=5)


def step(state: RolloutState, facts: Facts, rules: Rules, now: datetime) -> Move | None:
    """The candidate has its share of the requests, or of copies of them."""
    candidate = state.candidate
    if candidate is None or candidate.stage is not Stage.STEPPING:
        return None
    if state.stable is not None and is_gone(facts, state.stable, now):
        return to_stage(state, candidate, Stage.PROMOTING, now, "StableUnavailable")
    if facts.verdict.result in ("Gross", "Failed"):
        return rolled_back(state, candidate.revision, facts.verdict.reason, facts.verdict.message, now)
    if candidate.promoted:
        return by_a_person(state, candidate, now)
    if candidate.step >= len(rules.steps):  # the spec was shortened under way
        return _through(state, candidate, rules, now)
    rule = rules.steps[candidate.step]
    share = f"{'copies of ' if rules.copies else ''}{rule.weight} %"
    title = f"step {candidate.step + 1} of {len(rules.steps)}: {named(candidate.revision)} gets {share}"
    if rules.paused:
        return Move(state, "Paused", f"{title}; spec.rollout.paused is true")
    left = rule.min_duration - (now - candidate.since)
    if left > timedelta(0):
        return Move(state, "Stepping", f"{title}; {facts.verdict.message}".rstrip("; "), min(left, LOOK))
    return _judged(state, candidate, facts, rules, now, title)


def _judged(state: RolloutState, candidate: Candidate, facts: Facts, rules: Rules, now: datetime, title: str) -> Move:
    verdict, rule = facts.verdict, rules.steps[candidate.step]
    enough = verdict.requests >= rule.min_requests
    late = now - candidate.since >= rules.wait_for
    if not late and not (verdict.result == "Passed" and enough):
        progress = f"{verdict.requests} of {rule.min_requests} requests; {verdict.message}".rstrip("; ")
        return Move(state, "Stepping", f"{title}; {progress}", LOOK)
    if late and (not enough or (rules.required and verdict.result == "Short")):
        message = (
            f"{title}; after {span(rules.wait_for)} there were {verdict.requests} requests, at least "
            f"{rule.min_requests} are wanted; {verdict.message}"
        )
        return inconclusive(state, candidate.revision, "Inconclusive", message.rstrip("; "), now)
    if candidate.step + 1 == len(rules.steps):
        return _through(state, candidate, rules, now)
    following = replace(candidate, step=candidate.step + 1, since=now)
    message = f"{title}: passed; {verdict.message}".rstrip("; ")
    return Move(replace(state, candidate=following), "Stepping", message, NOW, "StepPassed")


def _through(state: RolloutState, candidate: Candidate, rules: Rules, now: datetime) -> Move:
    return to_stage(state, candidate, Stage.AWAITING if rules.manual else Stage.PROMOTING, now, "StepsPassed")


def await_approval(state: RolloutState, facts: Facts, rules: Rules, now: datetime) -> Move | None:
    """Every step passed; a person promotes. The candidate keeps the last step's share and is still watched."""
    candidate = state.candidate
    if candidate is None or candidate.stage is not Stage.AWAITING:
        return None
    if facts.verdict.result in ("Gross", "Failed"):
        return rolled_back(state, candidate.revision, facts.verdict.reason, facts.verdict.message, now)
    if candidate.promoted:
        return by_a_person(state, candidate, now)
    if not (rules.manual or candidate.apart):  # the spec was changed under way
        return to_stage(state, candidate, Stage.PROMOTING, now, "StepsPassed")
    name = named(candidate.revision)
    told = f"{name} answers under its own version's paths, all other requests stay" if candidate.apart else ""
    message = (
        f"{told or f'{name} passed every step'}; to promote it: kubectl annotate mdp NAME "
        f"perennial.dev/promote='{candidate.revision.number} <your user name> <reason>'"
    )
    return Move(state, "AwaitingApproval", message, timedelta(seconds=15))
