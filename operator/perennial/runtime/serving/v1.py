"""KServe's V1 protocol: `{"instances": [row, …]}` → `{"predictions": [value, …]}`.

A row is an object by column name, or a list in signature order. Types are checked like those of V2.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from perennial.runtime.serving.errors import Invalid
from perennial.runtime.serving.inputs import InputSpec, Rows, Tensor
from perennial.runtime.serving.v2 import Asked, Outputs

Scalar = str | bool | int | float | None


_ABSENT = msgspec.Raw(b"")


class PredictRequest(msgspec.Struct):
    """The body. `inputs` is the older name of the same thing."""

    instances: msgspec.Raw = _ABSENT
    inputs: msgspec.Raw = _ABSENT
    outputs: list[str] | None = None
    signature_name: str | None = None


_DECODER = msgspec.json.Decoder(PredictRequest)
_LISTS = msgspec.json.Decoder(list[list[Scalar]])
_OBJECTS = msgspec.json.Decoder(list[dict[str, Scalar]])
_MATRIX = msgspec.json.Decoder(list[list[float]])
_ENCODE = msgspec.json.Encoder().encode


def parse(body: bytes, spec: InputSpec, known_outputs: Sequence[str]) -> Asked:
    """Understand one V1 request.

    Raises:
        Invalid: anything that the client must change, with its place.
    """
    try:
        request = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f'the body is no V1 request: {error}; expected {{"instances": [row, …]}}') from None
    except RecursionError:
        raise Invalid('the body is nested too deeply; expected {"instances": [row, …]}') from None
    raw = bytes(request.instances) or bytes(request.inputs)
    if not raw:
        raise Invalid('the body has no "instances"; expected {"instances": [row, …]}')
    outputs = _outputs(request.outputs, known_outputs)
    return Asked(_rows(raw, spec), None, outputs)


def _outputs(names: list[str] | None, known: Sequence[str]) -> tuple[tuple[str, bool], ...] | None:
    for name in names or ():
        if name not in known:
            raise Invalid(f"output '{name}' is not an output of this model; expected {', '.join(known)}")
    return tuple((name, False) for name in names) if names else None


def _rows(raw: bytes, spec: InputSpec) -> Rows:
    start = raw[:64].replace(b" ", b"").replace(b"\n", b"")
    try:
        if start.startswith(b"[{"):
            return _rows_of_objects(_OBJECTS.decode(raw), spec)
        if spec.all_numeric and (matrix := _matrix(raw, len(spec.names))) is not None:
            return spec.rows_of_matrix(matrix)
        return _rows_of_lists(_LISTS.decode(raw), spec)
    except msgspec.DecodeError as error:
        raise Invalid(f"instances: {error}; expected a list of rows, each an object by column or a list") from None


def _matrix(raw: bytes, width: int) -> np.ndarray[Any, Any] | None:
    """The rows as an array when they are complete numbers of the right width, else None."""
    try:
        rows = _MATRIX.decode(raw)
    except msgspec.DecodeError:
        return None
    if not rows or any(len(row) != width for row in rows):
        return None
    return np.array(rows, dtype=np.float64)


def _rows_of_lists(rows: list[list[Scalar]], spec: InputSpec) -> Rows:
    for number, row in enumerate(rows):
        if len(row) != len(spec.names):
            raise Invalid(
                f"instance {number} has {len(row)} values; expected {len(spec.names)} in the order "
                f"{', '.join(spec.names[:10])}{' …' if len(spec.names) > 10 else ''}"
            )
    columns = {name: [row[i] for row in rows] for i, name in enumerate(spec.names)}
    return _checked(columns, len(rows), spec)


def _rows_of_objects(rows: list[dict[str, Scalar]], spec: InputSpec) -> Rows:
    names = list(dict.fromkeys(name for row in rows for name in row))
    for number, row in enumerate(rows):
        absent = [n for n in spec.required if n not in row]
        if absent:
            raise Invalid(f"instance {number} lacks column '{absent[0]}'; expected a value or null for it")
    columns = {name: [row.get(name) for row in rows] for name in names}
    return _checked(columns, len(rows), spec)


def _checked(columns: dict[str, list[Scalar]], count: int, spec: InputSpec) -> Rows:
    return spec.rows_of([Tensor(name, (count,), values) for name, values in columns.items()])


def answer(outputs: Outputs) -> bytes:
    """The response body: one prediction a row; more than one output makes an object a row."""
    lists = {name: values.tolist() for name, values in outputs.items()}
    if len(lists) == 1:
        return _ENCODE({"predictions": next(iter(lists.values()))})
    names = list(lists)
    return _ENCODE({"predictions": [dict(zip(names, row, strict=True)) for row in zip(*lists.values(), strict=True)]})
