"""Decisions about a ModelDeployment: which revision gets how much traffic, and whether the evidence allows more."""

from perennial.policy.rollout.advance import advance
from perennial.policy.rollout.facts import Facts, RevisionHealth, Wanted
from perennial.policy.rollout.move import Move
from perennial.policy.rollout.plan import Rules, StepRule
from perennial.policy.rollout.state import Candidate, Previous, Revision, RolloutState, Stage

__all__ = [
    "Candidate",
    "Facts",
    "Move",
    "Previous",
    "Revision",
    "RevisionHealth",
    "RolloutState",
    "Rules",
    "Stage",
    "StepRule",
    "Wanted",
    "advance",
]
