"""Trigger: the newest run found other data than was pinned for it. What called for it still does: it is pinned again.

Once per cause: a repetition that is overtaken too counts as failed, and the brakes hold as after any failure.
"""

from perennial.api.reasons import retraining
from perennial.policy.retrain.finding import Fired
from perennial.policy.retrain.snapshot import PastRun, PolicySnapshot


def overtaken(policy: PolicySnapshot) -> Fired | None:
    """Fires, in the name of what called for it, while the newest run is one that nothing came of for that reason."""
    newest = policy.runs[-1] if policy.runs else None
    if newest is None or newest.outcome != "Overtaken":
        return None
    message = f"data arrived between the decision for {newest.training} and its start; it is pinned again"
    return Fired(newest.trigger, retraining.DATA_OVERTAKEN, message, repeats=newest.training)


def counted(runs: tuple[PastRun, ...]) -> list[PastRun]:
    """The runs that brakes count: nothing was read or trained by one that was overtaken."""
    return [r for r in runs if r.outcome != "Overtaken"]
