"""The verdict on a step: judged once, when the evidence on every metric is complete. Pure."""

from collections.abc import Mapping, Sequence

from perennial.api.deployment_status import AnalysisStatus
from perennial.api.rollout import Analysis
from perennial.policy.rollout.analysis.disagreement import disagreement
from perennial.policy.rollout.analysis.error_rate import error_rate
from perennial.policy.rollout.analysis.finding import Finding
from perennial.policy.rollout.analysis.gross import gross
from perennial.policy.rollout.analysis.latency import QUANTILES, latency
from perennial.policy.rollout.analysis.prometheus import UNASKED, Reading, at_step, queries
from perennial.policy.rollout.analysis.shift import prediction_shift
from perennial.policy.rollout.arms import Arms
from perennial.policy.rollout.facts import StepVerdict
from perennial.policy.rollout.plan import Rules

ALPHA = 0.05
"""Probability that a candidate within every limit is stopped in the whole rollout, at most."""

WEIGHT = ("NotJudged", "Passed", "Waiting", "NotEnoughEvidence", "Failed")


def analyse(
    arms: Arms,
    rules: Rules,
    step: int,
    *,
    due: bool,
    late: bool = False,
    expected_shift: float | None = None,
    readings: Mapping[str, Reading] | None = None,
) -> tuple[StepVerdict, list[AnalysisStatus]]:
    """The verdict on a step, and one row a metric.

    `Short` until the evidence is complete and the step is due; then, or when `late`, the step is judged, which the
    caller must act on: judging the same step again at a later look would raise the probability of error.

    Args:
        arms: counters of the step in force.
        rules: the rollout's rules.
        step: index of the step.
        due: whether the step's shortest time is over.
        late: whether there is no more waiting for evidence; what is not beyond its limit then stays `Short`.
        expected_shift: PSI of champion against challenger on the same hold-out rows.
        readings: what Prometheus said, by the name of the row.
    """
    alpha = share_of_alpha(rules)
    findings = [_finding(rule, arms, alpha, expected_shift) for rule in rules.analysis if rule.metric is not None]
    findings += [at_step(name, rule, (readings or {}).get(name, UNASKED)) for name, rule in queries(rules.analysis)]
    least = rules.steps[step].min_requests if step < len(rules.steps) else 0
    seen = arms.candidate.requests
    complete = seen >= least and all(f.is_complete for f in findings)
    judged = due and (complete or late)
    told = findings if arms.shadow is None else [*findings, disagreement(arms.shadow)]
    rows = one_each([f.row(judged=judged, least=least) for f in told])
    plain = gross(arms, rules.analysis)
    if plain is not None:
        return plain, rows
    return _verdict(findings, seen, judged=judged, complete=complete), rows


def one_each(rows: Sequence[AnalysisStatus]) -> list[AnalysisStatus]:
    """The row that matters most of each metric: the status lists each once, and a spec may name one twice."""
    by_weight = sorted(rows, key=lambda row: WEIGHT.index(row.result))
    kept = {row.metric: row for row in by_weight}
    return [kept[metric] for metric in dict.fromkeys(row.metric for row in rows)]


def share_of_alpha(rules: Rules) -> float:
    """α of one metric at one step (Bonferroni). Prometheus queries are no tests and spend none of it: counting them
    would weaken the tests beside them for nothing."""
    return ALPHA / max(1, len(rules.steps) * sum(rule.metric is not None for rule in rules.analysis))


def _finding(rule: Analysis, arms: Arms, alpha: float, expected_shift: float | None) -> Finding:
    if rule.metric == "errorRate":
        return error_rate(rule, arms, alpha)
    if rule.metric in QUANTILES:
        return latency(rule, arms, alpha)
    return prediction_shift(rule, arms, expected_shift)


def _verdict(findings: Sequence[Finding], seen: int, *, judged: bool, complete: bool) -> StepVerdict:
    beyond = [f for f in findings if f.is_beyond]
    if judged and beyond:
        return StepVerdict("Failed", "AnalysisFailed", "; ".join(f.message for f in beyond), seen)
    excluded = [f"{f.metric}: {f.excludes}" for f in findings if f.excludes]
    told = f"excluded so far: {', '.join(excluded)}" if excluded else ""
    if judged and complete:
        return StepVerdict("Passed", "", told, seen)
    short = max((f for f in findings if not f.is_complete and f.needed is not None), key=_lack, default=None)
    if short is not None:
        told = f"{short.metric} needs {short.needed} requests, {short.samples} were counted; {told}".rstrip("; ")
    unknown = [f"{f.metric}: {f.message}" for f in findings if f.settled is False]
    return StepVerdict("Short", "", "; ".join(part for part in (*unknown, told) if part), seen)


def _lack(finding: Finding) -> float:
    return (finding.needed or 0) / max(finding.samples, 1)
