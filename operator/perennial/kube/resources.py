"""Which path a kind is served at, and how to point at one object. Names of children are made in desired/, not here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perennial.api.group import API_VERSION, PLURALS

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "perennial"
"""Value of the label above on every child, and the one field manager of every server-side apply."""


@dataclass(frozen=True, slots=True)
class Resource:
    """How a kind is served."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        """The API group, empty for the core one."""
        return self.api_version.rpartition("/")[0]

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The path below the server's address; without a namespace: the whole cluster."""
        parts = ["", "apis" if self.group else "api", self.api_version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts += [self.plural, *(p for p in (name, subresource) if p)]
        return "/".join(parts)


OWN = tuple(Resource(API_VERSION, kind, plural) for kind, plural in PLURALS.items())
OWN_KINDS = tuple(resource.kind for resource in OWN)
CHILDREN = (
    Resource("batch/v1", "Job", "jobs"),
    Resource("v1", "Pod", "pods"),
    Resource("apps/v1", "Deployment", "deployments"),
    Resource("v1", "Service", "services"),
    Resource("v1", "ConfigMap", "configmaps"),
    Resource("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Resource("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
)
OTHERS = (
    # spec.workload: made by name and listed, never watched, for a cluster may lack them
    Resource("jobset.x-k8s.io/v1alpha2", "JobSet", "jobsets"),
    Resource("ray.io/v1", "RayJob", "rayjobs"),
    Resource("trainer.kubeflow.org/v1alpha1", "TrainJob", "trainjobs"),
    # of the Gateway API, which a cluster may lack: asked for by name, never watched
    Resource("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes"),
    Resource("gateway.networking.k8s.io/v1", "Gateway", "gateways"),
    Resource("coordination.k8s.io/v1", "Lease", "leases"),
    Resource("events.k8s.io/v1", "Event", "events"),
    Resource("v1", "Namespace", "namespaces", namespaced=False),
    Resource("v1", "ServiceAccount", "serviceaccounts"),
    Resource("v1", "Node", "nodes", namespaced=False),
)
BY_KIND: Mapping[str, Resource] = {r.kind: r for r in (*OWN, *CHILDREN, *OTHERS)}


def resource_of(kind: str) -> Resource:
    """How a kind is served.

    Raises:
        KeyError: a kind that Perennial never touches.
    """
    try:
        return BY_KIND[kind]
    except KeyError:
        raise KeyError(f"kind {kind!r} is none of {', '.join(sorted(BY_KIND))}") from None


@dataclass(frozen=True, slots=True)
class Ref:
    """One object by kind, namespace (empty for cluster-wide kinds) and name."""

    kind: str
    namespace: str
    name: str

    @classmethod
    def to(cls, body: Mapping[str, Any]) -> "Ref":
        """The reference to a manifest or a live object."""
        meta = body["metadata"]
        return cls(str(body["kind"]), str(meta.get("namespace", "")), str(meta["name"]))

    def path(self, subresource: str | None = None) -> str:
        """The object's path below the server's address."""
        return resource_of(self.kind).path(self.namespace or None, self.name, subresource)

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def controller_uid(body: Mapping[str, Any]) -> str:
    """UID of the controller owner of an object, empty when it has none."""
    owners = body.get("metadata", {}).get("ownerReferences") or ()
    return next((str(o["uid"]) for o in owners if o.get("controller")), "")
