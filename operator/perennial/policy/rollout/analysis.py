"""What the counters of both arms say about the step in force. Pure.

A metric fails when the bound that favours the candidate is beyond its limit, at α split over steps × metrics; the
status says which harm the requests seen so far exclude.
"""

from collections.abc import Mapping

from perennial.api.deployment_status import AnalysisStatus
from perennial.api.records.arms import latency_edge
from perennial.api.rollout import Analysis
from perennial.policy.rollout.arms import Arms
from perennial.policy.rollout.facts import StepVerdict
from perennial.policy.rollout.plan import Rules
from perennial.stats.proportions import wilson

ALPHA = 0.05
GROSS_ALPHA = 1e-4
GROSS_ERRORS = 20
QUANTILES = {"latencyP50": 0.5, "latencyP95": 0.95, "latencyP99": 0.99}


def analyse(
    arms: Arms, rules: Rules, step: int, *, expected_shift: float | None = None
) -> tuple[StepVerdict, list[AnalysisStatus]]:
    """Verdict and one row a metric.

    Args:
        arms: counters of the step in force.
        rules: the rollout's rules.
        step: index of the step.
        expected_shift: PSI of champion against challenger on the same hold-out rows.
    """
    alpha = ALPHA / max(1, len(rules.steps) * len(rules.analysis))
    rows = [_row(rule, arms, alpha) for rule in rules.analysis]
    seen = arms.candidate.requests
    if arms.candidate.non_finite:
        message = f"the candidate predicted {arms.candidate.non_finite} values that are NaN or infinite"
        return StepVerdict("Gross", "NonFinitePredictions", message, seen), rows
    failed = next((r for r in rows if r.result == "Failed"), None)
    if failed is not None:
        gross = failed.metric == "errorRate" and _gross(arms)
        rule = rules.steps[min(step, len(rules.steps) - 1)] if rules.steps else None
        complete = gross or rule is None or seen >= rule.min_requests
        if complete:
            return StepVerdict("Gross" if gross else "Failed", "AnalysisFailed", failed.message, seen), rows
    excluded = "; ".join(r.excludes for r in rows if r.excludes)
    return StepVerdict("Passed" if seen and not failed else "Short", "", excluded, seen), rows


def _row(rule: Analysis, arms: Arms, alpha: float) -> AnalysisStatus:
    if rule.metric == "errorRate":
        return _error_rate(rule, arms, alpha)
    if rule.metric in QUANTILES:
        return _latency(rule, arms, alpha)
    return AnalysisStatus(metric=rule.metric or "prometheus", result="NotJudged", message="not judged yet")


def _error_rate(rule: Analysis, arms: Arms, alpha: float) -> AnalysisStatus:
    candidate, stable = arms.candidate, arms.stable
    if not candidate.requests:
        return AnalysisStatus(metric="errorRate", result="Waiting", samples=0)
    rate = candidate.errors / candidate.requests
    base = stable.errors / stable.requests if stable.requests else 0.0
    limit = max(rule.max or 0.0, base + (rule.tolerance or 0.0))
    low, high = wilson(candidate.errors, candidate.requests, 1 - 2 * alpha)
    failed = low > limit
    return AnalysisStatus(
        metric="errorRate",
        stable=round(base, 6),
        candidate=round(rate, 6),
        samples=candidate.requests,
        result="Failed" if failed else "Passed",
        excludes=f"an error rate above {high:.3%}",
        message=f"{rate:.2%} of {candidate.requests} requests failed, at most {limit:.2%} may" if failed else "",
    )


def _gross(arms: Arms) -> bool:
    candidate = arms.candidate
    low, _ = wilson(candidate.errors, candidate.requests, 1 - 2 * GROSS_ALPHA)
    base = arms.stable.errors / arms.stable.requests if arms.stable.requests else 0.0
    return candidate.errors >= GROSS_ERRORS and low > max(0.1, 3 * base)


def _latency(rule: Analysis, arms: Arms, alpha: float) -> AnalysisStatus:
    name = rule.metric or ""
    share = QUANTILES[name]
    stable, candidate = quantile(arms.stable.latency, share), quantile(arms.candidate.latency, share)
    samples = sum(arms.candidate.latency.values())
    facts = {"metric": name, "stable": stable, "candidate": candidate, "samples": samples}
    if stable is None or candidate is None:
        return AnalysisStatus(**facts, result="Waiting")
    ratio = rule.max_ratio
    limit = min(x for x in (rule.max, stable * ratio if ratio else None, float("inf")) if x is not None)
    beyond = sum(n for i, n in arms.candidate.latency.items() if latency_edge(i) > limit * 1.05)
    low, _ = wilson(beyond, samples, 1 - 2 * alpha)
    failed = low > 1 - share
    told = f"{candidate * 1000:.1f} ms against {stable * 1000:.1f} ms; at most {limit * 1000:.1f} ms is accepted"
    return AnalysisStatus(**facts, result="Failed" if failed else "Passed", message=told if failed else "")


def quantile(histogram: Mapping[int, int], share: float) -> float | None:
    """A quantile of a latency histogram in seconds, at most 5 % too high; None when it is empty."""
    total, passed = sum(histogram.values()), 0
    for index in sorted(histogram):
        passed += histogram[index]
        if passed >= share * total:
            return latency_edge(index)
    return None
