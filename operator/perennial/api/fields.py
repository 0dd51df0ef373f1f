"""The bounded building blocks that specs and statuses are made of: durations, quantities, names, texts.

Everything here has a maximum, because the API server prices CEL rules by it. No kind-specific knowledge.
"""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictInt,
    StrictStr,
)

_DURATION = r"([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+"
DURATION_PATTERN = f"^{_DURATION}$"
QUANTITY_PATTERN = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|e[0-9]+|E[0-9]+)?$"
TIME_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?$"
)

_UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_BINARY = {s: Decimal(1024) ** (i + 1) for i, s in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"))}
_DECIMAL = {s: Decimal(1000) ** (i + 1) for i, s in enumerate(("k", "M", "G", "T", "P", "E"))}
_SUFFIXES = {"": Decimal(1), "m": Decimal("0.001"), **_BINARY, **_DECIMAL}


def parse_duration(text: str) -> timedelta:
    """`90s`, `1h30m`, `24h`, `60d` or `500ms` as a timedelta. A day is 24 hours.

    Raises:
        ValueError: the text is no such duration.
    """
    if not re.fullmatch(_DURATION, text):
        raise ValueError(f"{text!r} is not a duration; write a number with a unit, such as 90s, 30m, 24h or 60d")
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)", text)
    return timedelta(seconds=sum(float(number) * _UNIT_SECONDS[unit] for number, unit in parts))


def format_duration(value: timedelta) -> str:
    """The one short form of a duration: the largest units first, zero ones left out (`1d12h`, `90s` → `1m30s`)."""
    rest = round(value.total_seconds() * 1000)
    out = ""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, size)
        out += f"{count}{unit}" if count else ""
    return out or "0s"


def parse_quantity(value: int | float | str) -> Decimal:
    """A Kubernetes quantity (`500m`, `2Gi`, `64M`, `1e3`, 4) as a number of its base unit.

    Raises:
        ValueError: the value is no quantity.
    """
    text = str(value)
    if not re.fullmatch(QUANTITY_PATTERN, text):
        raise ValueError(f"{text!r} is not a quantity; write a number with an optional suffix, such as 500m, 2 or 4Gi")
    exponent = re.fullmatch(r"([0-9.]+)[eE]([0-9]+)", text)
    if exponent:
        return Decimal(exponent[1]) * Decimal(10) ** int(exponent[2])
    number = re.match(r"[0-9.]+", text)
    digits = number[0] if number else ""
    return Decimal(digits) * _SUFFIXES[text[len(digits) :]]


def parse_time(text: str) -> datetime:
    """An ISO 8601 date or time as an aware datetime; without a zone it is UTC.

    Raises:
        ValueError: the text is no such time.
    """
    if not re.fullmatch(TIME_PATTERN, text):
        raise ValueError(f"{text!r} is not a time; write 2013-06-01 or 2013-06-01T12:00:00Z")
    value = datetime.fromisoformat(text)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def format_time(value: datetime) -> str:
    """ISO 8601 in UTC with `Z`; fractions of a second only where there are any."""
    moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return moment.isoformat().replace("+00:00", "Z")


def _checked_duration(text: str) -> str:
    parse_duration(text)
    return text


def _checked_time(text: str) -> str:
    parse_time(text)
    return text


def _checked_quantity(value: int | str) -> int | str:
    parse_quantity(value)
    return value


def _time_text(value: Any) -> Any:
    """YAML 1.1 readers turn an unquoted date into a date object."""
    if isinstance(value, datetime):
        return format_time(value)
    return value.isoformat() if isinstance(value, date) else value


def _unique(values: list[Any]) -> list[Any]:
    doubles = sorted({str(v) for v in values if values.count(v) > 1})
    if doubles:
        raise ValueError(f"each value may stand here once, but {', '.join(doubles)} is repeated")
    return values


