"""Everything a retraining decision looks at, frozen. The caller gathers it; nothing here reads a clock or a cluster."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from perennial.api.retrain import RetrainPolicySpec
from perennial.stats.verdicts import DriftState

TriggerKind = Literal["Manual", "Schedule", "NewData", "Performance", "Drift"]
Outcome = Literal["Running", "Promoted", "Approved", "Pending", "Refused", "NotEnoughEvidence", "Overtaken", "Failed"]


@dataclass(frozen=True, slots=True)
class PastRun:
    """One child training: `status.runs`, newest last, brought up to date with the child's own status."""

    training: str
    trigger: TriggerKind
    started_at: datetime
    finished_at: datetime | None = None
    outcome: Outcome = "Running"
    cpu_seconds: float | None = None  # status.cost of the child, also while it runs
    wall_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class PerformanceFacts:
    """The state of `perennial.stats.performance`, from the last joined cohorts."""

    state: Literal["Clear", "Warning", "Lost", "InsufficientLabels"]
    since: datetime | None = None  # start of the first of the lost cohorts
    message: str = ""


@dataclass(frozen=True, slots=True)
class NewDataFacts:
    """What the watched URI holds beyond the data of the newest run: a listing, and a row count where asked for."""

    objects: int
    rows: int | None = None  # None: not counted yet
    checked_at: datetime | None = None
    trouble: str = ""  # why they could not be counted


@dataclass(frozen=True, slots=True)
class LabelFacts:
    """Labelled rows that lie after the onset of what triggered, by a counting Job over the training data."""

    rows: int | None = None  # None: not counted yet
    countable: bool = True  # False: the training names no time column, so rows have no "after"
    newest: datetime | None = None  # newest time in the data
    trouble: str = ""  # why they could not be counted


@dataclass(frozen=True, slots=True)
class QualityFacts:
    """Since when features are blocked by missing or type rates, and whether the training data passes its own checks."""

    features: tuple[str, ...] = ()
    since: datetime | None = None
    data_passes: bool = False
    told: str = ""  # what the training data looks like, as far as it is known


@dataclass(frozen=True, slots=True)
class DaySpent:
    """CPU seconds of the short Jobs of one day, UTC."""

    start: datetime
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class PolicySnapshot:
    """One policy and all that bears on it.

    Attributes:
        created_at: of the policy; schedules count from here until one was acted on.
        training_exists: whether `trainingRef` was found.
        deployment_exists: whether `deploymentRef` was found; True when none is named.
        older_policy: name of an older policy for the same training.
        training_running: the referenced ModelTraining has a run of its own under way.
        run_rows: rows of the newest version's run, for `minNewLabelledRows: auto`.
        label_delay: `monitoring.labels.delay` of the deployment in seconds, 0 without labels.
        manual: value of the annotation `perennial.dev/retrain`; `manual_acted` the one that was acted on.
        reset_at: newest of spec change, annotation and promotion: refusals before it do not count.
        last_schedule: `status.lastSchedule`, the scheduled moment that was acted on.
    """

    name: str
    spec: RetrainPolicySpec
    created_at: datetime
    training_exists: bool = True
    deployment_exists: bool = True
    older_policy: str | None = None
    training_running: bool = False
    run_rows: int = 0
    label_delay: float = 0.0
    runs: tuple[PastRun, ...] = ()
    drift: DriftState | None = None
    performance: PerformanceFacts | None = None
    new_data: NewDataFacts | None = None
    labels: LabelFacts = LabelFacts()
    quality: QualityFacts = QualityFacts()
    tasks: tuple[DaySpent, ...] = ()  # short Jobs that counted rows, joined labels, checked data
    manual: str | None = None
    manual_acted: str | None = None
    reset_at: datetime | None = None
    last_schedule: datetime | None = None
