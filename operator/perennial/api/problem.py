"""What is wrong with a spec, as a list of field and message; shared by operator, trainer and lint."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from perennial.api.fields import parse_quantity
from perennial.api.part import SpecModel
from perennial.api.podtemplate import Resources

UNKNOWN_FIELD = "there is no such field: correct the spelling, or remove it"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to correct."""

    field: str  # such as spec.algorithm.estimator
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def problems_of(error: ValidationError, root: str = "spec") -> list[Problem]:
    """A pydantic error as problems; `root` is the path of what was parsed. Values are left out: they may be secret."""
    found = []
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        path = root
        for part in fault["loc"]:
            path += f"[{part}]" if isinstance(part, int) else "" if _is_branch(part) else f".{part}"
        said = UNKNOWN_FIELD if fault["type"] == "extra_forbidden" else fault["msg"].removeprefix("Value error, ")
        found.append(Problem(path.strip("."), said))
    return found


def _is_branch(part: str) -> bool:
    """Unions and validators put the name of the branch into the path, such as `constrained-str`."""
    return any(mark in part for mark in "[(-")


def parts(part: BaseModel, path: str = "spec") -> Iterator[tuple[str, BaseModel]]:
    """Every part of a spec with its path, itself first."""
    yield path, part
    for name, field in type(part).model_fields.items():
        value, below = getattr(part, name), f"{path}.{field.alias or name}"
        if isinstance(value, BaseModel):
            yield from parts(value, below)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, BaseModel):
                    yield from parts(item, f"{below}[{index}]")


def too_large_requests(spec: SpecModel) -> list[Problem]:
    """Requests above their limits: the API server would refuse the pod, long after the object was accepted."""
    return [
        Problem(f"{path}.requests.{name}", f"{wanted} is more than the limit {part.limits[name]}: raise the limit")
        for path, part in parts(spec)
        if isinstance(part, Resources)
        for name, wanted in part.requests.items()
        if name in part.limits and parse_quantity(wanted) > parse_quantity(part.limits[name])
    ]
