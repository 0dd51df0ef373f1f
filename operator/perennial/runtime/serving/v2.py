"""Open Inference Protocol (V2) over REST: request bytes → rows and wanted outputs → response bytes.

JSON bodies and the binary tensor extension (`Inference-Header-Content-Length`). No HTTP here, no prediction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from perennial.runtime.serving.datatypes import datatype_of, from_bytes, from_json, to_bytes
from perennial.runtime.serving.errors import Invalid
from perennial.runtime.serving.extensions import refuse_extensions
from perennial.runtime.serving.inputs import InputSpec, Rows, Tensor

Outputs = Mapping[str, np.ndarray[Any, Any]]


class InputTensor(msgspec.Struct):
    """One input as it stands in the JSON."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any] | msgspec.UnsetType = msgspec.UNSET
    parameters: dict[str, Any] | None = None


class WantedOutput(msgspec.Struct):
    """One requested output."""

    name: str
    parameters: dict[str, Any] | None = None


class InferRequest(msgspec.Struct):
    """The JSON part of a request."""

    inputs: list[InputTensor]
    id: str | None = None
    parameters: dict[str, Any] | None = None
    outputs: list[WantedOutput] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was understood. `outputs`: (name, as binary), or None for the model's default ones."""

    rows: Rows
    id: str | None
    outputs: tuple[tuple[str, bool], ...] | None
    binary: bool = False

    @property
    def names(self) -> tuple[str, ...] | None:
        """Names of the requested outputs; None: the default ones."""
        return None if self.outputs is None else tuple(name for name, _ in self.outputs)


_DECODER = msgspec.json.Decoder(InferRequest)
_ENCODE = msgspec.json.Encoder().encode


def parse(body: bytes, header_length: int | None, spec: InputSpec, known_outputs: Sequence[str]) -> Asked:
    """Understand one inference request.

    Args:
        body: the whole body.
        header_length: length of the JSON part when binary tensors follow it, else None.
        spec: the model's inputs.
        known_outputs: names of the outputs that the model has.

    Raises:
        Invalid: anything that the client must change, with its place.
    """
    if header_length is not None and not 0 <= header_length <= len(body):
        raise Invalid(
            f"Inference-Header-Content-Length is {header_length}, but the body has {len(body)} bytes; "
            "expected the length of its JSON part"
        )
    request = _decoded(body if header_length is None else body[:header_length])
    rest = b"" if header_length is None else memoryview(body)[header_length:]
    rows = spec.rows_of(_tensors(request.inputs, rest))
    binary = _flag(request.parameters, "binary_data_output", "the request")
    outputs = _wanted(request.outputs, binary, known_outputs)
    return Asked(rows, request.id, outputs, binary)


def _decoded(text: bytes) -> InferRequest:
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(
            f'the body is no inference request: {error}; expected {{"inputs": [{{"name", "shape", '
            '"datatype", "data"}]}'
        ) from None
    except RecursionError:
        raise Invalid('the body is nested too deeply; expected {"inputs": […]}') from None


def _tensors(inputs: list[InputTensor], rest: bytes | memoryview) -> list[Tensor]:
    tensors = []
    position = 0
    for one in inputs:
        if one.parameters:
            refuse_extensions(f"input '{one.name}'", one.parameters)
        size = (one.parameters or {}).get("binary_data_size")
        if size is None:
            if one.data is msgspec.UNSET:
                raise Invalid(f"input '{one.name}' has neither 'data' nor parameter 'binary_data_size'")
            tensors.append(from_json(one.name, one.datatype, one.shape, one.data))
            continue
        if one.data is not msgspec.UNSET:
            raise Invalid(f"input '{one.name}' has both 'data' and 'binary_data_size'; expected one of them")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0 or position + size > len(rest):
            raise Invalid(
                f"input '{one.name}' says binary_data_size {str(size)[:32]}; {len(rest) - position} bytes are left "
                "after the JSON part (is Inference-Header-Content-Length set?)"
            )
        tensors.append(from_bytes(one.name, one.datatype, one.shape, rest[position : position + size]))
        position += size
    if position != len(rest):
        raise Invalid(f"{len(rest) - position} bytes follow the last binary input; expected none")
    return tensors


def _wanted(
    outputs: list[WantedOutput] | None, binary: bool, known: Sequence[str]
) -> tuple[tuple[str, bool], ...] | None:
    if not outputs:
        return None
    wanted = []
    for one in outputs:
        if one.name not in known:
            raise Invalid(f"output '{one.name}' is not an output of this model; expected {', '.join(known)}")
        refuse_extensions(f"output '{one.name}'", one.parameters)
        choice = _flag(one.parameters, "binary_data", f"output '{one.name}'", binary)
        wanted.append((one.name, choice))
    return tuple(wanted)


def _flag(parameters: dict[str, Any] | None, name: str, owner: str, otherwise: bool = False) -> bool:
    value = (parameters or {}).get(name, otherwise)
    if not isinstance(value, bool):
        raise Invalid(f"parameter '{name}' of {owner} is {str(value)[:32]!r}; expected true or false")
    return value


def answer(model: str, version: str, asked: Asked, outputs: Outputs) -> tuple[bytes, int | None]:
    """The response body, and the length of its JSON part when binary tensors follow.

    Args:
        model: name of the model.
        version: the version that answered.
        asked: the request.
        outputs: arrays of `asked.rows.count` rows, already in the wanted order.
    """
    modes = dict(asked.outputs) if asked.outputs is not None else {}
    blobs: list[bytes] = []
    tensors = []
    for name, values in outputs.items():
        datatype = datatype_of(values)
        tensor: dict[str, Any] = {"name": name, "datatype": datatype, "shape": values.shape}
        if modes.get(name, asked.binary):
            blob = to_bytes(values, datatype)
            blobs.append(blob)
            tensor["parameters"] = {"binary_data_size": len(blob)}
        else:
            tensor["data"] = values.ravel().tolist()
        tensors.append(tensor)
    response: dict[str, Any] = {"model_name": model, "model_version": version, "outputs": tensors}
    if asked.id is not None:
        response["id"] = asked.id
    text = _ENCODE(response)
    return (b"".join([text, *blobs]), len(text)) if blobs else (text, None)
