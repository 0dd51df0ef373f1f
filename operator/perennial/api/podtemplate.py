"""The closed subset of a pod template that specs accept.

What it cannot express (hostPath, privileged, a service-account token) is what must not be asked for; the restricted
pod security level is set after the merge by the builders.
"""

from typing import Annotated, Literal

from pydantic import Field

from perennial.api.fields import DnsLabel, DnsName, LabelKey, Quantity, list_map
from perennial.api.part import SpecModel
from perennial.api.rule import Rule, at_most_one, exactly_one
from perennial.api.scheduling import Affinity, LabelSelector, StringMap, Toleration, TopologySpreadConstraint
from perennial.api.volumes import KeyRef, Volume, VolumeMount

__all__ = ["EnvFromSource", "EnvVar", "LabelSelector", "PodTemplate", "Resources"]

ResourceMap = Annotated[dict[LabelKey, Quantity], Field(max_length=32)]


class Resources(SpecModel):
    """CPU, memory and devices of the main container."""

    requests: ResourceMap = {}
    """What is reserved on the node, such as `cpu: 500m` and `memory: 2Gi`."""
    limits: ResourceMap = {}
    """What may be used at most."""


class FieldRef(SpecModel):
    """A field of the pod."""

    field_path: Annotated[str, Field(max_length=256)]
    """Such as `metadata.name`."""
    api_version: Annotated[str, Field(max_length=64)] | None = None
    """Version of the schema the path is written in. Default: v1."""


class ResourceFieldRef(SpecModel):
    """A resource of the container."""

    resource: Annotated[str, Field(max_length=128)]
    """Such as `limits.memory`."""
    container_name: DnsLabel | None = None
    """The container. Default: the main one."""
    divisor: Quantity | None = None
    """Unit of the value."""


class EnvSource(SpecModel):
    """Where a value comes from; exactly one."""

    RULES = (
        exactly_one(
            "configMapKeyRef",
            "secretKeyRef",
            "fieldRef",
            "resourceFieldRef",
            message="valueFrom names one source: configMapKeyRef, secretKeyRef, fieldRef or resourceFieldRef",
        ),
    )

    config_map_key_ref: KeyRef | None = None
    """A key of a ConfigMap."""
    secret_key_ref: KeyRef | None = None
    """A key of a Secret."""
    field_ref: FieldRef | None = None
    """A field of the pod."""
    resource_field_ref: ResourceFieldRef | None = None
    """A resource of the container."""


class EnvVar(SpecModel):
    """An environment variable."""

    RULES = (
        at_most_one("value", "valueFrom", message="give value or valueFrom, not both: remove one of them"),
        Rule(
            "!self.name.startsWith('PERENNIAL_')",
            "names that begin with PERENNIAL_ are set by the operator: choose another name",
            lambda v: not v.name.startswith("PERENNIAL_"),
        ),
    )

    name: Annotated[str, Field(pattern=r"^[-._a-zA-Z][-._a-zA-Z0-9]*$", max_length=253)]
    """Its name. Names that begin with PERENNIAL_ are ours."""
    value: Annotated[str, Field(max_length=32768)] | None = None
    """Its value."""
    value_from: EnvSource | None = None
    """Where its value comes from, instead of `value`."""


class EnvObjectRef(SpecModel):
    """A ConfigMap or Secret."""

    name: DnsName
    """Its name."""
    optional: bool = False
    """Whether it may be absent."""


class EnvFromSource(SpecModel):
    """An object whose keys become environment variables; exactly one."""

    RULES = (
        exactly_one("configMapRef", "secretRef", message="envFrom names one object: configMapRef or secretRef"),
        Rule(
            "!has(self.prefix) || !self.prefix.startsWith('PERENNIAL_')",
            "names that begin with PERENNIAL_ are set by the operator: choose another prefix",
            lambda v: v.prefix is None or not v.prefix.startswith("PERENNIAL_"),
        ),
    )

    prefix: Annotated[str, Field(max_length=253)] | None = None
    """Put before every key."""
    config_map_ref: EnvObjectRef | None = None
    """A ConfigMap."""
    secret_ref: EnvObjectRef | None = None
    """A Secret."""


class SeccompProfile(SpecModel):
    """Filter of system calls."""

    RULES = (
        Rule(
            "has(self.localhostProfile) == (self.type == 'Localhost')",
            "localhostProfile belongs to type Localhost: give both, or type RuntimeDefault alone",
            lambda p: (p.localhost_profile is not None) == (p.type == "Localhost"),
        ),
    )

    type: Literal["RuntimeDefault", "Localhost"]
    """Which filter; Unconfined is below the restricted level."""
    localhost_profile: Annotated[str, Field(max_length=256)] | None = None
    """Path of a profile on the node, for Localhost."""


