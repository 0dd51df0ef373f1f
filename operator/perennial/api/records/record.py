"""What every file record shares: camelCase on disk, unknown fields ignored, numbers that JSON can hold."""

from typing import Self

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Record(BaseModel):
    """A JSON file of the registry. Frozen; camelCase outside, snake_case inside."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        protected_namespaces=(),
        ser_json_inf_nan="null",
    )

    def to_json(self) -> bytes:
        """The canonical bytes of this record (UTF-8, camelCase, no nulls)."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()

    @classmethod
    def from_json(cls, body: bytes | str) -> Self:
        """Read the bytes that `to_json` wrote (or a newer writer).

        Raises:
            pydantic.ValidationError: the bytes are not such a record.
        """
        return cls.model_validate_json(body)
