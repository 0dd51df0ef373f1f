"""The one form of a spec, of which identities are made. Pure; knows no kind."""

from typing import Any

from pydantic import BaseModel

from perennial.api.fields import format_time, parse_time

_TIMES = frozenset({"from", "to"})
_SETS = frozenset({"exclude"})
_EXACT = 2**53  # whole numbers beyond this are not exact as a double


def normal_form(model: BaseModel) -> dict[str, Any]:
    """camelCase JSON without nulls and defaults; whole floats as integers, times in UTC, unordered lists sorted."""
    dumped = model.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {name: _normal(name, value) for name, value in dumped.items()}


def _normal(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _normal(k, v) for k, v in value.items()}
    if isinstance(value, list):
        items = [_normal("", v) for v in value]
        return sorted(items) if name in _SETS else items
    if name in _TIMES and isinstance(value, str):
        return format_time(parse_time(value))
    return whole(value)


def whole(value: Any) -> Any:
    """`1.0` as `1`: the API server stores it so, and a laptop must come to the same identity."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    return value
