"""Volumes that a pod template may ask for: what the restricted level allows, without service-account tokens."""

import re
from typing import Annotated, Literal

from pydantic import Field

from perennial.api.fields import DnsLabel, DnsName, Quantity
from perennial.api.part import SpecModel
from perennial.api.rule import Rule, exactly_one

Mode = Annotated[int, Field(ge=0, le=511)]
Key = Annotated[str, Field(min_length=1, max_length=253)]
Path = Annotated[str, Field(min_length=1, max_length=1024)]


class KeyRef(SpecModel):
    """One key of a ConfigMap or Secret."""

    name: DnsName
    """Name of the object."""
    key: Key
    """The key."""
    optional: bool = False
    """Whether it may be absent."""


class KeyToPath(SpecModel):
    """One key as a file."""

    key: Key
    """The key."""
    path: Path
    """File name within the volume."""
    mode: Mode | None = None
    """Permission bits."""


Items = Annotated[list[KeyToPath], Field(max_length=64)]


class ConfigMapVolume(SpecModel):
    """Keys of a ConfigMap as files."""

    name: DnsName
    """The ConfigMap."""
    items: Items = []
    """Which keys. Default: all."""
    default_mode: Mode | None = None
    """Permission bits."""
    optional: bool = False
    """Whether it may be absent."""


class SecretVolume(SpecModel):
    """Keys of a Secret as files."""

    secret_name: DnsName
    """The Secret."""
    items: Items = []
    """Which keys. Default: all."""
    default_mode: Mode | None = None
    """Permission bits."""
    optional: bool = False
    """Whether it may be absent."""


class EmptyDirVolume(SpecModel):
    """An empty folder that lives as long as the pod."""

    medium: Literal["", "Memory"] | None = None
    """Memory, or the node's disk."""
    size_limit: Quantity | None = None
    """How large it may grow."""


class ClaimVolume(SpecModel):
    """A PersistentVolumeClaim."""

    claim_name: DnsName
    """Its name."""
    read_only: bool = False
    """Whether it is mounted for reading only."""


class ProjectedObject(SpecModel):
    """A ConfigMap or Secret within a projected volume."""

    name: DnsName
    """Its name."""
    items: Items = []
    """Which keys. Default: all."""
    optional: bool = False
    """Whether it may be absent."""


class PodFieldRef(SpecModel):
    """A field of the pod."""

    field_path: Annotated[str, Field(max_length=256)]
    """Such as `metadata.labels`."""


class PodFieldFile(SpecModel):
    """A field of the pod as a file."""

    path: Path
    """File name within the volume."""
    field_ref: PodFieldRef
    """The field."""
    mode: Mode | None = None
    """Permission bits."""


class PodFieldVolume(SpecModel):
    """Fields of the pod as files."""

    items: Annotated[list[PodFieldFile], Field(max_length=64)] = []
    """The files."""


class ProjectedSource(SpecModel):
    """One source; exactly one field. Service-account tokens are not offered."""

    RULES = (
        exactly_one(
            "configMap",
            "secret",
            "downwardAPI",
            message="a projected source is one of configMap, secret and downwardAPI; a pod gets no API token",
        ),
    )

    config_map: ProjectedObject | None = None
    """A ConfigMap."""
    secret: ProjectedObject | None = None
    """A Secret."""
    downward_api: PodFieldVolume | None = Field(default=None, alias="downwardAPI")
    """Fields of the pod."""


class ProjectedVolume(SpecModel):
    """Several sources in one folder."""

    sources: Annotated[list[ProjectedSource], Field(max_length=16)]
    """The sources."""
    default_mode: Mode | None = None
    """Permission bits."""


class CsiVolume(SpecModel):
    """A volume of a CSI driver that lives as long as the pod."""

    driver: DnsName
    """The driver."""
    read_only: bool = False
    """Whether it is mounted for reading only."""
    volume_attributes: Annotated[dict[Key, Annotated[str, Field(max_length=1024)]], Field(max_length=32)] = {}
    """What the driver wants to know."""


class Volume(SpecModel):
    """A volume; exactly one source beside the name. A hostPath is not offered."""

    RULES = (
        exactly_one(
            "configMap",
            "secret",
            "emptyDir",
            "persistentVolumeClaim",
            "projected",
            "downwardAPI",
            "csi",
            message="a volume has one source: configMap, secret, emptyDir, persistentVolumeClaim, projected, "
            "downwardAPI or csi; hostPath is not allowed",
        ),
    )

    name: DnsLabel
    """Its name, for `volumeMounts`."""
    config_map: ConfigMapVolume | None = None
    """Keys of a ConfigMap as files."""
    secret: SecretVolume | None = None
    """Keys of a Secret as files."""
    empty_dir: EmptyDirVolume | None = None
    """An empty folder."""
    persistent_volume_claim: ClaimVolume | None = None
    """A PersistentVolumeClaim."""
    projected: ProjectedVolume | None = None
    """Several sources in one folder."""
    downward_api: PodFieldVolume | None = Field(default=None, alias="downwardAPI")
    """Fields of the pod as files."""
    csi: CsiVolume | None = None
    """A volume of a CSI driver."""


_TAKEN = "^(/work|/etc/perennial|/dev|/proc|/sys|/var/run/secrets)(/|$)|[.][.]|^/+$"


class VolumeMount(SpecModel):
    """Where a volume appears in the main container."""

    RULES = (
        Rule(
            f"!self.mountPath.matches('{_TAKEN}')",
            "the folders /work, /etc/perennial, /dev, /proc, /sys and /var/run/secrets are taken: mount elsewhere",
            lambda m: re.search(_TAKEN, m.mount_path) is None,
        ),
    )

    name: DnsLabel
    """The volume."""
    mount_path: Annotated[str, Field(pattern="^/[^:]*$", max_length=1024)]
    """The folder."""
    sub_path: Path | None = None
    """Only this folder of the volume."""
    read_only: bool = False
    """Whether it is mounted for reading only."""
