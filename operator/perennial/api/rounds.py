"""The rounds of a search: how many trials each has, and on what share of the rows. Known from the spec alone. Pure.

A round's parameters follow from the results of the rounds before it (`perennial.runtime.training.suggest`); its size
does not, so that whoever makes the Job of a round need not know what is tried in it.
"""

import math
from dataclasses import dataclass

from perennial.api.algorithm import Search
from perennial.api.space import combinations

HALVING = 3
"""A rung of successive halving keeps a third on three times the rows (K. Jamieson, A. Talwalkar, AISTATS 2016)."""
LEAST_SHARE = 0.05
MOST_RUNGS = 4
"""With more, the first ones would all be at the least share: the same fits again."""
BAYESIAN_BATCH = 5


@dataclass(frozen=True, slots=True)
class Round:
    """Trials that do not depend on each other."""

    first: int  # index of its first trial
    trials: int
    share: float = 1.0  # of the training rows

    @property
    def indexes(self) -> range:
        """Of its trials."""
        return range(self.first, self.first + self.trials)


def rounds(search: Search) -> tuple[Round, ...]:
    """The rounds of the search of one design, in order; at least one."""
    if search.strategy == "halving":
        return _halving(search.trials)
    if search.strategy == "bayesian":
        starts = range(0, search.trials, BAYESIAN_BATCH)
        return tuple(Round(first, min(BAYESIAN_BATCH, search.trials - first)) for first in starts)
    if search.strategy == "grid":
        return (Round(0, min(search.trials, combinations(search.space))),)
    return (Round(0, search.trials),)


def _halving(trials: int) -> tuple[Round, ...]:
    rungs = min(MOST_RUNGS, max(1, math.floor(math.log(trials, HALVING)) + 1))
    made: list[Round] = []
    first = 0
    for rung in range(rungs):
        made.append(Round(first, trials, max(LEAST_SHARE, HALVING ** (rung - rungs + 1))))
        first, trials = first + trials, max(1, math.ceil(trials / HALVING))
    return tuple(made)
