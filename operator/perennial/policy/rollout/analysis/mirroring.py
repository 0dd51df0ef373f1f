"""How many of its own requests stable copies to the candidate while evidence is short. Pure."""

from collections.abc import Iterable
from datetime import timedelta
from math import inf

from perennial.api.deployment_status import AnalysisStatus

LEVELS = (0.0, 10.0, 25.0, 50.0, 100.0)
"""Percent; few, so that the plan is seldom rewritten."""

HEADROOM = 0.8
"""Of what the candidate's pods answered if each took as much as a stable one: more would make it slow by our doing."""


def mirror_share(
    rows: Iterable[AnalysisStatus],
    *,
    weight: int,
    in_force: float,
    room: float,
    elapsed: timedelta,
    within: timedelta,
) -> float:
    """Percent of stable's own requests to mirror: what is in force, or one of `LEVELS` above it.

    The lowest level with which the evidence would be complete in time, as far as the candidate's pods can bear it.

    Args:
        rows: the analysis of the step in force; a metric that waits tells what it needs.
        weight: percent of the requests that the candidate answers.
        in_force: the level in force in this step.
        room: the candidate's pods per stable pod.
        elapsed: since the step began.
        within: from its beginning, when evidence should be complete.
    """
    waiting = [r for r in rows if r.result == "Waiting" and r.needed is not None and r.samples is not None]
    missing = max(((r.needed or 0) - (r.samples or 0) for r in waiting), default=0)
    counted = max((r.samples or 0 for r in waiting), default=0)
    own, seconds = weight / 100, elapsed.total_seconds()
    reached = _part(own, in_force)
    if missing <= 0 or counted <= 0 or seconds <= 0 or reached <= 0:
        return in_force
    rate = counted / seconds / reached
    left = (within - elapsed).total_seconds()
    wanted = missing / (rate * left) if left > 0 else inf
    bearable = [level for level in LEVELS if _part(own, level) <= HEADROOM * room]
    enough = [level for level in bearable if _part(own, level) >= wanted]
    return max(in_force, enough[0] if enough else max(bearable, default=0.0))


def _part(own: float, mirror: float) -> float:
    """Part of all requests that reaches the candidate."""
    return own + (1 - own) * mirror / 100
