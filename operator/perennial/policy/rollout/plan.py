"""The rules of a rollout, from spec.rollout with its defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, Self

from perennial.api.fields import parse_duration

PROPAGATION = timedelta(seconds=3)
"""How long a new weight needs to reach every stable pod (measured below 1 s; the promise is 2 s)."""

READY_DEADLINE = timedelta(minutes=10)
"""How long a candidate may take until its pods are ready."""

STABLE_GONE = timedelta(seconds=60)
"""A stable revision without a ready pod for this long has nothing left to protect."""


@dataclass(frozen=True, slots=True)
class StepRule:
    """One step of a canary."""

    weight: int
    min_requests: int = 0
    min_duration: timedelta = timedelta(0)


DEFAULT_STEPS = (
    StepRule(5, 200, timedelta(minutes=2)),
    StepRule(25, 200, timedelta(minutes=2)),
    StepRule(50, 200, timedelta(minutes=2)),
)


@dataclass(frozen=True, slots=True)
class Rules:
    """spec.rollout as durations and numbers."""

    strategy: Literal["Canary", "Shadow", "BlueGreen", "Replace"] = "Canary"
    steps: tuple[StepRule, ...] = DEFAULT_STEPS
    analysis: tuple[Mapping[str, Any], ...] = ()
    wait_for: timedelta = timedelta(minutes=30)
    required: bool = False
    bake: timedelta = timedelta(minutes=10)
    keep_replicas: int = 1
    keep_for: timedelta = timedelta(hours=24)
    manual: bool = False
    paused: bool = False

    @classmethod
    def of(cls, rollout: Mapping[str, Any]) -> Self:
        """Rules from spec.rollout as JSON. Absent fields take the defaults above."""
        evidence, keep = rollout.get("evidence") or {}, rollout.get("keepPrevious") or {}
        steps = rollout.get("steps")
        return cls(
            strategy=rollout.get("strategy") or "Canary",
            steps=tuple(_step(s) for s in steps) if steps else DEFAULT_STEPS,
            analysis=tuple(rollout.get("analysis") or ()),
            wait_for=parse_duration(evidence.get("waitFor") or "30m"),
            required=evidence.get("mode") == "Required",
            bake=parse_duration(rollout.get("bake") or "10m"),
            keep_replicas=keep.get("replicas", 1),
            keep_for=parse_duration(keep.get("for") or "24h"),
            manual=rollout.get("approval") == "Manual",
            paused=bool(rollout.get("paused")),
        )


def _step(step: Mapping[str, Any]) -> StepRule:
    duration = parse_duration(step.get("minDuration") or "0s")
    return StepRule(step["weight"], step.get("minRequests") or 0, duration)
