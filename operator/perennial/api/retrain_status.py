"""The status of a RetrainPolicy: what was seen, what was decided, what each retraining was worth."""

from typing import Annotated, Literal

from pydantic import Field

from perennial.api.conditions import Conditions
from perennial.api.fields import Line, Text, Word, list_map, newest
from perennial.api.part import StatusModel


class WindowStatus(StatusModel):
    """The window that was evaluated last."""

    start: Word = Field(alias="from")
    """Its beginning."""
    end: Word = Field(alias="to")
    """Its end."""
    rows: int = 0
    """Requests."""
    effective_rows: int | None = None
    """What they count for, after bursts."""


class FeatureDrift(StatusModel):
    """How far one feature has moved."""

    feature: Annotated[str, Field(max_length=256)]
    """The feature."""
    score: float
    """PSI."""
    limit: float
    """Where an alarm begins."""
    alarms: Word | None = None
    """Alarming windows of the evaluated ones, such as 2/3."""


class PredictionDrift(StatusModel):
    """How far the answers have moved."""

    score: float
    """PSI."""
    limit: float
    """Where an alarm begins."""
    alarms: Word | None = None
    """Alarming windows of the evaluated ones, such as 2/3."""


class DriftStatus(StatusModel):
    """What was asked and answered, against training."""

    window: WindowStatus | None = None
    """The window that was evaluated last."""
    worst: Annotated[list[FeatureDrift], Field(max_length=10, json_schema_extra=list_map("feature"))] = []
    """The features that have moved most."""
    prediction: PredictionDrift | None = None
    """The answers."""
    state: Literal["Clear", "Warning", "Drifted", "Acknowledged", "InsufficientData"]
    """The verdict."""
    artifact: Word | None = None
    """Digest of the model that this is about."""
    since: Word | None = None
    """Onset: start of the first alarming window of a drift that lasts; labels are awaited from here on."""
    message: Text = ""
    """The verdict in a sentence."""
    report: Text | None = None
    """The newest drift report, a page; the same as JSON lies beside it."""


class CohortStatus(StatusModel):
    """The predictions that were judged last."""

    start: Word = Field(alias="from")
    """The first."""
    end: Word = Field(alias="to")
    """The last."""
    labels: int = 0
    """How many have a label."""
    coverage: float | None = None
    """Which share has one."""
    predictions: int = 0
    """How many predictions."""
    value: float | None = None
    """The metric."""
    lower: float | None = None
    """Lower bound."""
    upper: float | None = None
    """Upper bound."""
    state: Literal["Clear", "Warning", "Lost", "InsufficientLabels"] | None = None
    """The verdict on these predictions alone."""
    message: Text = ""
    """The verdict in a sentence."""


class PerformanceStatus(StatusModel):
    """Predictions against what really happened."""

    cohort: CohortStatus | None = None
    """The predictions that were judged last."""
    value: float | None = None
    """The metric."""
    lower: float | None = None
    """Lower bound."""
    upper: float | None = None
    """Upper bound."""
    state: Literal["Clear", "Warning", "Lost", "InsufficientLabels"]
    """The verdict."""
    message: Text = ""
    """The verdict in a sentence."""
    artifact: Word | None = None
    """Digest of the model that this is about."""
    since: Word | None = None
    """First prediction of the first of the lost cohorts."""
    judged: Annotated[
        list[CohortStatus], newest(3), Field(max_length=3, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = []
    """The last cohorts, newest last; each is judged once."""


class NextStatus(StatusModel):
    """When something may happen."""

    schedule: Word | None = None
    """When the schedule fires."""
    earliest_allowed: Word | None = None
    """Before this no run starts."""
    check: Word | None = None
    """When the policy looks again."""
    blocked_by: Annotated[list[Word], Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "set"})] = []
    """The brakes that hold."""


class DriftedSpan(StatusModel):
    """The requests that a drift was seen in."""

    artifact: Word
    """Digest of the model that they went to."""
    start: Word = Field(alias="from")
    """Start of the first window."""
    end: Word = Field(alias="to")
    """End of the last window."""


