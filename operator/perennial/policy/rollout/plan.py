"""The rules of a rollout, from spec.rollout with its defaults."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Self

from perennial.api.fields import parse_duration
from perennial.api.rollout import Analysis, Rollout

PROPAGATION = timedelta(seconds=3)
"""How long a new weight needs to reach every stable pod (measured below 1 s; the promise is 2 s)."""

READY_DEADLINE = timedelta(minutes=10)
"""How long a candidate may take until its pods are ready."""

STABLE_GONE = timedelta(seconds=60)
"""A stable revision without a ready pod for this long has nothing left to protect."""


@dataclass(frozen=True, slots=True)
class StepRule:
    """One step: the share of requests that the candidate answers, or gets copies of."""

    weight: int
    min_requests: int = 0
    min_duration: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Rules:
    """spec.rollout with durations as such."""

    strategy: Literal["Canary", "Shadow", "BlueGreen", "Replace"] = "Canary"
    steps: tuple[StepRule, ...] = ()
    analysis: tuple[Analysis, ...] = ()
    wait_for: timedelta = timedelta(minutes=30)
    required: bool = False
    bake: timedelta = timedelta(minutes=10)
    keep_replicas: int = 1
    keep_for: timedelta = timedelta(hours=24)
    manual: bool = False
    paused: bool = False

    @property
    def copies(self) -> bool:
        """Whether a candidate is judged on copies of requests, and answers none before the switch."""
        return self.strategy in ("Shadow", "BlueGreen")

    @classmethod
    def of(cls, rollout: Rollout) -> Self:
        """The rules of a spec; the defaults are the API's. BlueGreen looks once: at the last of the steps."""
        steps = rollout.steps[-1:] if rollout.strategy == "BlueGreen" else rollout.steps
        return cls(
            strategy=rollout.strategy,
            steps=tuple(StepRule(s.weight, s.min_requests, parse_duration(s.min_duration)) for s in steps),
            analysis=tuple(rollout.analysis),
            wait_for=parse_duration(rollout.evidence.wait_for),
            required=rollout.evidence.mode == "Required",
            bake=parse_duration(rollout.bake),
            keep_replicas=rollout.keep_previous.replicas,
            keep_for=parse_duration(rollout.keep_previous.duration),
            manual=rollout.approval == "Manual",
            paused=rollout.paused,
        )
