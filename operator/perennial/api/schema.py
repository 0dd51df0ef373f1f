"""Structural OpenAPI schemas, as a CustomResourceDefinition wants them, from the pydantic models. Pure.

The CRDs around them are made by `crd`.
"""

import json
from typing import Any

from pydantic import BaseModel

from perennial.api.part import SpecModel

SCHEMA_DEFAULT = "x-perennial-schema-default"
"""Marks the few defaults that the API server itself fills in."""

_DROPPED = ("title", "additionalProperties", "propertyNames", "default", "const", "format", SCHEMA_DEFAULT)


def structural(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of one model: references inlined, no nullable, no anyOf, a list type on every list, rules as CEL.

    Args:
        model: the spec or status class.
    """
    whole = model.model_json_schema(by_alias=True, mode="validation")
    definitions = whole.pop("$defs", {})
    return _Inliner(definitions, model_classes(model)).convert(whole)


class _Inliner:
    """Walks one JSON schema; holds what a reference may point to."""

    def __init__(self, definitions: dict[str, Any], classes: dict[str, type[BaseModel]]) -> None:
        self._definitions = definitions
        self._classes = classes

    def convert(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The structural form of one schema."""
        resolved = _with_default_said(self._resolved(schema))
        return _ordered(_opened(resolved) if _is_open(resolved) else self._typed(resolved))

    def _typed(self, schema: dict[str, Any]) -> dict[str, Any]:
        out = {k: v for k, v in schema.items() if k not in _DROPPED}
        if "const" in schema:
            out["enum"] = [schema["const"]]
        if schema.get("format") == "date-time":
            out["format"] = "date-time"
        for bound, plain in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            if bound in out:
                out |= {plain: out[bound], bound: True}
        if schema["type"] == "object":
            out |= self._object(schema)
        elif schema["type"] == "array":
            out["items"] = self.convert(schema["items"])
            out.setdefault("x-kubernetes-list-type", "atomic")
        elif schema["type"] == "integer":
            out["format"] = "int64"
        if schema.get(SCHEMA_DEFAULT):
            out["default"] = schema["default"]
        return out

    def _object(self, schema: dict[str, Any]) -> dict[str, Any]:
        if "properties" not in schema:
            return self._map(schema)
        parts = {"properties": {name: self.convert(part) for name, part in schema["properties"].items()}}
        rules = self._rules(schema.get("title", ""))
        return parts | ({"x-kubernetes-validations": rules} if rules else {})

    def _map(self, schema: dict[str, Any]) -> dict[str, Any]:
        values = schema.get("additionalProperties")
        if not isinstance(values, dict) or not values:
            return {"x-kubernetes-preserve-unknown-fields": True}
        return {"additionalProperties": self.convert(values)}

    def _rules(self, title: str) -> list[dict[str, str]]:
        held = self._classes.get(title)
        own = held.RULES if held is not None and issubclass(held, SpecModel) else ()
        return [{"rule": rule.cel, "message": rule.message} for rule in own if rule.cel]

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Follow a reference or the one non-null choice; what stands beside it wins."""
        if _is_open(schema):
            return schema
        beside = {k: v for k, v in schema.items() if k not in ("$ref", "anyOf", "allOf")}
        if "$ref" in schema:
            return self._resolved(self._definitions[schema["$ref"].rpartition("/")[2]]) | _titleless(beside)
        if "anyOf" in schema:
            choices = [c for c in schema["anyOf"] if c.get("type") != "null"]
            if len(choices) != 1:
                raise ValueError(f"a structural schema has one type, but this has {len(choices)}: {schema}")
            return self._resolved(choices[0]) | _titleless(beside)
        return schema


def _is_open(schema: dict[str, Any]) -> bool:
    """Whether Kubernetes gives it no type: a whole number or text, or anything at all."""
    return bool(schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields"))


def _opened(schema: dict[str, Any]) -> dict[str, Any]:
    kept = {k: schema[k] for k in ("description", "pattern", "maxLength", "minimum", "maxProperties") if k in schema}
    typed = {"type": "object"} if schema.get("type") == "object" else {}
    return typed | kept | {k: v for k, v in schema.items() if k.startswith("x-kubernetes-")}


def _with_default_said(schema: dict[str, Any]) -> dict[str, Any]:
    """Defaults are the operator's, not the API server's, so that nothing is added to what a user wrote; say them."""
    text, default = schema.get("description", ""), schema.get("default")
    if "Default" in text or default in (None, "") or isinstance(default, list | dict):
        return schema
    return schema | {"description": f"{text} Default: {json.dumps(default).strip('"')}."}


def _ordered(schema: dict[str, Any]) -> dict[str, Any]:
    """What a reader wants first stands first."""
    first = [k for k in ("description", "type", "format", "enum", "default") if k in schema]
    last = [k for k in ("properties", "items", "additionalProperties", "x-kubernetes-validations") if k in schema]
    middle = [k for k in schema if k not in first and k not in last]
    return {k: schema[k] for k in (*first, *middle, *last)}


def _titleless(beside: dict[str, Any]) -> dict[str, Any]:
    """Titles name classes, by which rules are found; a field's own title would hide it."""
    return {k: v for k, v in beside.items() if k != "title"}


def model_classes(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """Every model class below `model`, by name."""
    known: dict[str, type[BaseModel]] = {}
    waiting: list[Any] = [model]
    while waiting:
        current = waiting.pop()
        if isinstance(current, type) and issubclass(current, BaseModel):
            if known.setdefault(current.__name__, current) is not current:
                raise ValueError(f"two classes are called {current.__name__}")
            waiting += [f.annotation for f in current.model_fields.values() if f.annotation not in known.values()]
        else:
            waiting += [a for a in getattr(current, "__args__", ()) if a not in known.values()]
    return known
