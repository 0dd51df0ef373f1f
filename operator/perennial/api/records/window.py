"""Window files: what one server pod has counted in one slot (cumulative), and the sum over pods (`_sum.json`).

Everything in them is additive, so sums over pods, restarts and slots are exact.
"""

from typing import Literal

from perennial.api.records.profile import BlockSums
from perennial.api.records.record import Record


class ColumnCounts(Record):
    """Counts of one watched column, in the bins of its reference in profile.json."""

    counts: list[int]  # one a bin, the last is missing
    blocks: BlockSums  # by minutes
    outside: int = 0  # beyond the reference's 0.1 % and 99.9 % quantiles, or a category unseen in the reference
    invalid: int = 0  # not of the column's type: infinite, or refused by validation


class WindowRecord(Record):
    """One slot of one model artifact: of one pod (`writers` 1) or summed."""

    format_version: Literal[1] = 1
    artifact: str  # sha256:<64 hex>
    version: int | None = None
    profile: str  # digest of the profile that the bins come from
    start: str  # ISO 8601 UTC, start of the slot (of the first slot, when summed)
    end: str  # end of the slot (of the last, when summed)
    first: str | None = None  # first and last row that was counted
    last: str | None = None
    rows: int = 0
    features: dict[str, ColumnCounts] = {}
    outputs: dict[str, ColumnCounts] = {}
    scores: list[int] = []  # 100 equal bins on [0, 1]: positive class' score, or the top score of more classes
    writers: int = 1  # files that are in here: one a pod and boot
    complete: bool = False  # every writer had flushed after the slot's end
    dropped: int = 0  # rows that were answered but not counted
