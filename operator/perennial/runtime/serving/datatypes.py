"""Open Inference Protocol datatypes: JSON elements and raw bytes to values, and values back to both.

Text is BYTES: strings in JSON, length-prefixed UTF-8 in binary form.
"""

import math
import struct
from array import array
from typing import Any

import numpy as np

from perennial.runtime.serving.errors import Invalid
from perennial.runtime.serving.inputs import Tensor, Values

_NUMPY = {
    "BOOL": np.dtype("?"),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
DATATYPES = (*_NUMPY, "BYTES")

_PACKED = {
    "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q", "INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q",
    "FP16": "d", "FP32": "d", "FP64": "d",
}  # fmt: skip
"""Type codes of `array`: filling one checks type and range of every element at the speed of C."""

_PLAIN: dict[str, frozenset[type]] = {"BOOL": frozenset({bool, type(None)}), "BYTES": frozenset({str, type(None)})}
_NUMBERS: frozenset[type] = frozenset({int, float, bool, type(None)})
_INTEGERS: frozenset[type] = frozenset({int, bool, type(None)})


def checked_datatype(name: str, datatype: str) -> str:
    """The datatype, if it is one.

    Raises:
        Invalid: it is none.
    """
    if datatype not in DATATYPES:
        raise Invalid(f"input '{name}' has datatype '{datatype}'; expected one of {', '.join(DATATYPES)}")
    return datatype


def checked_shape(name: str, shape: list[int]) -> tuple[int, ...]:
    """The shape, if every dimension is a size.

    Raises:
        Invalid: a negative dimension, none, or more than two.
    """
    if not 1 <= len(shape) <= 2 or any(d < 0 for d in shape):
        raise Invalid(f"input '{name}' has shape {shape[:8]}; expected [rows], [rows, 1] or [rows, columns]")
    return tuple(shape)


def from_json(name: str, datatype: str, shape: list[int], data: list[Any]) -> Tensor:
    """A tensor from its JSON `data`, flat or nested by rows.

    Raises:
        Invalid: an element of another type, or another number of elements than the shape says.
    """
    checked_datatype(name, datatype)
    size = checked_shape(name, shape)
    if len(size) == 2 and data and isinstance(data[0], list):
        data = _flattened(name, data, size)
    if len(data) != math.prod(size):
        raise Invalid(f"input '{name}' has {len(data)} elements; its shape {list(size)} needs {math.prod(size)}")
    if datatype in _PLAIN:
        if not _PLAIN[datatype].issuperset(map(type, data)):
            raise _refused(name, datatype, data, _PLAIN[datatype])
        return Tensor(name, size, data)
    return Tensor(name, size, _numbers(name, datatype, data))


def _flattened(name: str, rows: list[Any], shape: tuple[int, ...]) -> list[Any]:
    if len(rows) != shape[0]:
        raise Invalid(f"input '{name}' has {len(rows)} rows of data; its shape {list(shape)} needs {shape[0]}")
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != shape[1]:
            got = f"{len(row)} elements" if isinstance(row, list) else "no list"
            raise Invalid(f"input '{name}' row {number} has {got}; its shape {list(shape)} needs {shape[1]}")
    return [item for row in rows for item in row]


def _numbers(name: str, datatype: str, data: list[Any]) -> Values:
    """Numbers as an array. Where some are missing: floats as NaN, integers as a list with None."""
    try:
        return np.frombuffer(array(_PACKED[datatype], data), dtype=_PACKED[datatype])
    except TypeError:
        pass  # null, or not a number: looked at below
    except OverflowError:
        raise Invalid(f"input '{name}' holds a number that is outside {datatype}") from None
    if datatype.startswith("FP"):
        if not _NUMBERS.issuperset(map(type, data)):
            raise _refused(name, datatype, data, _NUMBERS)
        return np.array(data, dtype=np.float64)
    known = [value for value in data if value is not None]
    if len(known) == len(data) or not _INTEGERS.issuperset(map(type, known)):
        raise _refused(name, datatype, data, _INTEGERS)
    _numbers(name, datatype, known)
    return data


def _refused(name: str, datatype: str, data: list[Any], allowed: frozenset[type]) -> Invalid:
    """The message for the first element of another type."""
    place = next(i for i, value in enumerate(data) if type(value) not in allowed)
    shown = str(data[place])[:32]
    return Invalid(f"input '{name}' with datatype {datatype} holds {shown!r} at element {place}; expected {datatype}")


def from_bytes(name: str, datatype: str, shape: list[int], data: bytes | memoryview) -> Tensor:
    """A tensor from its raw little-endian bytes.

    Raises:
        Invalid: the bytes are not as many as the shape says, or text is not UTF-8.
    """
    checked_datatype(name, datatype)
    size = checked_shape(name, shape)
    count = math.prod(size)
    if datatype == "BYTES":
        return Tensor(name, size, _texts(name, data, count))
    kind = _NUMPY[datatype]
    if len(data) != count * kind.itemsize:
        raise Invalid(
            f"input '{name}' has {len(data)} bytes; its shape {list(size)} of {datatype} needs {count * kind.itemsize}"
        )
    return Tensor(name, size, np.frombuffer(data, dtype=kind))


def _texts(name: str, data: bytes | memoryview, count: int) -> list[Any]:
    texts: list[Any] = []
    position, end = 0, len(data)
    while position < end and len(texts) < count:
        if position + 4 > end:
            break
        (length,) = struct.unpack_from("<I", data, position)
        position += 4
        if position + length > end:
            raise Invalid(f"input '{name}' element {len(texts)} says {length} bytes, {end - position} are left")
        texts.append(text(name, bytes(data[position : position + length])))
        position += length
    if position != end or len(texts) != count:
        raise Invalid(
            f"input '{name}' has {len(texts)} length-prefixed elements in {end} bytes; its shape needs {count}"
        )
    return texts


def text(name: str, raw: bytes) -> str:
    """A BYTES element as text.

    Raises:
        Invalid: not UTF-8.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Invalid(f"input '{name}' holds bytes that are not UTF-8 text") from None


def to_bytes(values: np.ndarray[Any, Any], datatype: str) -> bytes:
    """Output values as raw little-endian bytes."""
    if datatype == "BYTES":
        encoded = [str(v).encode() for v in values.ravel().tolist()]
        return b"".join(struct.pack("<I", len(e)) + e for e in encoded)
    return np.ascontiguousarray(values, dtype=_NUMPY[datatype]).tobytes()


def datatype_of(values: np.ndarray[Any, Any]) -> str:
    """The datatype that an output array is answered in."""
    kind = values.dtype.kind
    if kind == "b":
        return "BOOL"
    if kind in "iu":
        return "INT64"
    if kind == "f":
        return "FP32" if values.dtype.itemsize == 4 else "FP64"
    return "BYTES"
