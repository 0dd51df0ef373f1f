"""One step of a rollout: state and facts in, next state and its explanation out. Pure; each rule is one function.

`advance` is called on every look. Manifests follow from the state alone, so a crash after the state was written
and before the cluster was changed is mended by the next look.
"""

from collections.abc import Callable
from datetime import datetime

from perennial.policy.rollout import ending, promoting, starting, stepping
from perennial.policy.rollout.facts import Facts
from perennial.policy.rollout.move import Move
from perennial.policy.rollout.plan import Rules
from perennial.policy.rollout.state import RolloutState

Rule = Callable[[RolloutState, Facts, Rules, datetime], Move | None]

CHAIN: tuple[Rule, ...] = (
    ending.told_to_roll_back,
    ending.candidate_unwanted,
    ending.candidate_broken,
    promoting.bake,
    promoting.drop_previous,
    starting.nothing_wanted,
    starting.settled,
    starting.start,
    starting.prepare,
    stepping.step,
    stepping.await_approval,
    promoting.grow,
    promoting.switch,
)
"""The first rule that has something to say decides."""


def advance(state: RolloutState, facts: Facts, rules: Rules, now: datetime) -> Move:
    """The next state of a rollout, at most one transition further."""
    moves = (rule(state, facts, rules, now) for rule in CHAIN)
    return next((move for move in moves if move is not None), Move(state, "Stable", ""))
