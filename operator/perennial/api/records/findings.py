"""Results of trainer tasks other than training: JSON at the outcome's `resultKey`, read by the operator."""

from typing import Any

from perennial.api.data import DataFormat
from perennial.api.records.record import Record
from perennial.api.records.run import Comparison, Measured, SliceMeasured


class CountRequest(Record):
    """`parameters` of a CountRows task. What is left out is taken from the task's spec."""

    uri: str | None = None
    format: DataFormat | None = None
    include: str | None = None
    time_column: str | None = None
    target: str | None = None
    after: str | None = None  # ISO 8601: count rows with time > after; without it all
    unread_by: str | None = None  # run digest: count only objects that this run did not read


class RowCount(Record):
    """What a CountRows task found."""

    format_version: int = 1
    uri: str
    objects: int
    rows: int  # after `after`
    labelled: int | None = None  # of those, with a target; None where no target is named
    oldest: str | None = None  # ISO 8601, of the rows counted
    newest: str | None = None
    data_digest: str = ""  # of the objects counted


class CheckRequest(Record):
    """`parameters` of a CheckData task. The data is the one of the task's spec."""

    features: list[str]  # whose rates are up in requests
    since: str  # ISO 8601: since when they are
    run_digest: str  # of the reference
    time_column: str | None = None
    last: str | None = None  # data.last of the policy


class DataCheck(Record):
    """What a CheckData task found: whether a retraining may read what lies there."""

    format_version: int = 1
    rows: int  # in the data window
    fresh: int  # of them since requests are broken; all where there are none, and rates are taken on these
    passes: bool
    faults: list[str] = []


class JoinRequest(Record):
    """`parameters` of a JoinLabels task."""

    predictions: str  # URI of Parquet objects with id, time and score of answered rows
    labels: str  # URI of the labels
    labels_format: str | None = None
    id_column: str
    label_column: str  # in the labels
    prediction_id_column: str | None = None  # default: id_column
    time_column: str = "time"  # in the predictions
    score_column: str = "score"
    metric: str
    start: str | None = None  # cohort: start ≤ time < end
    end: str | None = None
    confidence: float = 0.95
    positive_class: str | None = None
    threshold: float | None = None  # of the version that predicted; None: ½


class LabelJoin(Record):
    """What a JoinLabels task found: one cohort."""

    format_version: int = 1
    start: str | None = None
    end: str | None = None
    predictions: int
    labels: int  # predictions with a label
    coverage: float
    rarer: int | None = None  # labelled rows of the rarer class; None for numbers
    coverage_by_decile: list[float] = []  # of the score
    measured: Measured | None = None  # None: not defined on these rows


class Reevaluation(Record):
    """What an Evaluate task found: the measurements of an existing run, taken again. Nothing was fitted."""

    format_version: int = 1
    run_digest: str
    metrics: dict[str, Measured]
    slices: list[SliceMeasured] = []
    comparisons: list[Comparison] = []
    expected_shift: float | None = None
    alert_rate: float | None = None
    warnings: list[str] = []
    champion: dict[str, Any] | None = None  # the task's, so that a verdict names what it is against
