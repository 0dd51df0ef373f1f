"""RetrainPolicy: "retrain when one of these holds, within these brakes". Spec and object.

The status is in `retrain_status`. Whether a cron line ever fires is the policy's question, not the API's.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import Field

from perennial.api.evaluation import bounds_fit_metric
from perennial.api.fields import (
    AutoOrCount,
    AutoOrDuration,
    Column,
    ColumnSet,
    Confidence,
    CrName,
    DataUri,
    Duration,
    MetricName,
)
from perennial.api.normal import normal_form
from perennial.api.objects import ApiObject
from perennial.api.part import SpecModel
from perennial.api.retrain_status import RetrainPolicyStatus
from perennial.api.rule import Rule, at_most_one, exactly_one, needs

_CRON = "^(@(hourly|daily|midnight|weekly|monthly|yearly|annually)|[^ ]+( +[^ ]+){4})$"


class ObjectRef(SpecModel):
    """One of our objects in the same namespace."""

    name: CrName
    """Its name."""


class ScheduleTrigger(SpecModel):
    """By the clock."""

    RULES = (
        Rule(
            f"self.cron.matches('{_CRON}')",
            "schedule.cron has five fields (minute, hour, day of month, month, day of week), such as 0 3 * * 1",
            lambda s: re.search(_CRON, s.cron) is not None,
        ),
    )

    cron: Annotated[str, Field(min_length=1, max_length=128)]
    """Five fields: minute, hour, day of month, month, day of week."""
    time_zone: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+/-]+$", max_length=64)] = "Etc/UTC"
    """IANA time zone that the line is read in."""


class AlarmingWindows(SpecModel):
    """How many windows must agree."""

    RULES = (
        Rule(
            "(has(self.failing) ? self.failing : 2) <= (has(self.of) ? self.of : 3)",
            "windows.failing is larger than windows.of, so nothing would ever alarm: lower failing or raise of",
            lambda w: w.failing <= w.of,
        ),
    )

    failing: Annotated[int, Field(ge=1, le=20)] = 2
    """Alarming windows."""
    of: Annotated[int, Field(ge=1, le=20)] = 3
    """Of so many evaluated ones."""


class DriftTrigger(SpecModel):
    """When what is asked or answered looks different from training."""

    window: Duration = "1h"
    """Length of a window; a multiple of the deployment's `monitoring.window`."""
    features: ColumnSet = []
    """Features to watch. Default: all that the deployment counts."""
    threshold: Annotated[float, Field(gt=0, le=10)] = 0.2
    """Smallest PSI that matters."""
    false_alarm_rate: Annotated[float, Field(gt=0, le=0.5)] = 0.01
    """Chance of an alarm per window without any drift, over everything watched."""
    min_samples: Annotated[int, Field(ge=1, le=10000000)] = 500
    """Fewest requests of a window."""
    windows: AlarmingWindows = AlarmingWindows()
    """How many windows must agree."""


class PerformanceTrigger(SpecModel):
    """When predictions, joined with what really happened, have become worse."""

    RULES = (
        exactly_one("min", "max", message="give min for a score or max for a loss: exactly one of them"),
        *bounds_fit_metric("the trigger"),
    )

    metric: MetricName
    """Name of a metric."""
    min: float | None = None
    """Floor of a score."""
    max: float | None = None
    """Ceiling of a loss."""
    min_labels: Annotated[int, Field(ge=1, le=10000000)] = 500
    """Fewest labels of a cohort."""
    confidence: Confidence = 0.95
    """Confidence of the bound that decides."""


class NewDataTrigger(SpecModel):
    """When new rows or objects have arrived."""

    RULES = (at_most_one("minRows", "minObjects", message="give newData.minRows or newData.minObjects, not both"),)

    uri: DataUri | None = None
    """Where to look. Default: the training's `data.train.uri`."""
    min_rows: Annotated[int, Field(ge=1)] | None = None
    """Fewest new rows. Not together with `minObjects`."""
    min_objects: Annotated[int, Field(ge=1)] | None = None
    """Fewest new objects. Default: 1 where `minRows` is not set."""
    poll_interval: Duration = "5m"
    """How often to look."""


