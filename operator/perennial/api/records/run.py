"""run.json: what a finished run measured. Written once, last, by conditional put. No verdicts."""

from typing import Any, Literal

from perennial.api.records.record import Record

TaskType = Literal["Binary", "Multiclass", "Regression", "Outlier"]


class StoredFile(Record):
    """One file of the winning attempt."""

    key: str  # relative to <registry>/<namespace>/<model>/
    sha256: str  # sha256:<64 hex>
    bytes: int


class Artifact(Record):
    """The model. `digest` is over the canonical repack, so the same fit has the same digest."""

    digest: str  # sha256:<64 hex>
    format: Literal["skops", "onnx", "lightgbm", "xgboost", "oip"] = "skops"
    formats: list[str] = ["skops"]
    bytes: int = 0
    onnx: Literal["Verified", "NotVerified", "NotConvertible"] = "NotConvertible"
    onnx_reason: str = ""


class DataFacts(Record):
    """What was read."""

    digest: str
    rows: int
    bytes: int
    columns: int
    objects: int = 0
    start: str | None = None  # ISO 8601, of the time column
    end: str | None = None
    train_rows: int = 0
    holdout_rows: int = 0
    holdout_digest: str = ""  # over the hold-out's row identities
    train_end: str | None = None  # newest time the judged fit has seen
    refit_end: str | None = None  # newest time the published model has seen
    dropped_rows: int = 0  # null target or from the future


class Measured(Record):
    """A metric with its interval. lower/upper are two-sided at `confidence` unless method says otherwise."""

    value: float
    lower: float | None = None
    upper: float | None = None
    se: float | None = None
    confidence: float = 0.95
    n: int = 0
    method: str = ""


class SliceMeasured(Record):
    """One level of one sliced column."""

    column: str
    level: str
    rows: int
    rarer: int | None = None  # rows of the rarer class; None for regression
    metrics: dict[str, Measured]


class Comparison(Record):
    """Challenger minus another run on the same rows, oriented so that larger is better."""

    against: str  # run digest
    role: Literal["Champion", "BestUnseen"] = "Champion"
    metric: str
    n: int
    delta: float
    se: float
    challenger: float
    champion: float
    method: str = ""
    bootstrap: list[float] = []  # sorted deltas where the method is a paired bootstrap


class ColumnSummary(Record):
    """One row of the data table in report and card."""

    name: str
    kind: str
    missing: float
    distinct: int
    note: str = ""


class RunRecord(Record):
    """The whole of a run."""

    format_version: Literal[1] = 1
    run_digest: str
    run_key: str
    namespace: str
    model: str
    data: DataFacts
    environment_digest: str
    environment: dict[str, Any] = {}
    code_revision: str | None = None
    seed: int = 42
    task: TaskType
    attempt: str  # UID of the winning pod
    files: dict[str, StoredFile]
    artifact: Artifact
    metrics: dict[str, Measured]
    slices: list[SliceMeasured] = []
    comparisons: list[Comparison] = []
    champion: str | None = None  # digest of the run that was to be compared with, whether or not it could be
    expected_shift: float | None = None  # PSI of champion against challenger on the same hold-out rows
    alert_rate: float | None = None  # outlier detection without target
    contamination: float | None = None
    importances: dict[str, float] = {}
    chosen: dict[str, Any] = {}  # estimator, parameters, threshold, search summary
    warnings: list[str] = []
    cost: dict[str, float] = {}
    timings: dict[str, float] = {}
    created_at: str = ""


class FrozenRequest(Record):
    """request.json: what a run was asked and what it read, frozen before anything was read."""

    spec: dict[str, Any]  # in its one form
    data: str  # data digest
    objects: list[list[Any]] = []  # identity of each input object: key, size, content mark
    holdout: list[list[Any]] = []  # the same of a hold-out of its own


class RunPointer(Record):
    """runs/keys/<runKey>.json."""

    run_digest: str


class VersionPointer(Record):
    """runs/<run digest>/version.json."""

    number: int


VersionState = Literal["Pending", "Approved", "Refused", "Abandoned"]


class VersionEvent(Record):
    """One line of a version's history."""

    at: str
    state: VersionState
    reason: str = ""
    message: str = ""
    by: str = ""


class VersionRecord(Record):
    """versions/NNNNNNNN.json."""

    number: int
    run_digest: str
    token: str
    image: str = ""  # what the code of the run was run from, as its node named it; empty: nobody saw the pod
    state: VersionState = "Pending"
    reasons: list[str] = []
    history: list[VersionEvent] = []


class AliasMove(Record):
    """One former value of an alias."""

    number: int
    run_digest: str
    at: str
    by: str = ""


class AliasRecord(Record):
    """aliases/approved.json and aliases/champion.json; moved if-match, history kept inside."""

    number: int
    run_digest: str
    at: str
    by: str = ""  # which transition moved it, so that a resync moves nothing
    started: str = ""  # when that transition began: an older one that ends later moves nothing
    history: list[AliasMove] = []
