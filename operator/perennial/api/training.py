"""ModelTraining: "a model with this data, algorithm and these gates should exist". Spec and object.

The status is in `training_status`.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from perennial.api.algorithm import DEFAULT_THRESHOLD, Algorithm, Container, Preprocess
from perennial.api.data import DEFAULT_FRACTION, Data
from perennial.api.evaluation import Evaluation
from perennial.api.fields import OPEN, CrName, DnsName
from perennial.api.normal import normal_form
from perennial.api.objects import ApiObject
from perennial.api.part import SpecModel, without_empty
from perennial.api.podtemplate import PodTemplate
from perennial.api.rule import Rule, exactly_one
from perennial.api.training_status import ModelTrainingStatus
from perennial.api.workload import Workload

ManagedBy = Annotated[str, Field(pattern=r"^[a-z0-9.-]+/[A-Za-z0-9._/-]+$", max_length=63)]


class OnExitCodes(SpecModel):
    """Exit codes of a container."""

    container_name: Annotated[str, Field(max_length=63)] | None = None
    """The container. Default: any."""
    operator: Literal["In", "NotIn"]
    """How they are compared."""
    values: Annotated[
        list[Annotated[int, Field(ge=0, le=255)]],
        Field(min_length=1, max_length=255, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ]
    """The codes."""


class OnPodCondition(SpecModel):
    """A condition of the failed pod."""

    type: Annotated[str, Field(min_length=1, max_length=316)]
    """Its type."""
    status: Literal["True", "False", "Unknown"] = "True"
    """Its status."""


class PodFailureRule(SpecModel):
    """What happens when a pod failed like this; exactly one of `onExitCodes` and `onPodConditions`."""

    RULES = (
        exactly_one(
            "onExitCodes",
            "onPodConditions[]",
            message="a failure rule looks at exit codes or at conditions: give onExitCodes or onPodConditions",
        ),
    )

    action: Literal["FailJob", "Ignore", "Count"]
    """Give up, try again for free, or try again within `backoffLimit`."""
    on_exit_codes: OnExitCodes | None = None
    """By exit code."""
    on_pod_conditions: Annotated[list[OnPodCondition], Field(max_length=20)] = []
    """By condition."""


class PodFailurePolicy(SpecModel):
    """Rules for failed pods, after our own: disruptions are free, refused data and broken user code are final."""

    rules: Annotated[list[PodFailureRule], Field(max_length=16)]
    """The first that fits decides."""


class ModelTrainingSpec(SpecModel):
    """A model with this data, algorithm and these gates should exist."""

    RULES = (
        exactly_one(
            "algorithm",
            "container",
            "workload",
            message="say how to train: exactly one of spec.algorithm, spec.container and spec.workload",
        ),
        Rule(
            "has(self.managedBy) == has(oldSelf.managedBy) && "
            "(!has(self.managedBy) || self.managedBy == oldSelf.managedBy)",
            "spec.managedBy cannot be added, changed or removed: make a new ModelTraining",
            None,
        ),
    )

    model: CrName | None = None
    """Name of the model in the registry. Default: `metadata.name`."""
    data: Data
    """What to learn from."""
    preprocess: Annotated[Literal["auto"] | Preprocess, Field(json_schema_extra=OPEN)] = "auto"
    """`auto`, or `{steps: […]}`: imputation, encoding and scaling."""
    algorithm: Algorithm | None = None
    """A scikit-learn style estimator. Exactly one of `algorithm`, `container` and `workload`."""
    container: Container | None = None
    """Code of your own."""
    workload: Workload | None = None
    """Another controller's object that does the work."""
    template: PodTemplate | None = None
    """What may be said about the training pod."""
    seed: Annotated[int, Field(ge=0, le=4294967295)] = 42
    """Seed of everything random."""
    evaluation: Evaluation | None = None
    """How the model is judged. Editing it judges the existing run again, without training."""
    approval: Literal["Automatic", "Manual"] = "Automatic"
    """Whether a version that passes its gates is approved at once or by a person."""
    suspend: bool = False
    """While true, no new Job is made."""
    managed_by: ManagedBy | None = None
    """Another controller's name means: hands off. Cannot be added, changed or removed later."""
    active_deadline_seconds: Annotated[int, Field(ge=1, le=31536000)] | None = None
    """Longest time the Job may take. Default: no limit."""
    backoff_limit: Annotated[int, Field(ge=0, le=100)] = 3
    """How often a failed pod is tried again. Evictions and lost nodes do not count."""
    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=31536000)] = 86400
    """How long a finished Job is kept. This object and its status stay."""
    pod_failure_policy: PodFailurePolicy | None = None
    """Further rules for failed pods."""
    priority_class_name: DnsName | None = None
    """PriorityClass of the pods."""
    reuse: bool = True
    """Whether an existing run of the same digest, or trials of an earlier search for it, are taken instead of running
    them again. A run that exists is never replaced."""

    def normalised(self) -> dict[str, Any]:
        """This spec in its one form, of which the runKey is made: camelCase, whatever equals its default left out.

        Numbers, times and sets have one spelling, so that writing a default out, `1.0` for `1` or another
        order of `exclude` changes no identity.
        """
        form = normal_form(self)
        holdout = form.get("data", {}).get("holdout", {})
        if holdout.get("fraction") == DEFAULT_FRACTION:
            del holdout["fraction"]
        if holdout.get("strategy") == self.data.default_strategy:
            del holdout["strategy"]
        decision = form.get("algorithm", {}).get("decision", {})
        if decision.get("threshold") == DEFAULT_THRESHOLD:
            del decision["threshold"]
        return without_empty(form)


class ModelTraining(ApiObject):
    """A model that should exist, and what came of it."""

    kind: Literal["ModelTraining"] = "ModelTraining"
    spec: ModelTrainingSpec
    status: ModelTrainingStatus = ModelTrainingStatus()

    @property
    def model(self) -> str:
        """Name of the model in the registry."""
        return self.spec.model or self.metadata.name
