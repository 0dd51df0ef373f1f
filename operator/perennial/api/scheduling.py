"""Where pods may run: affinity, tolerations and spreading, as Kubernetes spells them, with maxima."""

from typing import Annotated, Literal

from pydantic import Field

from perennial.api.fields import DnsLabel, LabelKey
from perennial.api.part import SpecModel

StringMap = Annotated[dict[LabelKey, Annotated[str, Field(max_length=63)]], Field(max_length=64)]
LabelValues = Annotated[list[Annotated[str, Field(max_length=63)]], Field(max_length=64)]
Terms = Field(max_length=16)


class LabelRequirement(SpecModel):
    """A condition on one label."""

    key: LabelKey
    """The label."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """How it is compared."""
    values: LabelValues = []
    """With what."""


class LabelSelector(SpecModel):
    """Objects by their labels."""

    match_labels: StringMap = {}
    """Labels that must be equal."""
    match_expressions: Annotated[list[LabelRequirement], Terms] = []
    """Further conditions."""


class NodeRequirement(SpecModel):
    """A condition on one label or field of a node."""

    key: LabelKey
    """The label or field."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    """How it is compared."""
    values: LabelValues = []
    """With what."""


class NodeTerm(SpecModel):
    """Conditions that a node must all meet."""

    match_expressions: Annotated[list[NodeRequirement], Terms] = []
    """Conditions on labels."""
    match_fields: Annotated[list[NodeRequirement], Terms] = []
    """Conditions on fields."""


class NodeSelector(SpecModel):
    """Alternatives of which a node must meet one."""

    node_selector_terms: Annotated[list[NodeTerm], Terms]
    """The alternatives."""


class PreferredNode(SpecModel):
    """A preference."""

    weight: Annotated[int, Field(ge=1, le=100)]
    """How much it counts."""
    preference: NodeTerm
    """What is preferred."""


class NodeAffinity(SpecModel):
    """Which nodes."""

    required: NodeSelector | None = Field(default=None, alias="requiredDuringSchedulingIgnoredDuringExecution")
    """What a node must have."""
    preferred: Annotated[list[PreferredNode], Terms] = Field(
        default=[], alias="preferredDuringSchedulingIgnoredDuringExecution"
    )
    """What it should have."""


class PodTerm(SpecModel):
    """Pods to be near to or away from."""

    topology_key: LabelKey
    """Label of nodes that says what near means."""
    label_selector: LabelSelector | None = None
    """Which pods."""
    namespaces: Annotated[list[DnsLabel], Terms] = []
    """In which namespaces. Default: this one."""
    namespace_selector: LabelSelector | None = None
    """In which namespaces, by label."""


class PreferredPod(SpecModel):
    """A preference."""

    weight: Annotated[int, Field(ge=1, le=100)]
    """How much it counts."""
    pod_affinity_term: PodTerm
    """What is preferred."""


class PodAffinity(SpecModel):
    """Nearness to pods, or distance from them."""

    required: Annotated[list[PodTerm], Terms] = Field(
        default=[], alias="requiredDuringSchedulingIgnoredDuringExecution"
    )
    """What must hold."""
    preferred: Annotated[list[PreferredPod], Terms] = Field(
        default=[], alias="preferredDuringSchedulingIgnoredDuringExecution"
    )
    """What should hold."""


class Affinity(SpecModel):
    """Where pods should run."""

    node_affinity: NodeAffinity | None = None
    """Which nodes."""
    pod_affinity: PodAffinity | None = None
    """Near which pods."""
    pod_anti_affinity: PodAffinity | None = None
    """Away from which pods."""


class Toleration(SpecModel):
    """A taint that is accepted."""

    key: LabelKey | None = None
    """The taint. Left out with operator Exists: every taint."""
    operator: Literal["Equal", "Exists"] | None = None
    """How the value is compared. Default: Equal."""
    value: Annotated[str, Field(max_length=63)] | None = None
    """Value of the taint."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Which effect is accepted. Default: all."""
    toleration_seconds: Annotated[int, Field(ge=0)] | None = None
    """How long, for NoExecute."""


class TopologySpreadConstraint(SpecModel):
    """How pods are spread."""

    max_skew: Annotated[int, Field(ge=1)]
    """How uneven it may be."""
    topology_key: LabelKey
    """Label of nodes whose values are spread over."""
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"]
    """What happens where it cannot hold."""
    label_selector: LabelSelector | None = None
    """Which pods are counted. Default: those of this object."""
    min_domains: Annotated[int, Field(ge=1)] | None = None
    """Fewest values to spread over."""
    node_affinity_policy: Literal["Honor", "Ignore"] | None = None
    """Whether nodes that affinity excludes are counted."""
    node_taints_policy: Literal["Honor", "Ignore"] | None = None
    """Whether tainted nodes are counted."""
