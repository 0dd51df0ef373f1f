"""What every object has beside spec and status: apiVersion, kind and the metadata that decisions read."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class OwnerReference(BaseModel):
    """Who an object belongs to."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True)

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool = False


class ObjectMeta(BaseModel):
    """The part of `metadata` that decisions read; everything else is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True)

    name: str = ""
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: list[OwnerReference] = []


class ApiObject(BaseModel):
    """apiVersion and metadata of one of our objects."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)

    api_version: Literal["perennial.dev/v1alpha1"] = "perennial.dev/v1alpha1"
    metadata: ObjectMeta = ObjectMeta()

    def to_json_dict(self) -> dict[str, Any]:
        """The object as YAML shows it: camelCase, no nulls, what was never set left out."""
        dumped = self.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return {"apiVersion": self.api_version, "kind": getattr(self, "kind", ""), **dumped}
