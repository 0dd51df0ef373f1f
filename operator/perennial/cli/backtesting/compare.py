"""Accuracy over time of each strategy, and paired differences with a weekly block bootstrap."""

from dataclasses import dataclass

import numpy as np

from perennial.cli.backtesting.models import Workshop, joined
from perennial.cli.backtesting.simulate import Pass
from perennial.stats.metrics import Rows, value

WEEK = 7 * 86400.0
DRAWS = 2000
BLOCK_WEEKS = 2
"""Neighbouring weeks share a model and a season: they are drawn in blocks (H. R. Künsch, Ann. Stat. 17, 1989)."""


@dataclass(frozen=True)
class Versus:
    """The policy against one control: mean weekly difference, larger is better for the policy."""

    control: str
    difference: float
    lower: float
    upper: float

    @property
    def verdict(self) -> str:
        """`beats` only if the interval excludes 0."""
        if self.lower > 0:
            return "beats"
        return "loses to" if self.upper < 0 else "is not shown to differ from"


def weekly(workshop: Workshop, done: Pass, origin: float) -> np.ndarray:
    """The metric of each week, shape (weeks,); NaN where it is not defined."""
    week = [int((workshop.history.seconds[rows[0]] - origin) // WEEK) if rows.size else -1 for rows, _ in done.served]
    found = np.full(max(week, default=-1) + 1, np.nan)
    for number in range(found.size):
        parts = [s for s, w in zip(done.served, week, strict=True) if w == number]
        found[number] = _value(workshop, [workshop.truth_and_answers(m, rows) for rows, m in parts])
    return found


def versus(policy: np.ndarray, control: np.ndarray, name: str, *, larger_is_better: bool, seed: int = 0) -> Versus:
    """Mean weekly difference and its 95 % interval by a moving-block bootstrap over weeks.

    Args:
        policy, control: shape (weeks,); weeks in which either is undefined are left out.
    """
    difference = (policy - control) * (1 if larger_is_better else -1)
    difference = difference[np.isfinite(difference)]
    if difference.size < 2:
        return Versus(name, float(difference.mean()) if difference.size else 0.0, -np.inf, np.inf)
    rng = np.random.default_rng(seed)
    length = min(BLOCK_WEEKS, difference.size)
    blocks = -(-difference.size // length)
    begins = rng.integers(0, difference.size, (DRAWS, blocks))
    index = (begins[:, :, None] + np.arange(length)) % difference.size
    means = difference[index.reshape(DRAWS, -1)[:, : difference.size]].mean(axis=1)
    lower, upper = np.quantile(means, [0.025, 0.975]).tolist()
    return Versus(name, float(difference.mean()), lower, upper)


def _value(workshop: Workshop, parts: list[Rows]) -> float:
    rows = [r for r in parts if r.truth.size]
    return value(workshop.metric, joined(rows)) if rows else float("nan")
