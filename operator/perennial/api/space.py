"""The values of a search space: ends, the value at a share of a range, the steps of a grid. Pure.

Which of them are tried is decided in `perennial.runtime.training.suggest`.
"""

import math
from collections.abc import Mapping
from typing import Any

from perennial.api.algorithm import SearchRange

GRID_STEPS = 5
"""Values of a range in a grid."""


def bounds(span: SearchRange) -> tuple[float, float]:
    """Both ends of a range; the API refuses ranges that have none."""
    return float(span.min or 0.0), float(span.max if span.max is not None else 1.0)


def at(span: SearchRange, share: float) -> Any:
    """The value at a share (0 to 1) of a range, linear or by powers."""
    low, high = bounds(span)
    value = low * (high / low) ** share if span.scale == "log" else low + (high - low) * share
    value = min(max(value, low), high)
    return round(value) if span.integer else value


def steps(span: SearchRange) -> list[Any]:
    """What a grid tries of one parameter."""
    if span.values:
        return list(span.values)
    return list(dict.fromkeys(at(span, step / (GRID_STEPS - 1)) for step in range(GRID_STEPS)))


def combinations(space: Mapping[str, SearchRange]) -> int:
    """How many combinations a grid has."""
    return math.prod(len(steps(span)) for span in space.values())
