"""Cross-field rules, said once and enforced twice: by the API server as CEL, here as Python.

A rule belongs to the model class whose fields it speaks of; tests hold both forms to the same examples.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

PYTHON_ONLY = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold of one part of a spec.

    `message` says what to write instead. `holds` judges the parsed part; None where only the API server can tell,
    because the rule compares with the object before the change. `cel` is PYTHON_ONLY where CEL cannot see the field.
    """

    cel: str
    message: str
    holds: Callable[[Any], bool] | None


def present(part: BaseModel, camel: str) -> bool:
    """Whether a field (by its JSON name) says something: neither null nor an empty list or map."""
    name = next(n for n, f in type(part).model_fields.items() if (f.alias or n) == camel)
    return getattr(part, name) not in (None, [], {})


def has(camel: str) -> str:
    """CEL for `present`; a list or map is marked by `[]` after its name."""
    name = camel.removesuffix("[]")
    escaped = f"__{name}__" if name in _CEL_WORDS else name
    return f"has(self.{escaped}) && size(self.{escaped}) > 0" if camel.endswith("[]") else f"has(self.{escaped})"


_CEL_WORDS = frozenset({"in", "for", "as", "if", "namespace"})
"""JSON names that CEL reserves; the API server offers them as `__name__`."""


def exactly_one(*fields: str, message: str) -> Rule:
    """One of these fields says something, and no other of them does. Lists are marked by `[]`."""
    return Rule(f"{_count(fields)} == 1", message, lambda part: _present(part, fields) == 1)


def at_most_one(*fields: str, message: str) -> Rule:
    """No two of these fields say something. Lists are marked by `[]`."""
    return Rule(f"{_count(fields)} <= 1", message, lambda part: _present(part, fields) <= 1)


def at_least_one(*fields: str, message: str) -> Rule:
    """One of these fields says something. Lists are marked by `[]`."""
    return Rule(f"{_count(fields)} >= 1", message, lambda part: _present(part, fields) >= 1)


def needs(field: str, other: str, message: str) -> Rule:
    """Where `field` says something, `other` does too. Lists are marked by `[]`."""
    return Rule(
        f"!({has(field)}) || ({has(other)})",
        message,
        lambda part: not _present(part, (field,)) or _present(part, (other,)) == 1,
    )


def _count(fields: tuple[str, ...]) -> str:
    return "[" + ", ".join(has(f) for f in fields) + "].filter(given, given).size()"


def _present(part: BaseModel, fields: tuple[str, ...]) -> int:
    return sum(present(part, f.removesuffix("[]")) for f in fields)
