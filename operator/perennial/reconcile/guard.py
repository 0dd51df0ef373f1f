"""What went wrong in a look, told in the object's status before the look is tried again.

Faults of the API server itself are not told (there is nobody to tell); they pass or the process ends.
"""

from typing import Any

from perennial.api.conditions import Condition, with_condition
from perennial.api.reasons import platform
from perennial.kube.errors import Forbidden, Invalid, NamespaceTerminating, NotOwned
from perennial.reconcile.context import Context, Key, Reconciler
from perennial.reconcile.status import EventIntent, write_status
from perennial.store.errors import StorageError, StorageOwnedByOther

REFUSALS: tuple[tuple[type[Exception], str], ...] = (
    (NotOwned, platform.NOT_OWNED),
    (Invalid, platform.CHILD_REFUSED),
    (Forbidden, platform.FORBIDDEN),
)
"""What the API server refuses, and how it is told. Only a person can mend it."""


def telling(look: Reconciler) -> Reconciler:
    """A reconciler that tells its known failures in the object's conditions, and raises them all the same: the
    queue tries the key again with growing pauses."""

    async def told(key: Key, ctx: Context) -> float | None:
        try:
            return await look(key, ctx)
        except NamespaceTerminating:
            raise
        except (NotOwned, Invalid, Forbidden, StorageError) as error:
            await _tell(key, error, ctx)
            raise

    return told


async def _tell(key: Key, error: Exception, ctx: Context) -> None:
    body = ctx.cache.get(key.kind, key.namespace, key.name)
    if body is None:
        return
    reason, stalled = _told_as(error)
    status = dict(body.get("status") or {})
    before = [Condition.model_validate(c) for c in status.get("conditions") or ()]
    status["conditions"] = [c.to_json_dict() for c in _conditions(before, reason, str(error), stalled, body, ctx)]
    known = any(c.type == "Reconciling" and c.reason == reason for c in before)
    events = [] if known else [EventIntent("Warning", reason, "Reconcile", str(error))]
    await write_status(ctx, body, status, events)


def _told_as(error: Exception) -> tuple[str, bool]:
    """Condition reason, and whether only a person can mend it."""
    if isinstance(error, StorageError):
        return error.reason, isinstance(error, StorageOwnedByOther)
    return next(reason for kind, reason in REFUSALS if isinstance(error, kind)), True


def _conditions(
    conditions: list[Condition], reason: str, message: str, stalled: bool, body: dict[str, Any], ctx: Context
) -> list[Condition]:
    """What works goes on working: `Ready` is not taken away from an object that has it."""
    ready = any(c.type == "Ready" and c.status == "True" for c in conditions)
    rows = [("Reconciling", not stalled), ("Stalled", stalled)]
    if not ready:
        rows.append(("Ready", False))
    generation, now = body["metadata"].get("generation", 0), ctx.clock.now()
    for type_, on in rows:
        conditions = with_condition(conditions, type_, on, reason, message, generation=generation, now=now)
    return conditions
