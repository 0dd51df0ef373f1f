"""The one status write of a look at an object, and the events that go with it.

What the status says is decided before; here it is only settled against the old one and sent.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from perennial.kube.errors import ApiError, NotFound, Replaced
from perennial.kube.events import record
from perennial.kube.resources import Ref
from perennial.reconcile.context import Context

LONGEST_MESSAGE = 1024
"""Characters of a condition's message that the CRD schemas allow."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EventIntent:
    """An event to be told once the status says the same."""

    type: Literal["Normal", "Warning"]
    reason: str  # CamelCase, from perennial.api.reasons
    action: str  # what we did, a verb: `Train`, `Promote`
    message: str


async def write_status(
    ctx: Context, body: Mapping[str, Any], status: Mapping[str, Any], events: Sequence[EventIntent] = ()
) -> bool:
    """Put the whole status in place of the old one, if it says something else; then tell the events.

    The conditions may come without `lastTransitionTime` and `observedGeneration`: both are filled in. An event
    is a transition, so where the status stays as it is, no event is told.

    Args:
        ctx: the surroundings.
        body: the object as it was when the decision was made.
        status: the whole new status.
        events: what changed, in words.

    Returns:
        True when a write was made. An object that is gone or was made anew is no error: its successor gets a
        look of its own.

    Raises:
        ApiError: the write failed; nothing was told.
    """
    settled = settle(
        body.get("status") or {}, status, generation=body["metadata"].get("generation"), now=ctx.clock.now()
    )
    if settled == (body.get("status") or {}):
        return False
    ref = Ref.to(body)
    try:
        await ctx.kube.patch_status(ref, body["metadata"]["uid"], settled)
    except (NotFound, Replaced):
        return False
    for event in events:
        try:
            await record(ctx.kube, body, event.type, event.reason, event.action, event.message, at=ctx.clock.now())
        except ApiError as error:  # the status has it; an event is a courtesy
            log.warning("event %s not written: %s", event.reason, error, extra={"object": str(ref)})
    return True


def settle(old: Mapping[str, Any], new: Mapping[str, Any], *, generation: int | None, now: datetime) -> dict[str, Any]:
    """The new status as it is to be stored: equal to the old one unless it says something else. Pure.

    `lastTransitionTime` moves only when a condition's `status` does (metav1.Condition).

    Args:
        old: the stored status.
        new: the decided status; keys that are None are left out.
        generation: the object's generation that was looked at.
        now: the time of a transition.
    """
    before = {c["type"]: c for c in old.get("conditions") or ()}
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    status = {k: v for k, v in new.items() if v is not None}
    if generation is not None:
        status["observedGeneration"] = generation
    status["conditions"] = [
        _settled(condition, before.get(condition["type"]), generation, stamp)
        for condition in new.get("conditions") or ()
    ]
    return status


def _settled(
    condition: Mapping[str, Any], before: Mapping[str, Any] | None, generation: int | None, stamp: str
) -> dict[str, Any]:
    unchanged = before is not None and before.get("status") == condition["status"]
    message = str(condition.get("message", ""))
    settled = {
        **condition,
        "message": message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 1] + "…",
        "lastTransitionTime": before["lastTransitionTime"] if before is not None and unchanged else stamp,
    }
    if generation is not None:
        settled["observedGeneration"] = generation
    return settled
