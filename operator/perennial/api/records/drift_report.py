"""A drift report: what moved, since when, and how it is spread before and after. Counts only; no row is in it."""

from typing import Literal

from perennial.api.records.record import Record


class BinShares(Record):
    """One bin of one column."""

    label: str
    reference: float  # share of the rows
    window: float


class ReportWindow(Record):
    """One window that was looked at."""

    start: str
    end: str
    rows: int
    effective_rows: float
    evaluated: bool


class ReportColumn(Record):
    """One watched column over the windows of the report."""

    name: str
    role: Literal["feature", "prediction"]
    drifted: bool
    score: float  # in the newest window that judged it
    limit: float
    alarms: int  # of the last `evaluated` windows
    evaluated: int
    importance: float = 0.0
    first_alarm: str | None = None  # start of the first of the report's windows in which it alarmed
    ratios: list[float | None] = []  # score over limit, one a window; None where it could not be judged
    missing: float = 0.0  # share of the newest window
    outside: float = 0.0
    bins: list[BinShares] = []


class DriftReport(Record):
    """What a report shows. Columns stand in the order in which they changed, then by score over limit."""

    format_version: Literal[1] = 1
    namespace: str = ""
    model: str = ""
    version: int | None = None
    artifact: str = ""
    state: str
    share: float  # importance-weighted share of drifted features
    message: str = ""
    windows: list[ReportWindow]
    start: str  # of the windows whose bins are shown, added up
    end: str
    rows: int
    columns: list[ReportColumn]
