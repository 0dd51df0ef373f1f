"""What every part of a spec and of a status shares: spelling, unknown fields, rules, how it is written out."""

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic.alias_generators import to_camel

from perennial.api.rule import Rule


class SpecModel(BaseModel):
    """A part of a spec: what a user writes. An unknown field is an error, so that a typo is never ignored."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
        protected_namespaces=(),
        allow_inf_nan=False,
    )
    RULES: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="after")
    def _keeps_rules(self) -> Self:
        broken = [rule.message for rule in self.RULES if rule.holds is not None and not rule.holds(self)]
        if broken:
            raise ValueError("; ".join(broken))
        return self

    @model_serializer(mode="wrap")
    def _without_nulls(self, rest: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """`exclude_none` would also strip `parameters: {max_features: null}`, where null is a value."""
        return {name: value for name, value in rest(self).items() if value is not None}

    def to_json_dict(self) -> dict[str, Any]:
        """This part as it stands in YAML: camelCase, no nulls, what was never set left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class StatusModel(BaseModel):
    """A part of a status: what we write. Unknown fields are ignored: an older reader survives a newer writer."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
        protected_namespaces=(),
        allow_inf_nan=False,
    )

    def to_json_dict(self) -> dict[str, Any]:
        """This part as it is stored: camelCase, without nulls, empty lists and empty maps."""
        return without_empty(self.model_dump(mode="json", by_alias=True, exclude_none=True))

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed; the changes are validated, unlike `model_copy`.

        Raises:
            pydantic.ValidationError: a change does not fit its field.
        """
        held = {name: getattr(self, name) for name in type(self).model_fields if name not in changes}
        return type(self).model_validate({**held, **changes})


def without_empty(value: dict[str, Any]) -> dict[str, Any]:
    """The JSON without empty lists and maps at any depth of maps; in `parameters` they are values."""
    kept = {k: without_empty(v) if isinstance(v, dict) and k != "parameters" else v for k, v in value.items()}
    return {k: v for k, v in kept.items() if v not in ([], {})}
