"""What a check of the chain returns."""

from dataclasses import dataclass
from datetime import datetime

from perennial.policy.retrain.snapshot import TriggerKind


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one brake: whether it holds, why, and when that may change by itself."""

    holds: bool
    reason: str
    message: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fired:
    """A trigger that wants a run now."""

    kind: TriggerKind
    reason: str
    message: str
    repeats: str | None = None  # name of the run whose data is pinned again


@dataclass(frozen=True, slots=True)
class Idle:
    """A trigger that wants nothing now, and when to look again."""

    kind: TriggerKind
    message: str
    next_look: datetime | None = None


def free(reason: str, message: str) -> Finding:
    """The brake does not hold."""
    return Finding(False, reason, message)


def held(reason: str, message: str, until: datetime | None = None) -> Finding:
    """The brake holds."""
    return Finding(True, reason, message, until)
