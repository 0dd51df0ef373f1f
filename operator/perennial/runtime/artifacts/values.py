"""How the values of one column become canonical: numbers, flags, instants, labels; from lists, numpy or Arrow.

Missing is null (None, an Arrow null), and NaN or NaT where an array has no other way to say it. Nothing else is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from perennial.runtime.artifacts.errors import InputProblem

INSTANT = np.dtype("datetime64[us]")


def as_numbers(name: str, values: Any) -> np.ndarray:
    """float64 of shape (rows,), NaN for missing. Booleans count as 0 and 1; text that looks numeric is refused."""
    array = _array(name, values, _numbers_of_arrow)
    if array.dtype.kind == "O":
        array = _each(name, array, "a number", _number, np.float64)
    elif array.dtype.kind not in "fiub":
        raise InputProblem(name, "numbers", _what(array))
    numbers = array.astype(np.float64, copy=False)
    if np.isinf(numbers).any():
        row = int(np.isinf(numbers).argmax())
        raise InputProblem(name, "finite numbers or null", f"{numbers[row]} in row {row}")
    return numbers


def as_flags(name: str, values: Any) -> np.ndarray:
    """float64 of 0 and 1, NaN for missing, from booleans or from the numbers 0 and 1."""
    array = _array(name, values, _numbers_of_arrow)
    if array.dtype.kind == "O":
        array = _each(name, array, "true or false", _number, np.float64)
    elif array.dtype.kind not in "fiub":
        raise InputProblem(name, "true or false", _what(array))
    flags = array.astype(np.float64, copy=False)
    wrong = ~((flags == 0) | (flags == 1) | np.isnan(flags))
    if wrong.any():
        row = int(wrong.argmax())
        raise InputProblem(name, "true or false", f"{flags[row]:g} in row {row}")
    return flags


def as_instants(name: str, values: Any) -> np.ndarray:
    """datetime64[us] in UTC, NaT for missing, from instants or ISO 8601 text; without an offset it is taken as UTC."""
    array = _array(name, values, _instants_of_arrow)
    if array.dtype.kind == "M":
        return array.astype(INSTANT, copy=False)
    if array.dtype.kind == "f" and np.isnan(array).all():
        return np.full(len(array), np.datetime64("NaT", "us"), dtype=INSTANT)
    if array.dtype.kind not in "OU":
        raise InputProblem(name, "ISO 8601 date and time text", _what(array))
    return _each(name, array.astype(object), "ISO 8601 date and time text", _instant, INSTANT)


def as_labels(name: str, values: Any) -> np.ndarray:
    """Object array of str, None for missing. Whole numbers become decimal strings, booleans "true" and "false"."""
    array = _array(name, values, _labels_of_arrow)
    if array.dtype.kind == "O":
        kinds = set(map(type, array.tolist()))
        return array if kinds <= {str, type(None)} else _each(name, array, "text", _label, np.dtype(object))
    if array.dtype.kind == "U":
        return array.astype(object)
    if array.dtype.kind not in "fiub":
        raise InputProblem(name, "text", _what(array))
    distinct, codes = np.unique(array, return_inverse=True)
    labels = np.empty(len(distinct), dtype=object)
    labels[:] = [_label(value) for value in distinct]
    return labels[codes.reshape(-1)]


def _array(name: str, values: Any, of_arrow: Callable[[str, Any], np.ndarray]) -> np.ndarray:
    if isinstance(values, np.ndarray):
        array = values
    elif hasattr(values, "to_numpy") and hasattr(values, "type"):
        array = of_arrow(name, values)
    elif isinstance(values, Sequence) and not isinstance(values, str | bytes):
        array = _of_list(values)
    else:
        raise InputProblem(name, "one value per row", type(values).__name__)
    if array.ndim != 1:
        raise InputProblem(name, "one value per row", f"shape {list(array.shape)}")
    return array


def _of_list(values: Sequence[Any]) -> np.ndarray:
    """numpy's own conversion only where it invents nothing: it would spell 1 and "a" alike as text."""
    kinds = set(map(type, values))
    if kinds <= {int, float, bool} and kinds:
        try:
            array = np.array(values)
        except (OverflowError, ValueError):
            pass
        else:
            if array.dtype.kind in "fiub" and (len(kinds) == 1 or (array.dtype.kind == "f" and bool not in kinds)):
                return array
    return np.fromiter(values, dtype=object, count=len(values))


def _each(
    name: str, array: np.ndarray, expected: str, convert: Callable[[Any], Any], dtype: np.dtype[Any] | type
) -> np.ndarray:
    out = []
    for row, value in enumerate(array.tolist()):
        try:
            out.append(convert(value))
        except (ValueError, TypeError, OverflowError):
            raise InputProblem(name, f"{expected} or null", f"{_shown(value)} in row {row}") from None
    result = np.empty(len(out), dtype=dtype)
    result[:] = out
    return result


def _number(value: Any) -> float:
    if value is None:
        return float("nan")
    if isinstance(value, str | bytes):
        raise TypeError
    return float(value)


def _instant(value: Any) -> Any:
    if value is None or (isinstance(value, float) and value != value):
        return np.datetime64("NaT", "us")
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    if isinstance(value, dt.datetime):
        return value if value.tzinfo is None else value.astimezone(dt.UTC).replace(tzinfo=None)
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day)
    raise TypeError


def _label(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float | np.floating):
        if value != value:
            return None
        return str(int(value)) if float(value).is_integer() else str(value)
    raise TypeError


def _numbers_of_arrow(name: str, values: Any) -> np.ndarray:
    import pyarrow as pa

    kind = values.type
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if not (numeric or pa.types.is_boolean(kind) or pa.types.is_null(kind)):
        raise InputProblem(name, "numbers", f"a column of {kind}")
    return np.asarray(values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)


def _instants_of_arrow(name: str, values: Any) -> np.ndarray:
    import pyarrow as pa

    kind = values.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_null(kind):
        zone = kind.tz if pa.types.is_timestamp(kind) else None
        instants = values.cast(pa.timestamp("us", tz=zone), safe=False).cast(pa.timestamp("us"))
        return np.asarray(instants.to_numpy(zero_copy_only=False), dtype=INSTANT)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        raise InputProblem(name, "dates or ISO 8601 text", f"a column of {kind}")
    return _labels_of_arrow(name, values)


def _labels_of_arrow(name: str, values: Any) -> np.ndarray:
    import pyarrow as pa

    kind = values.type
    if pa.types.is_dictionary(kind):
        return _labels_of_arrow(name, values.cast(kind.value_type))
    if pa.types.is_decimal(kind):
        return _float_labels(values.cast(pa.float64(), safe=False))
    if pa.types.is_floating(kind):
        return _float_labels(values)
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise InputProblem(name, "text", f"a column of {kind}")
    return np.asarray(values.cast(pa.string()).to_numpy(zero_copy_only=False), dtype=object)


def _float_labels(values: Any) -> np.ndarray:
    """By distinct value, and in the width that the file has: 0.1 of float32 is "0.1" and not its float64 neighbour."""
    array = np.asarray(values.to_numpy(zero_copy_only=False))
    return as_labels("", array)


def _what(array: np.ndarray) -> str:
    return "text" if array.dtype.kind in "US" else f"values of {array.dtype}"


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return f"{type(value).__name__} {text[:40]}"
