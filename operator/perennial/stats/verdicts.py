"""What the evaluation of drift takes and gives: options, the verdict on a window, the state over several."""

from dataclasses import dataclass, field
from typing import Literal

ColumnState = Literal["Clear", "Warning", "Alarm", "Acknowledged", "InsufficientData"]
DriftStateName = Literal["Clear", "Warning", "Drifted", "Acknowledged", "InsufficientData"]
Role = Literal["feature", "prediction"]


@dataclass(frozen=True, slots=True)
class DriftOptions:
    """`triggers.drift` of a RetrainPolicy; the defaults are the API's."""

    threshold: float = 0.2
    alpha: float = 0.01  # falseAlarmRate: per window, over everything watched
    min_samples: int = 500
    failing: int = 2
    of: int = 3
    features: tuple[str, ...] = ()  # empty: all that are counted


@dataclass(frozen=True, slots=True)
class ColumnVerdict:
    """One watched column in one window."""

    name: str
    role: Role
    state: ColumnState
    score: float  # PSI
    limit: float
    effective_rows: float
    design_effect: float | None  # None: not estimated from this window
    missing: float  # share
    outside: float  # share beyond the reference's range, or unseen
    alerts: tuple[Literal["Missing", "Type", "Outside"], ...] = ()

    @property
    def evaluated(self) -> bool:
        """Whether there were rows enough to say anything."""
        return self.state != "InsufficientData"


@dataclass(frozen=True, slots=True)
class WindowVerdict:
    """One window against the reference of its version."""

    start: str
    end: str
    rows: int
    effective_rows: float  # median over columns
    complete: bool
    columns: tuple[ColumnVerdict, ...]
    assumed_independent: bool = False  # no design effect could be estimated: 1 was taken

    @property
    def evaluated(self) -> bool:
        """Whether at least one column could be judged."""
        return any(c.evaluated for c in self.columns)


@dataclass(frozen=True, slots=True)
class ColumnHistory:
    """One column over the last evaluated windows."""

    name: str
    role: Role
    score: float  # in the newest window that judged it
    limit: float
    alarms: int
    acknowledged: int  # windows beyond the limit against the reference, but not against what was acknowledged
    evaluated: int
    drifted: bool
    importance: float


@dataclass(frozen=True, slots=True)
class DriftState:
    """The verdict that a policy acts on."""

    state: DriftStateName
    share: float  # importance-weighted share of drifted features
    columns: tuple[ColumnHistory, ...]  # worst first: score over limit
    blocked: tuple[str, ...] = ()  # features whose missing or type rate is up: retraining must wait
    alerts: tuple[str, ...] = ()  # features with unseen or out-of-range values: evidence, no block
    since: str | None = None  # start of the first of the alarming windows
    message: str = ""
    notes: tuple[str, ...] = field(default=())
