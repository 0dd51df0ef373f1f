"""Evidence of a rollout step: how many requests can show a harm, errors of shares over hash slots, early stopping."""

from dataclasses import dataclass
from math import ceil, log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

from perennial.stats.proportions import normal_quantile

Floats = NDArray[np.float64]


def requests_for_rate(base: float, harmful: float, *, alpha: float, power: float = 0.99, ratio: float = 1.0) -> int:
    """Candidate requests that tell a harmful rate from the base rate, one-sided.

    n = ((z_(1−α)·√((1 + 1/ratio)·p̄(1 − p̄)) + z_power·√(p₁(1 − p₁) + p₀(1 − p₀)/ratio)) / (p₁ − p₀))²
    (J. L. Fleiss, Statistical Methods for Rates and Proportions, 3rd ed., §4.2).

    Args:
        base, harmful: rates, base < harmful.
        ratio: stable requests per candidate request.

    Raises:
        ValueError: the harmful rate is not above the base.
    """
    if harmful <= base:
        raise ValueError(f"requests_for_rate: the harmful rate {harmful} must be above the base rate {base}")
    pooled = (harmful + ratio * base) / (1 + ratio)
    null = normal_quantile(1 - alpha) * sqrt((1 + 1 / ratio) * pooled * (1 - pooled))
    other = normal_quantile(power) * sqrt(harmful * (1 - harmful) + base * (1 - base) / ratio)
    return ceil(((null + other) / (harmful - base)) ** 2)


def requests_for_quantile(
    beyond: float, quantile: float, *, alpha: float, power: float = 0.99, ratio: float = 1.0
) -> int:
    """Candidate requests that tell a slower quantile: of the rate beyond stable's quantile.

    Args:
        beyond: share of a harmful candidate's requests that would lie beyond the accepted latency.
        quantile: such as 0.95: of a harmless candidate at most 1 − quantile lie beyond it.
    """
    return requests_for_rate(1 - quantile, beyond, alpha=alpha, power=power, ratio=ratio)


def jackknife_error(events: Floats, requests: Floats) -> float:
    """Standard error of Σevents/Σrequests over hash slots, leaving out one slot at a time.

    With sticky routing all requests of a client fall into one slot, so slots, not requests, are independent
    (B. Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982, §3).

    Args:
        events, requests: shape (slots,); empty slots are left out.
    """
    used = requests > 0
    events, requests = events[used], requests[used]
    if events.size < 2:
        return float("nan")
    rest = requests.sum() - requests
    rates = (events.sum() - events) / np.maximum(rest, 1e-9)
    deviation = rates - rates.mean()
    return sqrt(float(deviation @ deviation) * (events.size - 1) / events.size)


@dataclass(frozen=True, slots=True)
class RateSequence:
    """An anytime-valid lower bound of a rate: it may be looked at after every request.

    The mixture martingale of H. Robbins, Ann. Math. Stat. 41 (1970) §3, for Bernoulli outcomes with a uniform prior:
    M_n(p) = B(s + 1, n − s + 1) / (p^s (1 − p)^(n − s)); by Ville's inequality the set {p: M_n(p) < 1/α} holds the
    true rate at all n at once with probability 1 − α.
    """

    alpha: float

    def lower(self, events: int, requests: int) -> float:
        """The bound; 0 while there is nothing to say."""
        if requests == 0 or events == 0:
            return 0.0
        rate, low, high = events / requests, 0.0, events / requests
        threshold = -log(self.alpha)
        for _ in range(60):
            middle = (low + high) / 2
            if self._log_mixture(events, requests, middle) >= threshold:
                low = middle
            else:
                high = middle
        return min(low, rate)

    def exceeds(self, events: int, requests: int, limit: float) -> bool:
        """Whether the rate is above the limit, whenever one looks."""
        above = requests > 0 and events / requests > limit
        return above and self._log_mixture(events, requests, limit) >= -log(self.alpha)

    def _log_mixture(self, events: int, requests: int, p: float) -> float:
        if p <= 0.0:
            return float("inf")
        own = float(betaln(events + 1, requests - events + 1))
        misses = requests - events
        return own - events * log(p) - (misses * log(1 - p) if misses else 0.0)
