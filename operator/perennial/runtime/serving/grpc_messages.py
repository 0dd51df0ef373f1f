"""gRPC messages ↔ the rows and outputs of every other protocol. No server here."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from perennial.runtime.serving.datatypes import checked_datatype, checked_shape, datatype_of, from_bytes, text, to_bytes
from perennial.runtime.serving.errors import Invalid
from perennial.runtime.serving.extensions import refuse_extensions
from perennial.runtime.serving.inputs import InputSpec, Tensor, Values
from perennial.runtime.serving.oip import open_inference_pb2 as oip
from perennial.runtime.serving.v2 import Asked, Outputs

_FIELDS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def asked_of(request: oip.ModelInferRequest, spec: InputSpec, known_outputs: Sequence[str]) -> Asked:
    """Understand one ModelInfer request. `Asked.binary` says that the inputs came as raw bytes.

    Raises:
        Invalid: anything that the client must change, with its place.
    """
    raw = list(request.raw_input_contents)
    if raw and len(raw) != len(request.inputs):
        raise Invalid(f"raw_input_contents has {len(raw)} entries for {len(request.inputs)} inputs; expected one each")
    tensors = [_tensor(one, raw[i] if raw else None) for i, one in enumerate(request.inputs)]
    outputs = None
    if request.outputs:
        for one in request.outputs:
            if one.name not in known_outputs:
                raise Invalid(
                    f"output '{one.name}' is not an output of this model; expected {', '.join(known_outputs)}"
                )
            refuse_extensions(f"output '{one.name}'", one.parameters)
        outputs = tuple((one.name, True) for one in request.outputs)
    return Asked(spec.rows_of(tensors), request.id or None, outputs, bool(raw))


def _tensor(one: Any, raw: bytes | None) -> Tensor:
    if one.parameters:
        refuse_extensions(f"input '{one.name}'", one.parameters)
    shape = list(one.shape)
    if raw is not None:
        if one.HasField("contents"):
            raise Invalid(f"input '{one.name}' has both contents and raw_input_contents; expected one of them")
        return from_bytes(one.name, one.datatype, shape, raw)
    checked_datatype(one.name, one.datatype)
    field = _FIELDS.get(one.datatype)
    if field is None:
        raise Invalid(f"input '{one.name}' of {one.datatype} has no typed contents; send raw_input_contents")
    size = checked_shape(one.name, shape)
    count = 1
    for dimension in size:
        count *= dimension
    contents = getattr(one.contents, field)
    if len(contents) != count:
        raise Invalid(
            f"input '{one.name}' has {len(contents)} elements in {field}; its shape {list(size)} needs {count}"
        )
    return Tensor(one.name, size, _values(one.name, one.datatype, contents))


def _values(name: str, datatype: str, contents: Any) -> Values:
    if datatype == "BYTES":
        return [text(name, element) for element in contents]
    if datatype.startswith("FP"):
        return np.array(contents, dtype=np.float64)
    return list(contents)


def outputs_of(response: oip.ModelInferResponse) -> dict[str, Any]:
    """Outputs of an answer, typed or raw.

    Raises:
        Invalid, KeyError, ValueError: it is none that this server would give.
    """
    raw = list(response.raw_output_contents)
    outputs = {}
    for index, one in enumerate(response.outputs):
        shape = list(one.shape)
        if raw:
            values = from_bytes(one.name, one.datatype, shape, raw[index]).values
        else:
            values = _values(one.name, one.datatype, getattr(one.contents, _FIELDS[one.datatype]))
        outputs[one.name] = np.array(values).reshape(shape)
    return outputs


def answer_of(model: str, version: str, asked: Asked, outputs: Outputs) -> oip.ModelInferResponse:
    """The response; raw when the request was raw."""
    response = oip.ModelInferResponse(model_name=model, model_version=version, id=asked.id or "")
    for name, values in outputs.items():
        datatype = datatype_of(values)
        tensor = response.outputs.add(name=name, datatype=datatype, shape=values.shape)
        if asked.binary:
            response.raw_output_contents.append(to_bytes(values, datatype))
        elif datatype == "BYTES":
            tensor.contents.bytes_contents.extend(str(v).encode() for v in values.ravel().tolist())
        else:
            getattr(tensor.contents, _FIELDS[datatype]).extend(values.ravel().tolist())
    return response