def _cut(limit: int) -> BeforeValidator:
    """Statuses are written by us: a text that is too long is cut, for a refused status would say nothing at all."""

    def cut(value: Any) -> Any:
        return value[: limit - 1] + "…" if isinstance(value, str) and len(value) > limit else value

    return BeforeValidator(cut)


def newest(limit: int) -> BeforeValidator:
    """For bounded lists of a status: they grow at the end, and the oldest entries fall off."""

    def keep(value: Any) -> Any:
        return value[-limit:] if isinstance(value, list) and len(value) > limit else value

    return BeforeValidator(keep)


def list_map(*keys: str) -> dict[str, Any]:
    """`json_schema_extra` of a list that is merged by the given keys."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


LIST_SET: dict[str, Any] = {"x-kubernetes-list-type": "set"}
OPEN: dict[str, Any] = {"x-kubernetes-preserve-unknown-fields": True}
INT_OR_STRING: dict[str, Any] = {"x-kubernetes-int-or-string": True}

Duration = Annotated[str, Field(pattern=DURATION_PATTERN, max_length=32), AfterValidator(_checked_duration)]
"""Go-style duration plus days; `parse_duration` reads it."""

AutoOrDuration = Annotated[
    str,
    Field(pattern=f"^(auto|{_DURATION})$", max_length=32),
    AfterValidator(lambda v: v if v == "auto" else _checked_duration(v)),
]

Quantity = Annotated[
    Annotated[StrictInt | StrictStr, Field(union_mode="left_to_right")],
    AfterValidator(_checked_quantity),
    Field(json_schema_extra={**INT_OR_STRING, "pattern": QUANTITY_PATTERN, "maxLength": 32}),
]
"""A Kubernetes quantity; `parse_quantity` reads it."""

Scalar = Annotated[
    Annotated[StrictInt | StrictStr, Field(union_mode="left_to_right")],
    Field(json_schema_extra={**INT_OR_STRING, "maxLength": 256}),
]
"""A class or category: text or a whole number."""

AutoOrCount = Annotated[
    Literal["auto"] | Annotated[int, Field(ge=0)],
    Field(json_schema_extra={**INT_OR_STRING, "pattern": "^auto$", "maxLength": 4, "minimum": 0}),
]

Time = Annotated[
    str, Field(pattern=TIME_PATTERN, max_length=40), BeforeValidator(_time_text), AfterValidator(_checked_time)
]
"""ISO 8601 date or time; `parse_time` reads it."""

_LABEL = r"[a-z]([-a-z0-9]*[a-z0-9])?"
CrName = Annotated[str, Field(pattern=f"^{_LABEL}$", min_length=1, max_length=40)]
"""The name of one of our objects or of a model: DNS-1035, ≤ 40 so that child names fit 63."""

DnsLabel = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", min_length=1, max_length=63)]
DnsName = Annotated[
    str,
    Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", min_length=1, max_length=253),
]
LabelKey = Annotated[str, Field(min_length=1, max_length=317)]
Column = Annotated[str, Field(min_length=1, max_length=256)]
ColumnSet = Annotated[list[Column], AfterValidator(_unique), Field(max_length=2000, json_schema_extra=LIST_SET)]
Uri = Annotated[str, Field(pattern=r"^[a-z][a-z0-9+.-]*://[^\s]+$", max_length=1024)]
DataUri = Annotated[str, Field(pattern=r"^(s3|file)://[^\s]+$", max_length=1024)]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$", max_length=71)]
MetricName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
DottedPath = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$", max_length=200)]
ImageName = Annotated[str, Field(pattern=r"^[^\s]+$", min_length=1, max_length=512)]
Confidence = Annotated[float, Field(ge=0.5, le=0.9999)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Parameters = Annotated[dict[Annotated[str, Field(max_length=256)], Any], Field(max_length=64)]
"""Keyword arguments of somebody else's class: the values are open."""

# Texts of a status are cut rather than refused.
Word = Annotated[str, _cut(128), Field(max_length=128)]
Line = Annotated[str, _cut(512), Field(max_length=512)]
Text = Annotated[str, _cut(1024), Field(max_length=1024)]
