"""What the API can already say and this release cannot do yet; the change that does it deletes its row.

A row is refused at apply (CEL in the CRD) and by `validate_*` alike: nothing is silently ignored.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from perennial.api.group import Kind
from perennial.api.rule import Rule


@dataclass(frozen=True, slots=True)
class Unsupported:
    """One thing that is refused. `owner` is the model class whose JSON `rule` looks at."""

    kind: Kind
    path: str
    owner: str
    rule: str
    message: str
    holds: Callable[[Any], bool]

    def as_rule(self) -> Rule:
        """The row as a rule of its owner."""
        return Rule(self.rule, self.message, self.holds)


def _row(kind: Kind, path: str, owner: str, rule: str, instead: str, holds: Callable[[Any], bool]) -> Unsupported:
    return Unsupported(kind, path, owner, rule, f"not supported yet: {path}; {instead}", holds)


def _unset(kind: Kind, path: str, owner: str, instead: str, python: str = "", *, listed: bool = False) -> Unsupported:
    """A field that must not be given at all."""
    name = path.rpartition(".")[2]
    attribute = python or name
    rule = f"!has(self.{name})" + (f" || size(self.{name}) == 0" if listed else "")
    return _row(kind, path, owner, rule, instead, lambda part: getattr(part, attribute) in (None, []))


UNSUPPORTED: tuple[Unsupported, ...] = ()


def extra_rules(kind: Kind) -> dict[str, list[Rule]]:
    """The rows of one kind by the class they belong to, for the CRD."""
    out: dict[str, list[Rule]] = {}
    for row in UNSUPPORTED:
        if row.kind == kind:
            out.setdefault(row.owner, []).append(row.as_rule())
    return out
