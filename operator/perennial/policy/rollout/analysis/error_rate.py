"""Does the candidate fail more often than accepted? Every fallback of its share is among its errors. Pure."""

from perennial.api.records.arms import ArmCounts
from perennial.api.rollout import Analysis
from perennial.policy.rollout.analysis.clustering import Share
from perennial.policy.rollout.analysis.finding import Finding
from perennial.policy.rollout.arms import Arms
from perennial.stats.evidence import requests_for_rate

TOLERANCE = 0.005
"""Default of `tolerance`, as the API says."""

LEAST_MARGIN = 0.0025
"""The step is sized for a harm of twice the tolerance, but of no less than twice this."""

LEAST_SHARE = 0.05
"""Requests of stable per candidate request that sizes are computed for, at least and (inverse) at most."""


def error_rate(rule: Analysis, arms: Arms, alpha: float) -> Finding:
    """The finding on errorRate.

    Accepted is `max`, and never more than `tolerance` above stable. Where stable itself is about `max` or beyond it,
    half the tolerance above stable: what stable does as well is not held against the candidate.
    """
    candidate, stable = errors_of(arms.candidate, alpha), errors_of(arms.stable, alpha)
    samples = int(candidate.requests)
    if not candidate.requests or not stable.requests:
        return Finding("errorRate", samples=samples)
    base = stable.rate
    limit, harm = accepted(rule, base), harmful_rate(rule, base)
    smoothed = (stable.events / stable.effect + 0.5) / (stable.worth + 1)
    noise = smoothed * (1 - smoothed) / stable.worth
    ratio = balance(candidate, stable)
    # where nearly everything fails and may fail, there is no harm to be seen
    needed = candidate.effect * requests_for_rate(limit, harm, alpha=alpha, ratio=ratio) if harm > limit else 0.0
    return Finding(
        "errorRate",
        stable=base,
        candidate=candidate.rate,
        samples=samples,
        needed=int(needed) + 1,
        is_beyond=candidate.is_above(limit, alpha, noise),
        excludes=f"an error rate above {candidate.upper(alpha):.2%}",
        message=f"{candidate.rate:.2%} of {samples} requests failed, stable {base:.2%}; at most {limit:.2%} may",
    )


def accepted(rule: Analysis, base: float) -> float:
    """The largest accepted error rate, given stable's."""
    margin = _tolerance(rule)
    most = base + margin if rule.max is None else max(rule.max, base + margin / 2)
    return min(base + margin, most, 1.0)


def harmful_rate(rule: Analysis, base: float) -> float:
    """The error rate that a step must see: twice the tolerance above stable."""
    return min(base + 2 * max(_tolerance(rule), LEAST_MARGIN), 1.0)


def _tolerance(rule: Analysis) -> float:
    return TOLERANCE if rule.tolerance is None else rule.tolerance


def errors_of(arm: ArmCounts, alpha: float) -> Share:
    """Errors of an arm over its hash slots."""
    slots = arm.slots.values()
    return Share.of([c.errors for c in slots], [c.requests for c in slots], alpha)


def balance(candidate: Share, stable: Share) -> float:
    """Stable requests per candidate request, by what both are worth."""
    return min(max(stable.worth / max(candidate.worth, 1.0), LEAST_SHARE), 1 / LEAST_SHARE)
