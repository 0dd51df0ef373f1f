"""profile.json: the reference distributions of a run, which servers count against and windows are scored against.

Counts and bin edges only; no row of the data is in it. How bins are made and scored is in `perennial.stats`.
"""

from typing import Literal

from perennial.api.records.record import Record

WatchedKind = Literal["numeric", "boolean", "datetime", "categorical"]
UnwatchedReason = Literal["Time", "Id", "DatePart", "MonotoneInTime", "Text", "Empty"]


class BlockSums(Record):
    """What the design effect of clustered rows needs, additive over blocks, pods and slots.

    With c_bj the rows of block b in bin j, n_b the rows of block b, and r_b the sum of its rows' bin numbers (a missing
    value counts as the middle bin).
    """

    blocks: int = 0  # non-empty blocks
    squares: list[int] = []  # Σ_b c_bj², one a bin
    crosses: list[int] = []  # Σ_b c_bj·n_b, one a bin
    row_squares: int = 0  # Σ_b n_b²
    rank_squares: int = 0  # Σ_b r_b²
    rank_crosses: int = 0  # Σ_b r_b·n_b


class SeasonalLimit(Record):
    """How far chunks of the reference itself lie from the whole of it, by hour."""

    window_seconds: int  # length of the chunks
    by: Literal["HourOfWeek", "HourOfDay"]
    excess: list[float]  # 99th percentile of PSI − (B−1)(1/n_eff + 1/m); 168 or 24 numbers, hour 0 is Monday 00:00 UTC
    chunks: int
    trend: float = 0.0  # largest change of a bin's share over the whole reference, when significant; else 0


class Reference(Record):
    """The reference distribution of one watched column.

    Bins of a numeric column: (−∞, edges[0]], (edges[0], edges[1]], …, (edges[-1], ∞), missing.
    Bins of a categorical column: categories[0], …, OTHER (unseen values count there), missing.
    Booleans count as 0 and 1, datetimes as seconds since 1970 UTC.
    """

    name: str
    kind: WatchedKind
    edges: list[float] = []
    categories: list[str] = []
    counts: list[int]  # one a bin
    effective_rows: float  # rows after the design effect of the reference's own time blocks
    blocks: BlockSums | None = None
    low: float | None = None  # 0.1 % quantile, never an extreme value of a real row
    high: float | None = None  # 99.9 % quantile
    outside: int = 0  # reference rows beyond low or high (numeric) or in folded categories (categorical)
    importance: float = 0.0
    seasonal: list[SeasonalLimit] = []

    @property
    def rows(self) -> int:
        """Rows of the reference, missing ones included."""
        return sum(self.counts)

    @property
    def missing(self) -> int:
        """Reference rows without a value."""
        return self.counts[-1]


class OutputReference(Reference):
    """The reference of one prediction score or label, and where to find it in a model's outputs."""

    output: Literal["predict", "predict_proba", "decision_function"]
    column: int | None = None  # of a 2-D output


class Calibration(Record):
    """P(correct | score) by 100 equal score bins on [0, 1], for estimated performance without labels.

    Binary: score of the positive class, and its frequency. Multi-class: top score, and its accuracy.
    """

    rows: int
    counts: list[int]  # hold-out rows a score bin, 100
    hits: list[int]  # of them positive (binary) or right (multi-class)
    threshold: float | None = None  # of the positive class' score; binary only
    error: float  # expected calibration error after the isotonic fit is cross-fitted


class Unwatched(Record):
    """A column that is not watched by default, and why."""

    name: str
    reason: UnwatchedReason


class Profile(Record):
    """References of one run. Belongs to a model version: promotion swaps it, rollback restores it."""

    format_version: Literal[1] = 1
    rows: int
    holdout_rows: int = 0
    predictions: Literal["Holdout", "OutOfFold", "None"] = "None"
    features: list[Reference]
    outputs: list[OutputReference] = []
    unwatched: list[Unwatched] = []
    calibration: Calibration | None = None
    start: str | None = None
    end: str | None = None
