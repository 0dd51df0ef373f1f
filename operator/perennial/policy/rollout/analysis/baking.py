"""Watching a revision that has passed its steps: looked at again and again, so by sequences that allow it. Pure.

It is for plain harm; whether a candidate is within its limits was judged at the steps (`judging`).
"""

from collections.abc import Mapping
from math import inf

from perennial.api.deployment_status import AnalysisStatus
from perennial.api.records.arms import ArmCounts
from perennial.api.rollout import Analysis
from perennial.policy.rollout.analysis.clustering import Share
from perennial.policy.rollout.analysis.error_rate import errors_of, harmful_rate
from perennial.policy.rollout.analysis.finding import Finding
from perennial.policy.rollout.analysis.gross import LEAST_ERRORS
from perennial.policy.rollout.analysis.judging import one_each, share_of_alpha
from perennial.policy.rollout.analysis.latency import HARM, QUANTILES, accepted_time, beyond, quantile
from perennial.policy.rollout.analysis.prometheus import UNASKED, Reading, queries, sustained
from perennial.policy.rollout.arms import Arms
from perennial.policy.rollout.facts import StepVerdict
from perennial.policy.rollout.plan import Rules
from perennial.stats.evidence import RateSequence

NOTICEABLE = 0.005
"""Seconds. Less than this between now and then is not the model: a neighbour on the node moves the 95th percentile of
a server that answers in one or two milliseconds by as much. At the steps both versions have the same neighbours, and
less is told apart."""


def watch(
    arms: Arms, rules: Rules, base: Mapping[str, float], readings: Mapping[str, Reading] | None = None
) -> tuple[StepVerdict, list[AnalysisStatus]]:
    """`Failed` or `Short`, at any look, and one row a metric.

    Stopped is what the steps were sized to see: the accepted error rate plus another tolerance, a latency a quarter
    beyond the accepted one. Between two versions on the same traffic less can be told apart; between now and then,
    when `base` was measured, it cannot.

    Args:
        arms: what has been counted since; `arms.candidate` is the revision that is watched.
        base: metric → stable's value in the last step. A metric without one is judged by `max`, or not at all.
        readings: what Prometheus has said lately, by the name of the row.
    """
    alpha = share_of_alpha(rules)
    findings = [_finding(rule, arms.candidate, base, alpha) for rule in rules.analysis if rule.metric is not None]
    findings += [sustained(name, rule, (readings or {}).get(name, UNASKED)) for name, rule in queries(rules.analysis)]
    rows = one_each([f.row(judged=f.is_beyond) for f in findings])
    seen = arms.candidate.requests
    failed = "; ".join(f.message for f in findings if f.is_beyond)
    return StepVerdict("Failed" if failed else "Short", "AnalysisFailed" if failed else "", failed, seen), rows


def _finding(rule: Analysis, arm: ArmCounts, base: Mapping[str, float], alpha: float) -> Finding:
    name = rule.metric or ""
    known = base.get(name)
    if name == "errorRate":
        return _errors(rule, arm, known, alpha)
    if name in QUANTILES:
        return _latency(rule, arm, known, alpha)
    return Finding(name, blind="not judged while one version has all requests")


def _errors(rule: Analysis, arm: ArmCounts, base: float | None, alpha: float) -> Finding:
    share = errors_of(arm, alpha)
    if base is None and rule.max is None:
        return Finding("errorRate", blind="nothing is known of the version before")
    limit = harmful_rate(rule, base if base is not None else rule.max or 0.0)
    return Finding(
        "errorRate",
        stable=base,
        candidate=share.rate if share.requests else None,
        samples=int(share.requests),
        is_beyond=share.events >= LEAST_ERRORS and _exceeds(share, limit, alpha),
        message=f"{share.rate:.2%} of {share.requests:.0f} requests failed; {limit:.2%} are harm",
    )


def _latency(rule: Analysis, arm: ArmCounts, base: float | None, alpha: float) -> Finding:
    name, wanted = rule.metric or "", QUANTILES[rule.metric or ""]
    if base is None and rule.max is None:
        return Finding(name, blind="nothing is known of the version before")
    limit = _harmful_time(rule, base)
    share, own = beyond(arm, limit, alpha), quantile(arm.latency, wanted)
    return Finding(
        name,
        stable=base,
        candidate=own,
        samples=int(share.requests),
        is_beyond=_exceeds(share, 1 - wanted, alpha),
        message=f"the {wanted * 100:.0f}th percentile of {share.requests:.0f} requests is "
        f"{(own or 0.0) * 1000:.3g} ms; {limit * 1000:.3g} ms are harm",
    )


def _harmful_time(rule: Analysis, base: float | None) -> float:
    """Seconds: a quarter beyond what is accepted, and NOTICEABLE beyond what was, unless `max` says less."""
    relative = accepted_time(rule, base) * HARM
    least = relative if base is None else base + NOTICEABLE
    return max(relative, min(least, inf if rule.max is None else rule.max * HARM))


def _exceeds(share: Share, limit: float, alpha: float) -> bool:
    return RateSequence(alpha).exceeds(*share.whole, min(limit, 0.99))
