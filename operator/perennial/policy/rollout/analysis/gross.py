"""Harm so plain that a step ends at once. Every test here may be made at every look. Pure."""

from collections.abc import Sequence

import numpy as np

from perennial.api.records.arms import ArmCounts
from perennial.api.rollout import Analysis
from perennial.policy.rollout.analysis.error_rate import accepted, errors_of
from perennial.policy.rollout.arms import Arms
from perennial.policy.rollout.facts import StepVerdict
from perennial.stats.evidence import RateSequence
from perennial.stats.rates import rise_p_value

ALPHA = 1e-4
"""Probability of ending a harmless candidate's step early, for each test over the whole step."""

LEAST_ERRORS = 20
"""A hiccup of the network is no verdict on a model."""

RATE = 0.05
TIMES = 3.0
"""Gross is an error rate beyond this share and beyond so many times what is accepted."""

LEAST_CONSTANT = 50
"""Rows before predictions are called constant."""


def gross(arms: Arms, rules: Sequence[Analysis]) -> StepVerdict | None:
    """The verdict on gross harm; None: there is none."""
    found = _non_finite(arms) or _constant(arms) or _failing(arms, rules)
    if found is None:
        return None
    reason, message = found
    return StepVerdict("Gross", reason, message, arms.candidate.requests)


def _failing(arms: Arms, rules: Sequence[Analysis]) -> tuple[str, str] | None:
    rule = next((r for r in rules if r.metric == "errorRate"), None)
    if rule is None or arms.candidate.errors < LEAST_ERRORS:
        return None
    candidate, stable = errors_of(arms.candidate, ALPHA), errors_of(arms.stable, ALPHA)
    known = stable.upper(ALPHA) if stable.requests else 0.0
    limit = min(max(RATE, TIMES * accepted(rule, known)), 0.99)
    if not RateSequence(ALPHA).exceeds(*candidate.whole, limit):
        return None
    rate = f"{candidate.rate:.1%} of {arms.candidate.requests} requests failed"
    return "AnalysisFailed", f"{rate}, far more than stable's {stable.rate:.2%}"


def _non_finite(arms: Arms) -> tuple[str, str] | None:
    candidate, stable = arms.candidate, arms.stable
    if not candidate.non_finite:
        return None
    if stable.non_finite:
        seen, rows = np.array([[one.non_finite, _rows(one)] for one in (candidate, stable)], dtype=np.float64).T
        if rise_p_value(seen[:1], rows[:1], seen[1:], rows[1:])[0] >= ALPHA:
            return None
    values = "value that is" if candidate.non_finite == 1 else "values that are"
    return "NonFinitePredictions", f"the candidate predicted {candidate.non_finite} {values} NaN or infinite"


def _rows(arm: ArmCounts) -> int:
    """Values that were predicted; where they are not counted, at least one a request."""
    return max(arm.requests, arm.non_finite + sum(p.rows for p in arm.predictions.values()))


def _constant(arms: Arms) -> tuple[str, str] | None:
    """Every row in one bin, where stable would put so many into one bin with a probability below α.

    The chance that the first n rows share a bin falls with n, so that looking often costs nothing.
    """
    outputs = arms.candidate.predictions
    rows = min((p.rows for p in outputs.values()), default=0)
    if rows < LEAST_CONSTANT or any(max(p.counts) < p.rows for p in outputs.values()):
        return None
    for name, one in outputs.items():
        stable = arms.stable.predictions.get(name)
        if stable is None or len(stable.counts) != len(one.counts) or stable.rows < LEAST_CONSTANT:
            continue
        usual = (max(stable.counts) + 1) / (stable.rows + 2)
        slots = one.rows**2 / one.slot_rows_squared if one.slot_rows_squared else one.rows
        if usual**slots < ALPHA:
            return "AnalysisFailed", f"the candidate predicted the same for all {rows} rows; stable's answers vary"
    return None
