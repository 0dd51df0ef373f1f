"""What counts in hash slots are worth: with sticky routing all requests of a client fall into one slot, so slots are
independent and requests are not. Not for predictions, whose bins come with their own sums (`shift`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, stdtrit

from perennial.stats.evidence import jackknife_error
from perennial.stats.proportions import normal_quantile, wilson

Numbers = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Share:
    """Events among requests, with what the requests are worth."""

    events: float
    requests: float
    effect: float = 1.0  # requests that are worth one independent request

    @classmethod
    def of(cls, events: Numbers, requests: Numbers, alpha: float) -> Self:
        """The share over hash slots; its effect includes that the variance is estimated from so few slots.

        effect = max(1, s² / (p(1 − p)/n)) · (t_(slots−1; 1−α) / z_(1−α))², s by the jackknife over slots: the
        degrees-of-freedom adjusted sample size of E. L. Korn, B. I. Graubard, Survey Methodology 24 (1998) 193-201.

        Args:
            events, requests: shape (slots,).
            alpha: one-sided error probability of the test that follows.
        """
        table = np.column_stack([np.asarray(events, dtype=np.float64), np.asarray(requests, dtype=np.float64)])
        table = table[table[:, 1] > 0]
        hits, n = table.sum(axis=0).tolist()
        if len(table) < 2 or not 0 < hits < n:
            return cls(hits, n)
        plain = hits / n * (1 - hits / n) / n
        spread = jackknife_error(table[:, 0], table[:, 1]) ** 2 / plain
        few = (float(stdtrit(len(table) - 1, 1 - alpha)) / normal_quantile(1 - alpha)) ** 2
        return cls(hits, n, max(1.0, spread) * few)

    @property
    def rate(self) -> float:
        """Events a request; 0 without requests."""
        return self.events / self.requests if self.requests else 0.0

    @property
    def worth(self) -> float:
        """Independent requests that this is worth."""
        return self.requests / self.effect

    @property
    def whole(self) -> tuple[int, int]:
        """Events and requests by their worth as whole numbers, rounded towards the smaller rate."""
        return floor(self.events / self.effect), ceil(self.worth)

    def upper(self, alpha: float) -> float:
        """One-sided upper bound of the rate."""
        return wilson(self.events / self.effect, self.worth, 1 - 2 * alpha)[1]

    def is_above(self, limit: float, alpha: float, noise: float = 0.0) -> bool:
        """Whether the rate is beyond a limit that is itself estimated: by the exact binomial tail and the score test.

        Both must say so: the first holds its level with few events, the second knows of the limit's own error.

        Args:
            noise: variance of the limit.
        """
        if self.events <= 0 or limit >= 1 or self.rate <= limit:
            return False
        events = self.events / self.effect
        tail = float(betainc(events, self.worth - events + 1, limit)) if limit > 0 else 0.0
        deviation = (limit * (1 - limit) / self.worth + noise) ** 0.5
        return tail < alpha and self.rate - limit > normal_quantile(1 - alpha) * deviation
