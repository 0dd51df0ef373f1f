"""The status of a ModelTraining: what happened, what it measured, what was decided and why."""

from typing import Annotated, Literal

from pydantic import Field

from perennial.api.conditions import Conditions
from perennial.api.fields import Line, Text, Word, newest
from perennial.api.part import StatusModel

Metrics = Annotated[dict[Annotated[str, Field(max_length=64)], float], Field(max_length=64)]


class DataStatus(StatusModel):
    """What was read."""

    digest: Word | None = None
    """Data digest: what exactly was read."""
    rows: int | None = None
    """Rows."""
    bytes: int | None = None
    """Bytes of the objects."""
    columns: int | None = None
    """Columns."""
    start: Word | None = Field(default=None, alias="from")
    """Oldest moment of the time column."""
    end: Word | None = Field(default=None, alias="to")
    """Newest moment of the time column."""


class ProgressStatus(StatusModel):
    """How far the run is."""

    percent: Annotated[int, Field(ge=0, le=100)] = 0
    """Of the stage."""
    message: Line = ""
    """What is being done."""


class TrialsStatus(StatusModel):
    """How a search in parallel stands."""

    total: int
    """Trials of the whole search."""
    done: int = 0
    """Trials that have ended, failed ones included."""
    failed: int = 0
    """Trials without a score: the estimator raised, or the pods were lost."""
    round: int = 1
    """The round that runs."""
    rounds: int = 1
    """Rounds of the search."""
    metric: Word | None = None
    """What trials are compared by."""
    best: float | None = None
    """The best value so far, among trials on the largest share of the rows."""
    start_time: Word | None = None
    """When the first Job of the search began; `activeDeadlineSeconds` counts from here."""


class RunStatus(StatusModel):
    """The run: the work for one result."""

    key: Word
    """runKey: which result is asked for."""
    digest: Word | None = None
    """Run digest: the address of the run in storage."""
    uri: Text | None = None
    """Where the run is stored."""
    attempt: Word | None = None
    """UID of the pod whose result counts."""
    retry: Word | None = None
    """Value of the annotation perennial.dev/retry that this Job answers."""
    retrain: Word | None = None
    """Value of the annotation perennial.dev/retrain that this run answers."""
    job: Word | None = None
    """The Job."""
    jobs: Annotated[
        list[Word], newest(64), Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = []
    """Jobs of the rounds of a search."""
    trials: TrialsStatus | None = None
    """How the search stands, where its trials run in parallel."""
    workloads: Annotated[list[Word], Field(max_length=8, json_schema_extra={"x-kubernetes-list-type": "atomic"})] = []
    """Kinds other than Job whose objects may exist for this run, and for one that ends before it."""
    image: Line | None = None
    """Image that trains, by digest where known."""
    reused: bool | None = None
    """Whether an existing run was taken."""
    judged: Word | None = None
    """Identity of the gates, slices and approval that the verdict below is about."""
    transition: Word | None = None
    """Identity of the change that asked for this run; an alias moves once for it."""
    stage: Word | None = None
    """What the run is doing."""
    progress: ProgressStatus | None = None
    """How far it is."""


class GateStatus(StatusModel):
    """What became of one gate."""

    metric: Word
    """The metric."""
    slice: Word | None = None
    """The level, as `column=level`, of a gate on slices."""
    result: Literal["Passed", "Failed", "NotEnoughEvidence", "NotJudged"]
    """The verdict."""
    observed: float | None = None
    """The estimate, or the difference from the champion (larger is better)."""
    lower: float | None = None
    """Lower bound."""
    upper: float | None = None
    """Upper bound."""
    wanted: Line = ""
    """What was asked for."""
    champion: float | None = None
    """The champion's value on the same rows."""
    rows_needed: int | None = None
    """Hold-out rows that would be enough to tell."""
    message: Text = ""
    """The verdict in a sentence."""


class VersionStatus(StatusModel):
    """The version that this run became."""

    number: int
    """Its number."""
    state: Literal["Approved", "Refused", "Pending"]
    """Whether it may serve."""
    reason: Word | None = None
    """Why."""
    approved_by: Word | None = None
    """Who approved it; `gates` where no person did."""


class ArtifactStatus(StatusModel):
    """The model as a file."""

    uri: Text
    """Where it is stored."""
    digest: Word
    """Its digest."""
    bytes: int | None = None
    """Its size."""
    formats: Annotated[list[Word], Field(max_length=8, json_schema_extra={"x-kubernetes-list-type": "set"})] = []
    """The formats it comes in."""


class FailureStatus(StatusModel):
    """Why the run failed."""

    reason: Word
    """The class of the failure."""
    message: Text = ""
    """What happened and what to do."""
    exit_code: int | None = None
    """Exit code of the container."""
    attempt: Word | None = None
    """UID of the failed pod."""
    logs: Text | None = None
    """Where its log is stored."""


class CostStatus(StatusModel):
    """What the run used."""

    cpu_seconds: float | None = None
    """CPU time."""
    memory_gib_seconds: float | None = Field(default=None, alias="memoryGiBSeconds")
    """Memory over time."""
    gpu_seconds: float | None = None
    """Device time."""
    wall_seconds: float | None = None
    """Time by the clock, added up over the pods of a search."""
    evaluate_cpu_seconds: float | None = Field(default=None, alias="evaluateCPUSeconds")
    """CPU time of the Job that measured the run again."""


class ModelTrainingStatus(StatusModel):
    """What came of it."""

    observed_generation: int | None = None
    """Generation of the spec that this status is about."""
    conditions: Conditions = []
    """`Succeeded`, `Ready`; `Reconciling` and `Stalled` only while true."""
    start_time: Word | None = None
    """When the run began."""
    completion_time: Word | None = None
    """When the run ended."""
    data: DataStatus | None = None
    """What was read."""
    run: RunStatus | None = None
    """The run."""
    metrics: Metrics = {}
    """Measured on the hold-out; intervals are in the report."""
    key_metric: Word | None = None
    """The key metric and its value, for the table of kubectl."""
    gates: Annotated[
        list[GateStatus], newest(64), Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = []
    """What became of the gates."""
    version: VersionStatus | None = None
    """The newest version that came of this object."""
    artifact: ArtifactStatus | None = None
    """The model as a file."""
    failure: FailureStatus | None = None
    """Why the last run failed."""
    cost: CostStatus | None = None
    """What the run used."""
    report: Text | None = None
    """Where the report is stored."""
