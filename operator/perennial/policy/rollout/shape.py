"""What a rollout state looks like in the cluster: which revisions run, at which size, with which share."""

from dataclasses import dataclass
from math import ceil
from typing import Literal

from perennial.policy.rollout.plan import Rules
from perennial.policy.rollout.state import Candidate, Revision, RolloutState, Stage

Role = Literal["stable", "candidate", "previous"]


@dataclass(frozen=True, slots=True)
class Running:
    """One revision as it should run."""

    revision: Revision
    role: Role
    replicas: int
    weight: int = 0  # percent that this revision sends on …
    towards: Revision | None = None  # … to that one, and always what names its version
    copied: int = 0  # percent that this revision answers and copies to that one, for comparison


def shape(state: RolloutState, rules: Rules, size: int) -> tuple[Running, ...]:
    """Every revision that should run.

    Args:
        size: replicas of the stable revision at full size.
    """
    running: list[Running] = []
    candidate = state.candidate
    if state.stable is not None:
        towards = candidate.revision if candidate else _standing_by(state)
        copies = copied(candidate, rules)
        running.append(Running(state.stable, "stable", size, weight(candidate, rules), towards, copies))
    if candidate is not None:
        running.append(Running(candidate.revision, "candidate", _candidate_size(candidate, rules, size)))
    if state.previous is not None:
        baking = state.previous.baking
        replicas = size if baking else min(rules.keep_replicas, size)
        # requests on connections that are still open to the previous revision follow to the new one
        follow = 100 if baking and not state.previous.apart else 0
        running.append(Running(state.previous.revision, "previous", replicas, follow, state.stable))
    return tuple({r.revision.key: r for r in reversed(running)}.values())[::-1]


def _standing_by(state: RolloutState) -> Revision | None:
    """The previous revision while it is there at full size: what names its version is still answered by it."""
    previous = state.previous
    return previous.revision if previous is not None and previous.baking else None


def weight(candidate: Candidate | None, rules: Rules) -> int:
    """The percentage of requests that stable sends to the candidate."""
    if candidate is None or candidate.apart or candidate.stage is Stage.PREPARING:
        return 0
    if candidate.stage is Stage.SWITCHING:
        return 100
    return 0 if rules.copies else _share(candidate, rules)


def copied(candidate: Candidate | None, rules: Rules) -> int:
    """The percentage of requests that stable answers and copies to the candidate, by the step alone."""
    if (
        candidate is None
        or candidate.apart
        or not rules.copies
        or candidate.stage in (Stage.PREPARING, Stage.SWITCHING)
    ):
        return 0
    return _share(candidate, rules)


def _share(candidate: Candidate, rules: Rules) -> int:
    if candidate.direct or not rules.steps:
        return 0
    return rules.steps[min(candidate.step, len(rules.steps) - 1)].weight


def _candidate_size(candidate: Candidate, rules: Rules, size: int) -> int:
    if candidate.apart or rules.strategy == "BlueGreen" or candidate.stage in (Stage.PROMOTING, Stage.SWITCHING):
        return max(1, size)
    return max(1, ceil(size * max(weight(candidate, rules), copied(candidate, rules)) / 100))
