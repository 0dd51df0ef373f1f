"""What GET /perennial/arms of a server pod answers: cumulative counters of both arms of a rollout.

The operator subtracts two readings with the same boot id and rollout; with another of either, counting began at zero.
"""

from perennial.api.records.record import Record

LATENCY_FIRST = 1e-5
"""Upper edge of the first latency bin, in seconds."""

LATENCY_GROWTH = 1.05
"""Ratio of neighbouring edges: a quantile read from the histogram is at most 5 % too high."""

LATENCY_BINS = 329
"""The last bin holds everything above about 85 s."""


def latency_edge(index: int) -> float:
    """Upper edge of a latency bin in seconds."""
    return float(LATENCY_FIRST * LATENCY_GROWTH**index)


class SlotCounts(Record):
    """One hash slot of one arm: what a jackknife over slots needs."""

    requests: int = 0
    errors: int = 0
    latency: dict[int, int] = {}  # bin → requests; only bins that are not empty


class PredictionCounts(Record):
    """One output's values in the rollout's bins, with the sums that give its design effect over hash slots."""

    rows: int = 0
    counts: list[int] = []
    squares: list[float] = []  # per bin Σ over slots of c²
    cross: list[float] = []  # per bin Σ over slots of c·n
    slot_rows_squared: float = 0.0  # Σ over slots of n²


class ArmCounts(Record):
    """One arm as one pod saw it. Time is the server's own: queue and compute, time-outs counted at the limit."""

    version: str = ""
    requests: int = 0
    errors: int = 0  # of ours: 5xx, time-outs, and for the candidate every fallback. A client's fault is none
    fallbacks: int = 0  # requests of the candidate's share that stable answered
    timeouts: int = 0
    mirrored: int = 0  # of `requests`: mirrored ones
    ignored: int = 0  # first requests of a candidate pod, in no other figure
    non_finite: int = 0  # predicted values that are NaN or infinite
    latency: dict[int, int] = {}
    slots: dict[int, SlotCounts] = {}
    predictions: dict[str, PredictionCounts] = {}  # by class, or "predict"


class ShadowCounts(Record):
    """Answers of both versions to the same rows."""

    pairs: int = 0  # requests
    rows: int = 0
    disagreements: int = 0  # rows with another label; regression: further apart than 1 % of the larger one
    absolute: float = 0.0  # Σ |difference| of the score
    largest: float = 0.0
    incomparable: int = 0  # pairs whose outputs differ in name or shape


class ArmsReport(Record):
    """The whole of one pod's counters since it saw this rollout's plan."""

    pod: str
    boot_id: str
    rollout: str = ""
    role: str = "Stable"
    weight: float | None = None  # as in force in every worker of this pod; None: the workers do not agree yet
    mirror: float | None = None
    plan_seen_at: str = ""
    plan_errors: int = 0
    own: ArmCounts  # what this pod answered itself
    candidate: ArmCounts | None = None  # forwarded or mirrored; its predictions are in the candidate's own report
    shadow: ShadowCounts | None = None