class Triggers(SpecModel):
    """What starts a training; any one is enough."""

    schedule: ScheduleTrigger | None = None
    """By the clock."""
    drift: DriftTrigger | None = None
    """When what is asked or answered looks different from training."""
    performance: PerformanceTrigger | None = None
    """When predictions have become worse."""
    new_data: NewDataTrigger | None = None
    """When new rows or objects have arrived."""


class DataWindow(SpecModel):
    """What the new run trains on."""

    RULES = (
        exactly_one("last", "all", message="give data.last for a window of time, or data.all: true; one of them"),
        needs("timeColumn", "last", "data.timeColumn says what data.last is measured on: give data.last, or remove it"),
    )

    last: Duration | None = None
    """Rows of the last so long. Exactly one of `last` and `all`."""
    time_column: Column | None = None
    """Column that says when a row happened. Default: the training's `features.timeColumn`."""
    all: Literal[True] | None = None
    """Every row that the URI holds."""


class Budget(SpecModel):
    """What retraining may cost."""

    cpu_hours: Annotated[float, Field(gt=0)]
    """CPU hours."""
    per: Duration = "7d"
    """Within so long."""


class Brakes(SpecModel):
    """What holds retraining back."""

    cooldown: AutoOrDuration = "auto"
    """Shortest time between two runs. `auto`: the longer of 24 h and twice the last training, doubled by refusals."""
    max_concurrent: Annotated[int, Field(ge=1, le=10)] = 1
    """Most runs at a time."""
    max_per_day: Annotated[int, Field(ge=1, le=100)] = 4
    """Most runs in 24 hours."""
    budget: Budget | None = None
    """What retraining may cost. Default: no limit."""
    stop_after_refused: Annotated[int, Field(ge=1, le=100)] = 3
    """After so many refused challengers in a row, this kind of trigger waits for a person."""
    min_new_labelled_rows: AutoOrCount = "auto"
    """New labelled rows that drift and performance wait for. `auto`: the more of 1,000 and 5 % of the run's rows."""


class History(SpecModel):
    """How many child trainings are kept."""

    succeeded: Annotated[int, Field(ge=0, le=100)] = 3
    """Succeeded ones."""
    failed: Annotated[int, Field(ge=0, le=100)] = 3
    """Failed ones."""


class RetrainPolicySpec(SpecModel):
    """Retrain when one of these holds, within these brakes."""

    RULES = (
        Rule(
            "!has(self.triggers) || has(self.deploymentRef) || "
            "(!has(self.triggers.drift) && !has(self.triggers.performance))",
            "drift and performance are seen where a model serves: name the ModelDeployment in spec.deploymentRef",
            lambda s: s.deployment_ref is not None or (s.triggers.drift is None and s.triggers.performance is None),
        ),
        Rule(
            "self.trainingRef.name == oldSelf.trainingRef.name",
            "spec.trainingRef cannot be changed: make a new RetrainPolicy for the other training",
            None,
        ),
    )

    training_ref: ObjectRef
    """The ModelTraining that is repeated. Cannot be changed."""
    deployment_ref: ObjectRef | None = None
    """The ModelDeployment that is watched. Needed by drift and performance."""
    triggers: Triggers = Triggers()
    """What starts a training. Default: only a person."""
    data: DataWindow | None = None
    """What the new run trains on. Default: what the training says."""
    brakes: Brakes = Brakes()
    """What holds retraining back."""
    suspend: bool = False
    """While true, nothing starts."""
    history: History = History()
    """How many child trainings are kept."""

    def normalised(self) -> dict[str, Any]:
        """This spec in its one form: camelCase, whatever equals its default left out."""
        return normal_form(self)


class RetrainPolicy(ApiObject):
    """When to retrain, and what came of it."""

    kind: Literal["RetrainPolicy"] = "RetrainPolicy"
    spec: RetrainPolicySpec
    status: RetrainPolicyStatus = RetrainPolicyStatus()