class RunEntry(StatusModel):
    """One retraining and what it was worth."""

    training: Word
    """The child ModelTraining."""
    uid: Word | None = None
    """Its UID, once it was seen: a child that is gone after that is not made again."""
    decision: Word | None = None
    """Identity of the decision, from which the child's name follows."""
    trigger: Word
    """What started it."""
    reason: Line = ""
    """What was seen."""
    started_at: Word
    """When."""
    repeats: Word | None = None
    """The run of the same cause that was overtaken by new data; this one pins what is there now."""
    drifted: DriftedSpan | None = None
    """The windows that called for it. If the challenger is refused, only what differs from them too is drift."""
    version: int | None = None
    """The version it became."""
    gain: float | None = None
    """Key metric against the champion on the same rows; larger is better."""
    cost_cpu_seconds: float | None = Field(default=None, alias="costCPUSeconds")
    """What it used."""
    outcome: Literal[
        "Running", "Promoted", "Approved", "Pending", "Refused", "NotEnoughEvidence", "Overtaken", "Failed"
    ] = "Running"
    """What became of it. `Overtaken`: other data than was pinned lay there when it began; it is pinned again."""


class DayCost(StatusModel):
    """What the short Jobs of one day used."""

    day: Word
    """The day, UTC."""
    cpu_seconds: float
    """CPU seconds."""


class BudgetStatus(StatusModel):
    """What was used of the budget."""

    used_cpu_hours: float = Field(default=0, alias="usedCPUHours")
    """CPU hours, of retrainings and of the short Jobs."""
    since: Word | None = None
    """Since when."""
    tasks: Annotated[list[DayCost], newest(100), Field(max_length=100, json_schema_extra=list_map("day"))] = []
    """What the short Jobs used, by day."""
    counted: Annotated[list[Word], newest(16), Field(max_length=16)] = []
    """The short Jobs that were counted last, so that each counts once."""


class QualityStatus(StatusModel):
    """Requests whose missing or type rates are up: no model should learn from such values."""

    features: Annotated[list[Word], Field(max_length=10)] = []
    """The features."""
    since: Word
    """Since when. A retraining waits 7 days at most."""
    artifact: Word | None = None
    """Digest of the model that was asked."""
    message: Text = ""
    """What the training data itself looks like."""


class NewDataStatus(StatusModel):
    """What lies at the watched URI beyond what the last run saw."""

    digest: Word | None = None
    """Digest of the listing that was seen last."""
    objects: int | None = None
    """New objects."""
    rows: int | None = None
    """New rows, where they are counted."""
    checked_at: Word | None = None
    """When it was looked at."""


class TaskStatus(StatusModel):
    """A short Job that finds out what a decision needs."""

    purpose: Word
    """What for: `NewRows`, `LabelledRows`, `Cohort`, `DataCheck` or `DriftReport`."""
    job: Word
    """The Job."""
    state: Literal["Running", "Succeeded", "Failed"]
    """How it stands."""
    message: Text = ""
    """What keeps it, or why it failed."""
    cost_cpu_seconds: float | None = Field(default=None, alias="costCPUSeconds")
    """What it used."""


class RetrainPolicyStatus(StatusModel):
    """What was seen and decided."""

    observed_generation: int | None = None
    """Generation of the spec that this status is about."""
    conditions: Conditions = []
    """`Ready`, `DriftDetected`, `RetrainAllowed`; `Reconciling` and `Stalled` only while true."""
    drift: DriftStatus | None = None
    """What was asked and answered, against training."""
    performance: PerformanceStatus | None = None
    """Predictions against what really happened."""
    quality: QualityStatus | None = None
    """Requests that no model should learn from, while there are any."""
    new_data: NewDataStatus | None = None
    """What has arrived."""
    next: NextStatus | None = None
    """When something may happen."""
    tasks: Annotated[list[TaskStatus], Field(max_length=8, json_schema_extra=list_map("purpose"))] = []
    """Short Jobs that count rows and join labels, and what they cost."""
    runs: Annotated[
        list[RunEntry], newest(50), Field(max_length=50, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = []
    """Retrainings, newest last."""
    budget: BudgetStatus | None = None
    """What was used of the budget."""
    last_schedule: Word | None = None
    """The scheduled moment that was last acted on."""
    acted: Annotated[dict[Annotated[str, Field(max_length=128)], Word], Field(max_length=16)] = {}
    """Annotation → value that was last acted on, so that each acts once."""
