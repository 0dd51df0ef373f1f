"""ModelDeployment: "this model should answer requests, and change only this carefully". Spec and object.

The status is in `deployment_status`; `rollout` and `monitoring` have modules of their own.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from perennial.api.deployment_status import ModelDeploymentStatus
from perennial.api.fields import CrName, DataUri, Digest, DnsName, ImageName, Quantity
from perennial.api.monitoring import Monitoring
from perennial.api.normal import normal_form
from perennial.api.objects import ApiObject
from perennial.api.part import SpecModel
from perennial.api.podtemplate import EnvVar, PodTemplate, Resources
from perennial.api.rollout import Rollout
from perennial.api.rule import Rule, exactly_one, needs


class ModelRef(SpecModel):
    """Which model: by name its approved version is followed, with a version it is pinned, by URI it is that run."""

    RULES = (
        exactly_one(
            "name", "uri", message="give model.name for a model of the registry, or model.uri for one from elsewhere"
        ),
        needs("version", "name", "model.version pins a model of the registry: give model.name, or remove version"),
        Rule(
            "has(self.uri) == has(self.digest)",
            "a model from elsewhere is named by model.uri and model.digest together: give both, or neither",
            lambda m: (m.uri is None) == (m.digest is None),
        ),
    )

    name: CrName | None = None
    """Name of the model in the registry of this namespace."""
    version: Annotated[int, Field(ge=1)] | None = None
    """Pin to this version."""
    uri: DataUri | None = None
    """A run of this namespace's registry by its address, `<registry>/<namespace>/<model>/runs/<run digest>/`, such as
    one that was copied there; needs `digest`."""
    digest: Digest | None = None
    """Artifact digest that the model from elsewhere must have."""


class Autoscaling(SpecModel):
    """A HorizontalPodAutoscaler for the stable revision."""

    RULES = (
        Rule(
            "!has(self.min) || self.min <= self.max",
            "autoscaling.min is larger than autoscaling.max: exchange them",
            lambda a: a.min <= a.max,
        ),
    )

    min: Annotated[int, Field(ge=1, le=1000)] = 1
    """Fewest replicas."""
    max: Annotated[int, Field(ge=1, le=1000)]
    """Most replicas."""
    target_cpu_percent: Annotated[int, Field(ge=1, le=100)] | None = Field(default=None, alias="targetCPUPercent")
    """CPU use to aim for, in percent of the request. Default: 70 where `targetConcurrency` is not set."""
    target_concurrency: Annotated[int, Field(ge=1, le=10000)] | None = None
    """Requests in flight per replica to aim for; needs a metrics adapter that gives `perennial_server_in_flight` by
    pod."""


class Server(SpecModel):
    """The serving process."""

    resources: Resources | None = None
    """CPU, memory and devices of the server."""
    env: Annotated[list[EnvVar], Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "atomic"})] = []
    """Environment variables."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes per pod; one a core."""
    max_batch_rows: Annotated[int, Field(ge=1, le=1000000)] = 1024
    """Most rows that are predicted together, and most rows of one request."""
    max_request_bytes: Quantity = "16Mi"
    """Largest body of a request."""
    timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = 30
    """Longest time for one request; later it is answered 504. A candidate may take as long by its own limit: what comes
    later is its error. Clients do not wait that long for it: after twice the time that the stable version needs itself
    (at least 5 s, or half this limit if that is less) the stable version answers them."""
    image: ImageName | None = None
    """Server image. Default: the operator's own release."""
    runtime_update: Literal["OnNextVersion", "Rollout"] = "OnNextVersion"
    """When a new release of the server is taken: with the next version, or by a rollout of its own."""


class Route(SpecModel):
    """A Gateway API HTTPRoute to the model."""

    gateway: Annotated[str, Field(pattern=r"^([a-z0-9-]+/)?[a-z0-9.-]+$", max_length=317)]
    """Gateway, as `name` or `namespace/name`."""
    hostname: DnsName | None = None
    """Host name that is routed. Default: every one that the gateway listens for."""

    def parent(self, namespace: str) -> tuple[str, str]:
        """Namespace and name of the gateway, for an object of that namespace."""
        before, _, name = self.gateway.rpartition("/")
        return before or namespace, name


class ModelDeploymentSpec(SpecModel):
    """This model should answer requests, and change only this carefully."""

    model: ModelRef
    """Which model."""
    replicas: Annotated[int, Field(ge=0, le=1000, json_schema_extra={"x-perennial-schema-default": True})] = 2
    """Replicas of the stable revision. With `autoscaling` leave it out of Git."""
    autoscaling: Autoscaling | None = None
    """Scale by load."""
    server: Server = Server()
    """The serving process."""
    template: PodTemplate | None = None
    """What may be said about the serving pods."""
    rollout: Rollout = Rollout()
    """How a new version takes over."""
    monitoring: Monitoring = Monitoring()
    """What is counted about requests."""
    route: Route | None = None
    """A Gateway API HTTPRoute to the model."""

    def normalised(self) -> dict[str, Any]:
        """This spec in its one form: camelCase, whatever equals its default left out."""
        return normal_form(self)


class ModelDeployment(ApiObject):
    """A model that answers requests, and how it does."""

    kind: Literal["ModelDeployment"] = "ModelDeployment"
    spec: ModelDeploymentSpec
    status: ModelDeploymentStatus = ModelDeploymentStatus()