class PodSecurityContext(SpecModel):
    """Identity of the pod's processes; nothing below the restricted level can be said here."""

    run_as_user: Annotated[int, Field(ge=1, le=2147483647)] | None = None
    """User id; not root."""
    run_as_group: Annotated[int, Field(ge=0, le=2147483647)] | None = None
    """Group id."""
    run_as_non_root: Literal[True] | None = None
    """Always true."""
    fs_group: Annotated[int, Field(ge=0, le=2147483647)] | None = None
    """Group that owns the volumes."""
    fs_group_change_policy: Literal["Always", "OnRootMismatch"] | None = None
    """When ownership of volumes is changed."""
    supplemental_groups: Annotated[list[Annotated[int, Field(ge=0, le=2147483647)]], Field(max_length=32)] = []
    """Further groups."""
    seccomp_profile: SeccompProfile | None = None
    """Filter of system calls. Default: RuntimeDefault."""


class SecretName(SpecModel):
    """A Secret with registry credentials."""

    name: DnsName
    """Its name."""


KEY_OF_OURS = "key.matches('^([^/]*[.])?(perennial[.]dev|app[.]kubernetes[.]io)/')"


def is_ours(key: str) -> bool:
    """Whether a label or annotation key belongs to the operator."""
    domain = key.partition("/")[0] if "/" in key else ""
    return any(domain == ours or domain.endswith("." + ours) for ours in ("perennial.dev", "app.kubernetes.io"))


class PodTemplate(SpecModel):
    """What may be said about the pods that do the work."""

    RULES = (
        Rule(
            f"!has(self.labels) || self.labels.all(key, !{KEY_OF_OURS})",
            "labels of perennial.dev and app.kubernetes.io are set by the operator: choose another key",
            lambda t: not any(is_ours(key) for key in t.labels),
        ),
        Rule(
            f"!has(self.annotations) || self.annotations.all(key, !{KEY_OF_OURS})",
            "annotations of perennial.dev and app.kubernetes.io are set by the operator: choose another key",
            lambda t: not any(is_ours(key) for key in t.annotations),
        ),
        Rule(
            "!has(self.volumeMounts) || self.volumeMounts.all(mount, "
            "has(self.volumes) && self.volumes.exists(volume, volume.name == mount.name))",
            "every volumeMount names a volume of template.volumes: add the volume or correct the name",
            lambda t: {m.name for m in t.volume_mounts} <= {v.name for v in t.volumes},
        ),
    )

    labels: StringMap = {}
    """Labels of the pods. Keys of perennial.dev and app.kubernetes.io are ours."""
    annotations: Annotated[dict[LabelKey, Annotated[str, Field(max_length=4096)]], Field(max_length=64)] = {}
    """Annotations of the pods."""
    resources: Resources | None = None
    """CPU, memory and devices of the main container."""
    node_selector: StringMap = {}
    """Labels that a node must have."""
    affinity: Affinity | None = None
    """Where pods should run, relative to nodes and other pods."""
    tolerations: Annotated[list[Toleration], Field(max_length=32)] = []
    """Taints that are accepted."""
    topology_spread_constraints: Annotated[list[TopologySpreadConstraint], Field(max_length=16)] = []
    """How pods are spread over zones and nodes."""
    volumes: Annotated[list[Volume], Field(max_length=16, json_schema_extra=list_map("name"))] = []
    """Further volumes."""
    volume_mounts: Annotated[list[VolumeMount], Field(max_length=16, json_schema_extra=list_map("mountPath"))] = []
    """Where they appear in the main container."""
    env: Annotated[list[EnvVar], Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "atomic"})] = []
    """Environment variables of the main container."""
    env_from: Annotated[list[EnvFromSource], Field(max_length=64)] = []
    """ConfigMaps and Secrets whose keys become environment variables."""
    service_account_name: DnsName | None = None
    """ServiceAccount of the pods. Its token is never mounted."""
    security_context: PodSecurityContext | None = None
    """Identity of the pod's processes."""
    runtime_class_name: DnsName | None = None
    """Container runtime, such as gvisor."""
    image_pull_secrets: Annotated[list[SecretName], Field(max_length=16, json_schema_extra=list_map("name"))] = []
    """Secrets with registry credentials."""
