"""Gates with a fixed limit, on all hold-out rows or on each level of a slice."""

from collections.abc import Iterator
from math import ceil, isfinite
from statistics import NormalDist

from perennial.api.evaluation import Gate
from perennial.api.records.run import Measured, RunRecord, SliceMeasured
from perennial.api.training_status import GateStatus

POWER = 0.8
"""Probability with which `rows_needed` rows bring a decision, if the estimate is right."""
FEWEST_OF_CLASS = 30
FEWEST_ROWS = 50
SLICE_ALPHA = 0.05
MAX_ROWS_NEEDED = 2**53


def bound(measured: Measured, confidence: float, *, side: int) -> float:
    """One-sided bound of a measured value; side −1 below, +1 above.

    From the standard error where there is one, else the two-sided interval stands in (it is wider, so the
    verdict errs on the careful side).
    """
    if measured.se is not None and isfinite(measured.se):
        return measured.value + side * NormalDist().inv_cdf(confidence) * measured.se
    edge = measured.lower if side < 0 else measured.upper
    return measured.value if edge is None else edge


def rows_needed(n: int, se: float | None, distance: float, confidence: float) -> int | None:
    """Rows at which the gate would decide: n·((z_confidence + z_power)·SE / distance)², at least n."""
    if se is None or not isfinite(se) or distance <= 0 or n <= 0:
        return None
    z = NormalDist().inv_cdf(confidence) + NormalDist().inv_cdf(POWER)
    return max(n, ceil(min(n * (z * se / distance) ** 2, MAX_ROWS_NEEDED)))


def judge_limit(gate: Gate, measured: Measured) -> GateStatus:
    """One value against the gate's `min` and `max`."""
    side = -1 if gate.min is not None else 1
    limit = gate.min if gate.min is not None else gate.max
    assert limit is not None  # noqa: S101  the API refuses a gate without a limit
    wanted = f"{'≥' if side < 0 else '≤'} {limit:g}" + (f" at {gate.confidence:.0%}" if gate.confidence else "")
    facts = {"metric": gate.metric, "observed": measured.value, "lower": measured.lower, "upper": measured.upper}
    distance = (measured.value - limit) * -side
    if gate.confidence is None:
        good = distance >= 0
        message = "" if good else f"{measured.value:.4g} on {measured.n} rows misses it by {abs(distance):.3g}"
        return GateStatus(**facts, wanted=wanted, result="Passed" if good else "Failed", message=message)
    near = (bound(measured, gate.confidence, side=side) - limit) * -side
    far = (bound(measured, gate.confidence, side=-side) - limit) * -side
    if near >= 0:
        return GateStatus(**facts, wanted=wanted, result="Passed")
    if far < 0:
        return GateStatus(
            **facts, wanted=wanted, result="Failed", message=f"even the favourable bound misses {limit:g}"
        )
    needed = rows_needed(measured.n, measured.se, abs(distance), gate.confidence)
    message = f"{measured.n} hold-out rows cannot tell" + (f"; about {needed} could" if needed else "")
    return GateStatus(**facts, wanted=wanted, result="NotEnoughEvidence", rows_needed=needed, message=message)


def judge_slices(gate: Gate, run: RunRecord) -> Iterator[GateStatus]:
    """Every level of the gate's slice; it fails only if even the favourable bound, corrected for the number of
    levels, misses the limit. Levels with too few rows are listed, not judged."""
    column = gate.slice.column if gate.slice else ""
    levels = [s for s in run.slices if s.column == column]
    if not levels:
        message = f"the run has no slices by {column}; add it to spec.evaluation.slices"
        yield GateStatus(metric=gate.metric, slice=column, result="NotJudged", message=message)
    judged = [s for s in levels if not _too_small(s) and gate.metric in s.metrics]
    confidence = 1 - SLICE_ALPHA / max(len(judged), 1)
    for level in levels:
        yield _judge_level(gate, level, confidence, judged=level in judged)


def _too_small(level: SliceMeasured) -> bool:
    return level.rows < FEWEST_ROWS if level.rarer is None else level.rarer < FEWEST_OF_CLASS


def _judge_level(gate: Gate, level: SliceMeasured, confidence: float, *, judged: bool) -> GateStatus:
    name = f"{level.column}={level.level}"
    if not judged:
        few = f"{level.rows} rows" if level.rarer is None else f"{level.rarer} rows of the rarer class"
        return GateStatus(metric=gate.metric, slice=name, result="NotJudged", message=f"only {few}")
    measured = level.metrics[gate.metric]
    side = -1 if gate.min is not None else 1
    limit = gate.min if gate.min is not None else gate.max
    assert limit is not None  # noqa: S101  the API refuses a gate without a limit
    favourable = bound(measured, confidence, side=-side)
    failed = (favourable - limit) * -side < 0
    return GateStatus(
        metric=gate.metric,
        slice=name,
        result="Failed" if failed else "Passed",
        observed=measured.value,
        lower=measured.lower,
        upper=measured.upper,
        wanted=f"{'≥' if side < 0 else '≤'} {limit:g} not excluded at {confidence:.2%}",
        message=f"{measured.value:.4g} on {measured.n} rows, favourable bound {favourable:.4g}" if failed else "",
    )
