"""Is the candidate slower than accepted? Compared is the share of its requests beyond the accepted time. Pure."""

from collections.abc import Mapping
from itertools import chain
from math import ceil, inf

import numpy as np
from numpy.typing import NDArray

from perennial.api.records.arms import LATENCY_BINS, LATENCY_FIRST, LATENCY_GROWTH, ArmCounts
from perennial.api.rollout import Analysis
from perennial.policy.rollout.analysis.clustering import Share
from perennial.policy.rollout.analysis.error_rate import balance
from perennial.policy.rollout.analysis.finding import Finding
from perennial.policy.rollout.arms import Arms
from perennial.stats.evidence import requests_for_quantile
from perennial.stats.proportions import wilson

QUANTILES = {"latencyP50": 0.5, "latencyP95": 0.95, "latencyP99": 0.99}

HARM = 1.25
"""The step is sized to see a quantile this far beyond the accepted one: 1.5 × stable where 1.2 × is accepted."""

LEAST_RISE = 1.05
"""Rise of the share beyond the accepted time that sizes are computed for, at least: where the spread is so wide that
even the harm would hardly be seen, more requests would be asked for than anybody has."""

LEAST_BEYOND = 5.0
"""Requests that must be expected beyond a quantile before it is read."""

_EDGES = LATENCY_FIRST * LATENCY_GROWTH ** np.arange(-1, LATENCY_BINS)  # lower edge of bin i is _EDGES[i]


def latency(rule: Analysis, arms: Arms, alpha: float) -> Finding:
    """The finding on latencyP50, latencyP95 or latencyP99."""
    name = rule.metric or ""
    wanted = QUANTILES[name]
    samples, tail = sum(arms.candidate.latency.values()), 1 - wanted
    base, own = quantile(arms.stable.latency, wanted), quantile(arms.candidate.latency, wanted)
    if base is None or own is None:
        return Finding(name, samples=samples)
    limit = accepted_time(rule, base)
    candidate, stable = beyond(arms.candidate, limit, alpha), beyond(arms.stable, base, alpha)
    # at the limit both densities agree, so that an error of stable's quantile is one of this share
    noise = 0.0 if limit == rule.max else tail * (1 - tail) / stable.worth
    harmful = max(_over(arms.stable.latency, base / HARM), tail * LEAST_RISE)
    needed = candidate.effect * requests_for_quantile(
        min(harmful, 1.0), wanted, alpha=alpha, ratio=balance(candidate, stable)
    )
    bound = quantile(arms.candidate.latency, wilson(wanted * candidate.worth, candidate.worth, 1 - 2 * alpha)[1])
    told = f"{own * 1000:.3g} ms, stable {base * 1000:.3g} ms; at most {limit * 1000:.3g} ms is accepted"
    return Finding(
        name,
        stable=base,
        candidate=own,
        samples=samples,
        needed=max(ceil(needed), ceil(LEAST_BEYOND / tail)),
        is_beyond=candidate.is_above(tail, alpha, noise),
        excludes=f"more than {bound * 1000:.3g} ms" if bound is not None else "",
        message=f"the {wanted * 100:.0f}th percentile of {samples} requests is {told}",
    )


def accepted_time(rule: Analysis, base: float | None) -> float:
    """The largest accepted latency in seconds, given stable's; infinite where the rule says nothing."""
    ratio = inf if rule.max_ratio is None or base is None else base * rule.max_ratio
    return min(ratio, inf if rule.max is None else rule.max)


def quantile(histogram: Mapping[int, int], share: float) -> float | None:
    """A quantile of a latency histogram in seconds, interpolated within its bin; None when it is empty."""
    total, passed = sum(histogram.values()), 0
    for index in sorted(histogram):
        count = histogram[index]
        if count and passed + count >= share * total:
            low, high = _EDGES[index], _EDGES[index + 1]
            return float(low + (high - low) * (share * total - passed) / count)
        passed += count
    return None


def beyond(arm: ArmCounts, limit: float, alpha: float) -> Share:
    """Requests beyond a limit over hash slots; a request within the limit's own bin counts by its part."""
    slots = list(arm.slots.values())
    bins = np.fromiter(chain.from_iterable(one.latency for one in slots), dtype=np.int64)
    counts = np.fromiter(chain.from_iterable(one.latency.values() for one in slots), dtype=np.float64)
    number = np.repeat(np.arange(len(slots)), [len(one.latency) for one in slots])
    events = np.bincount(number, counts * _parts(limit)[bins], minlength=len(slots))
    return Share.of(events, [one.requests for one in slots], alpha)


def _over(histogram: Mapping[int, int], limit: float) -> float:
    total = sum(histogram.values())
    parts = _parts(limit)
    return float(sum(count * parts[index] for index, count in histogram.items())) / total if total else 0.0


def _parts(limit: float) -> NDArray[np.float64]:
    """Part of each bin that lies beyond the limit, shape (LATENCY_BINS,)."""
    part: NDArray[np.float64] = np.clip((_EDGES[1:] - limit) / (_EDGES[1:] - _EDGES[:-1]), 0.0, 1.0)
    return part
