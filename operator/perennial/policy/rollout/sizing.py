"""How many replicas full size is while somebody, mostly an autoscaler, asks for fewer. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from perennial.policy.rollout.move import Move
from perennial.policy.rollout.state import RolloutState

CALM = timedelta(minutes=5)
"""How long after a rollout scaling down still waits."""


@dataclass(frozen=True, slots=True)
class Size:
    """Replicas that the stable revision should have.

    Args:
        until: when a smaller size takes effect by itself; None: none waits, or the rollout has to end first.
        message: what waits, for people; empty: nothing.
    """

    replicas: int
    until: datetime | None = None
    message: str = ""


def full_size(asked: int, running: int | None, state: RolloutState, now: datetime) -> Size:
    """Scaling up is done at once, for all revisions; scaling down waits for the rollout and 5 minutes of calm.

    With a share of its requests sent elsewhere the stable revision looks idle, and an autoscaler that takes its pods
    away takes them from the way back, and from the size that the candidate grows to. To 0 is a person's switch-off.

    Args:
        asked: `spec.replicas`.
        running: what the stable revision's Deployment is told to run; None: there is none yet.
    """
    if running is None or asked >= running or asked == 0:
        return Size(asked)
    waits = f"scaling down from {running} to {asked} replicas waits until the rollout has been over for 5 minutes"
    if state.candidate is not None or (state.previous is not None and state.previous.baking):
        return Size(running, None, waits)
    if len(state.history) > 1 and now < state.history[-1].at + CALM:
        return Size(running, state.history[-1].at + CALM, waits)
    return Size(asked)


def held_back(move: Move, size: Size, now: datetime) -> Move:
    """A move that also tells of a smaller size that waits, and looks again when it may take effect."""
    if not size.message:
        return move
    waits = [wait for wait in (move.check_after, size.until - now if size.until else None) if wait is not None]
    message = "; ".join(part for part in (move.message, size.message) if part)
    return replace(move, message=message, check_after=min(waits, default=None))
