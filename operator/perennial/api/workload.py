"""`spec.workload`: an object of another controller that does the work of a run, and what its template may not say.

How it is completed is `perennial.desired.workload`'s.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from perennial.api.fields import OPEN, LabelKey
from perennial.api.part import SpecModel
from perennial.api.podtemplate import KEY_OF_OURS, is_ours
from perennial.api.rule import Rule
from perennial.api.scheduling import StringMap

WorkloadKind = Literal["TrainJob", "RayJob", "JobSet"]
API_VERSIONS: Mapping[str, str] = {
    "JobSet": "jobset.x-k8s.io/v1alpha2",
    "RayJob": "ray.io/v1",
    "TrainJob": "trainer.kubeflow.org/v1alpha1",
}
QUEUE = "kueue.x-k8s.io/queue-name"

_VERSIONS_CEL = "{" + ", ".join(f"'{kind}': '{version}'" for kind, version in API_VERSIONS.items()) + "}"


class WorkloadMetadata(SpecModel):
    """Labels and annotations. Name, namespace and owner are the operator's."""

    RULES = (
        Rule(
            f"!has(self.labels) || self.labels.all(key, !{KEY_OF_OURS})",
            "labels of perennial.dev and app.kubernetes.io are set by the operator: choose another key",
            lambda m: not any(is_ours(key) for key in m.labels),
        ),
        Rule(
            f"!has(self.labels) || !('{QUEUE}' in self.labels)",
            f"the queue is asked for on the ModelTraining: put the label {QUEUE} into its own metadata",
            lambda m: QUEUE not in m.labels,
        ),
        Rule(
            f"!has(self.annotations) || self.annotations.all(key, !{KEY_OF_OURS})",
            "annotations of perennial.dev and app.kubernetes.io are set by the operator: choose another key",
            lambda m: not any(is_ours(key) for key in m.annotations),
        ),
    )

    labels: StringMap = {}
    """Labels of the object. Keys of perennial.dev and app.kubernetes.io are ours."""
    annotations: Annotated[dict[LabelKey, Annotated[str, Field(max_length=4096)]], Field(max_length=64)] = {}
    """Annotations of the object."""


class WorkloadTemplate(SpecModel):
    """The other controller's object, without what the operator says of it."""

    api_version: Annotated[str, Field(max_length=64)] | None = None
    """May be given, so that a manifest can be pasted; must be the one of `kind`."""
    kind: Annotated[str, Field(max_length=63)] | None = None
    """May be given; must be the same as beside the template."""
    metadata: WorkloadMetadata | None = None
    """Labels and annotations of the object."""
    spec: Annotated[dict[str, Any], Field(json_schema_extra=OPEN)]
    """`spec` of the object. Its containers get the frozen request and access to storage."""


class Workload(SpecModel):
    """An object of another controller, for work that one pod cannot do."""

    RULES = (
        Rule(
            "!has(self.template.kind) || self.template.kind == self.kind",
            "workload.template.kind is not workload.kind: give one kind, or leave it out of the template",
            lambda w: w.template.kind in (None, w.kind),
        ),
        Rule(
            f"!has(self.template.apiVersion) || self.template.apiVersion == {_VERSIONS_CEL}[self.kind]",
            "workload.template.apiVersion is not the one that is made "
            f"({', '.join(API_VERSIONS.values())}): write that, or leave it out",
            lambda w: w.template.api_version in (None, API_VERSIONS[w.kind]),
        ),
    )

    kind: WorkloadKind
    """Which kind: a JobSet, a RayJob of KubeRay, or a TrainJob of Kubeflow Trainer."""
    template: WorkloadTemplate
    """The object, to be completed with the frozen request."""
    task: Literal["Classification", "Regression", "Outlier"] | None = None
    """What is learnt. Default: by the target (numbers with fractions or more than 20 values: regression)."""
