"""A spec that an older CRD let in and the models refuse: the object says so and keeps what its status held."""

from collections.abc import Mapping, Sequence
from typing import Any

import pydantic

from perennial.api.conditions import Condition, with_condition
from perennial.api.problem import problems_of
from perennial.reconcile.context import Context
from perennial.reconcile.status import EventIntent, write_status

SHOWN = 5


async def report_invalid(
    body: Mapping[str, Any], error: pydantic.ValidationError, ctx: Context, *, false: Sequence[str] = ("Ready",)
) -> None:
    """Set `Stalled`, and the conditions in `false` to False, with what is wrong.

    Raises:
        ApiError: the status could not be written.
    """
    told = "; ".join(str(p) for p in problems_of(error, "")[:SHOWN])
    status = dict(body.get("status") or {})
    conditions = [Condition.model_validate(c) for c in status.get("conditions") or ()]
    generation, now = body["metadata"].get("generation", 0), ctx.clock.now()
    for type_, on in (*((t, False) for t in false), ("Stalled", True)):
        conditions = with_condition(conditions, type_, on, "SpecInvalid", told, generation=generation, now=now)
    status["conditions"] = [c.to_json_dict() for c in conditions]
    await write_status(ctx, body, status, [EventIntent("Warning", "SpecInvalid", "Refuse", told)])
