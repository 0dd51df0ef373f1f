"""Conditions: their model, and the one place that sets them.

`Reconciling` and `Stalled` are abnormal-true as kstatus wants it: present only while true.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from perennial.api.fields import Text, format_time, list_map
from perennial.api.part import StatusModel

ABNORMAL_TRUE = frozenset({"Reconciling", "Stalled"})

ConditionStatus = Literal["True", "False", "Unknown"]


class Condition(StatusModel):
    """One thing that is so, is not so, or is not known."""

    type: Annotated[str, Field(pattern="^[A-Z][A-Za-z0-9]*$", max_length=64)]
    """What it is about."""
    status: ConditionStatus
    """True, False or Unknown."""
    reason: Annotated[str, Field(pattern="^[A-Z][A-Za-z0-9]*$", min_length=1, max_length=64)]
    """Why, in one word; every reason is documented with what to do about it."""
    message: Text = ""
    """Why, in a sentence or two for people."""
    observed_generation: int | None = None
    """Generation of the spec that this is about."""
    last_transition_time: Annotated[str, Field(max_length=40, json_schema_extra={"format": "date-time"})]
    """When the status last changed."""


Conditions = Annotated[list[Condition], Field(max_length=16, json_schema_extra=list_map("type"))]


def with_condition(
    conditions: Sequence[Condition],
    type_: str,
    status: ConditionStatus | bool,
    reason: str,
    message: str = "",
    *,
    generation: int,
    now: datetime,
) -> list[Condition]:
    """A new list in which condition `type_` says this; the others are as they were, in their order.

    `lastTransitionTime` moves only when the status flips. An abnormal-true condition that is not true is left out.
    """
    word: ConditionStatus = status if isinstance(status, str) else ("True" if status else "False")
    others = [c for c in conditions if c.type != type_]
    if type_ in ABNORMAL_TRUE and word != "True":
        return others
    before = condition(conditions, type_)
    since = before.last_transition_time if before and before.status == word else format_time(now.replace(microsecond=0))
    new = Condition(
        type=type_, status=word, reason=reason, message=message,
        observed_generation=generation, last_transition_time=since,
    )  # fmt: skip
    return [new if c.type == type_ else c for c in conditions] if before else [*others, new]


def without_condition(conditions: Sequence[Condition], type_: str) -> list[Condition]:
    """The list without condition `type_`."""
    return [c for c in conditions if c.type != type_]


def condition(conditions: Sequence[Condition], type_: str) -> Condition | None:
    """The condition of that type, if there is one."""
    return next((c for c in conditions if c.type == type_), None)


def is_true(conditions: Sequence[Condition], type_: str) -> bool:
    """Whether the condition exists and is True."""
    found = condition(conditions, type_)
    return found is not None and found.status == "True"
