"""Realised performance: cohorts of predictions whose labels have arrived, judged once each, then seen together."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from perennial.api.records.findings import LabelJoin
from perennial.stats.intervals import Interval, interval
from perennial.stats.metrics import Rows

MIN_RARER = 50
MAX_COVERAGE_SPREAD = 0.2
DECILES = 10

CohortState = Literal["Clear", "Warning", "Lost", "InsufficientLabels"]


@dataclass(frozen=True, slots=True)
class PerformanceOptions:
    """`triggers.performance` of a RetrainPolicy and `monitoring.labels.minCoverage`; the defaults are the API's."""

    metric: str
    floor: float | None = None  # of a score
    ceiling: float | None = None  # of a loss
    min_labels: int = 500
    min_coverage: float = 0.8
    confidence: float = 0.95
    failing: int = 2
    of: int = 3


@dataclass(frozen=True, slots=True)
class CohortVerdict:
    """One cohort: predictions of one stretch of time, older than the labels' delay."""

    start: str
    end: str
    predictions: int
    labels: int
    coverage: float
    value: float | None
    lower: float | None  # one-sided bounds
    upper: float | None
    state: CohortState
    message: str


@dataclass(frozen=True, slots=True)
class PerformanceState:
    """What the last cohorts mean together."""

    state: CohortState
    since: str | None
    message: str
    cohort: CohortVerdict | None


def judge_cohort(
    rows: Rows,
    labelled: NDArray[np.bool_],
    options: PerformanceOptions,
    *,
    start: str,
    end: str,
    groups: NDArray[Any] | None = None,
    classifier: bool = True,
    seed: int = 0,
) -> CohortVerdict:
    """The verdict on one cohort.

    Args:
        rows: all predictions of the cohort; the truth of unlabelled ones is not looked at.
        labelled: which of them have a label, shape (rows,).
        groups: what rows belong together, shape (rows,).
    """
    n, known = int(labelled.size), int(labelled.sum())
    coverage = known / n if n else 0.0
    missing = _too_little(rows, labelled, options, classifier)
    if missing:
        return CohortVerdict(start, end, n, known, coverage, None, None, None, "InsufficientLabels", missing)
    some = rows.take(np.flatnonzero(labelled))
    own = None if groups is None else np.asarray(groups)[labelled]
    # A one-sided bound at confidence c is the end of a two-sided interval at 2c − 1.
    found = interval(
        options.metric,
        some.truth,
        y_pred=some.label,
        y_score=some.score,
        groups=own,
        confidence=2 * options.confidence - 1,
        seed=seed,
    )
    state, message = _state(found, options)
    return CohortVerdict(start, end, n, known, coverage, found.value, found.lower, found.upper, state, message)


def judge_joined(join: LabelJoin, options: PerformanceOptions) -> CohortVerdict:
    """The verdict on a cohort that was measured elsewhere, with a two-sided interval at 2·confidence − 1."""
    shares, found = join.coverage_by_decile, join.measured
    spread = max(shares) - min(shares) if shares else 0.0
    missing = _why_not(join.labels, join.coverage, join.rarer, spread, options)
    known = (join.predictions, join.labels, join.coverage)
    if missing or found is None:
        message = missing or f"{options.metric} is not defined on these rows"
        return CohortVerdict(join.start or "", join.end or "", *known, None, None, None, "InsufficientLabels", message)
    lower, upper, se = (nan if end is None else end for end in (found.lower, found.upper, found.se))
    measured = Interval(found.value, lower, upper, se, found.n, found.method)
    state, message = _state(measured, options)
    bounds = (found.value, found.lower, found.upper)
    return CohortVerdict(join.start or "", join.end or "", *known, *bounds, state, message)


def performance_state(cohorts: Sequence[CohortVerdict], options: PerformanceOptions) -> PerformanceState:
    """Lost by 2 of the last 3 judged cohorts (oldest first); otherwise what the newest one says."""
    judged = [c for c in cohorts if c.state != "InsufficientLabels"][-options.of :]
    if not cohorts:
        return PerformanceState("InsufficientLabels", None, "no cohort is older than the labels' delay yet", None)
    newest = cohorts[-1]
    lost = [c for c in judged if c.state == "Lost"]
    if len(lost) >= options.failing:
        message = f"lost in {len(lost)} of {len(judged)} cohorts; {lost[-1].message}"
        return PerformanceState("Lost", lost[0].start, message, newest)
    if newest.state == "InsufficientLabels" or not judged:
        return PerformanceState("InsufficientLabels", None, newest.message, newest)
    return PerformanceState("Warning" if lost else newest.state, None, newest.message, newest)


def coverage_spread(score: NDArray[Any], labelled: NDArray[np.bool_]) -> float:
    """Largest difference of label coverage between deciles of the score: labels that depend on predictions."""
    groups = [g for g in np.array_split(np.argsort(score, kind="stable"), DECILES) if g.size]
    shares = [float(labelled[g].mean()) for g in groups]
    return max(shares) - min(shares) if shares else 0.0


def _too_little(rows: Rows, labelled: NDArray[np.bool_], options: PerformanceOptions, classifier: bool) -> str:
    """Why the labels allow no verdict; empty when they do."""
    known = int(labelled.sum())
    rarer = None
    if classifier:
        _, counts = np.unique(rows.truth[labelled], return_counts=True)
        rarer = int(counts.min()) if counts.size > 1 else 0
    score = rows.score if rows.score is not None and rows.score.ndim == 1 else None
    spread = 0.0 if score is None else coverage_spread(score, labelled)
    return _why_not(known, known / labelled.size if labelled.size else 0.0, rarer, spread, options)


def _why_not(known: int, coverage: float, rarer: int | None, spread: float, options: PerformanceOptions) -> str:
    if known < options.min_labels:
        return f"{known} labels, {options.min_labels} are needed"
    if coverage < options.min_coverage:
        return f"{coverage:.0%} of the predictions have a label, {options.min_coverage:.0%} are needed"
    if rarer is not None and rarer < MIN_RARER:
        return f"{rarer} labels of the rarer class, {MIN_RARER} are needed"
    if spread > MAX_COVERAGE_SPREAD:
        return f"labels depend on predictions: coverage differs by {spread:.0%} between deciles of the score"
    return ""


def _state(found: Interval, options: PerformanceOptions) -> tuple[CohortState, str]:
    told = f"{options.metric} {found.value:.4g} ({found.lower:.4g} … {found.upper:.4g}) on {found.n} labels"
    if options.floor is not None:
        lost, clear = found.upper < options.floor, found.lower >= options.floor
        told += f", floor {options.floor:g}"
    else:
        ceiling = options.ceiling if options.ceiling is not None else float("inf")
        lost, clear = found.lower > ceiling, found.upper <= ceiling
        told += f", ceiling {ceiling:g}"
    return ("Lost" if lost else "Clear" if clear else "Warning"), told
