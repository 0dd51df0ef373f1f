"""The OpenAPI 3.1 document of one served model, with its own columns and an example that works."""

from typing import Any

from perennial.api.records.signature import InputColumn, Signature
from perennial.runtime.serving.datatypes import DATATYPES
from perennial.runtime.serving.served import Served
from perennial.version import __version__

_JSON_TYPES = {"BOOL": "boolean", "INT64": "integer", "FP64": "number", "FP32": "number", "BYTES": "string"}
_ERRORS = {
    "400": "The request says something that this model cannot take; `error` says what to change",
    "404": "No such model or version",
    "408": "The body did not arrive in time",
    "413": "More bytes or rows than this server takes at once",
    "415": "The body is compressed in a way that this server does not know",
    "503": "Overloaded or not ready; see Retry-After",
    "504": "The prediction was not ready in time",
}


def document(served: Served) -> dict[str, Any]:
    """The whole document."""
    name, version = served.config.model, served.config.version
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{name}, version {version}",
            "version": __version__,
            "description": f"{served.signature.task} model `{name}`: Open Inference Protocol (V2) and KServe V1.",
        },
        "paths": {**_health_paths(), **_v2_paths(served), **_v1_paths(served)},
        "components": {"schemas": _schemas(served.signature, served.spec.max_rows)},
    }


def v2_example(signature: Signature) -> dict[str, Any]:
    """A V2 request of the signature's example row, one tensor a column."""
    inputs = [
        {"name": c.name, "shape": [1], "datatype": c.datatype, "data": [signature.example.get(c.name)]}
        for c in signature.inputs
    ]
    return {"inputs": inputs}


def v1_example(signature: Signature) -> dict[str, Any]:
    """A V1 request of the same row."""
    return {"instances": [signature.example]}


def _health_paths() -> dict[str, Any]:
    get = {
        "/v2/health/live": ("live", "Whether the process can do its work", ["503"]),
        "/v2/health/ready": ("ready", "Whether requests are welcome", ["503"]),
        "/v2": ("server", "Name, version and extensions of the server", []),
        "/v1/models": ("v1Models", "Names of the models", []),
    }
    paths: dict[str, Any] = {path: {"get": _operation(*facts)} for path, facts in get.items()}
    paths["/v2/repository/index"] = {"post": _operation("index", "The models of this server", [])}
    metrics = _operation("metrics", "Figures for Prometheus", [])
    metrics["responses"]["200"]["content"] = {"text/plain": {"schema": {"type": "string"}}}
    return {**paths, "/metrics": {"get": metrics}}


def _v2_paths(served: Served) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    base = f"/v2/models/{served.config.model}"
    for prefix, mark in ((base, ""), (f"{base}/versions/{served.config.version}", "Version")):
        infer = _operation(f"infer{mark}", "Predict rows", list(_ERRORS), "InferenceResponse")
        infer["requestBody"] = _body("InferenceRequest", v2_example(served.signature))
        paths[prefix] = {"get": _operation(f"model{mark}", "Inputs and outputs of the model", [], "ModelMetadata")}
        config = f"The same as a configuration of Triton's{', by version' if mark else ''}"
        paths[f"{prefix}/config"] = {"get": _operation(f"config{mark}", config, [])}
        paths[f"{prefix}/ready"] = {"get": _operation(f"modelReady{mark}", "Whether the model is ready", ["503"])}
        paths[f"{prefix}/infer"] = {"post": infer}
    return paths


def _v1_paths(served: Served) -> dict[str, Any]:
    base = f"/v1/models/{served.config.model}"
    paths: dict[str, Any] = {base: {"get": _operation("v1Model", "Whether the model is ready (V1)", [])}}
    for prefix, mark in ((base, ""), (f"{base}/versions/{served.config.version}", "Version")):
        predict = _operation(f"predict{mark}", "Predict rows (V1)", list(_ERRORS), "V1Response")
        predict["requestBody"] = _body("V1Request", v1_example(served.signature))
        paths[f"{prefix}:predict"] = {"post": predict}
    return paths


def _operation(name: str, summary: str, errors: list[str], schema: str = "") -> dict[str, Any]:
    content = {"application/json": {"schema": _ref(schema) if schema else {}}}
    failures = {
        code: {"description": _ERRORS[code], "content": {"application/json": {"schema": _ref("Error")}}}
        for code in errors
    }
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": {"description": "OK", "content": content}, **failures},
    }


def _body(schema: str, example: Any) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": _ref(schema), "example": example}}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _schemas(signature: Signature, max_rows: int) -> dict[str, Any]:
    names = [c.name for c in signature.inputs] + ([signature.id_column] if signature.id_column else [])
    outputs = [o.name for o in signature.outputs]
    return {
        "Error": _object({"error": {"type": "string"}}, "error"),
        "Row": _row(signature),
        "Tensor": _tensor({"type": "string", "description": f"A column: {', '.join(names[:50])}"}, "data"),
        "InferenceRequest": _object(
            {
                "id": {"type": "string"},
                "parameters": {"type": "object"},
                "inputs": {"type": "array", "minItems": 1, "items": _ref("Tensor")},
                "outputs": {"type": "array", "items": _object({"name": {"type": "string", "enum": outputs}}, "name")},
            },
            "inputs",
        ),
        "InferenceResponse": _object(
            {
                "model_name": {"type": "string"},
                "model_version": {"type": "string"},
                "id": {"type": "string"},
                "outputs": {"type": "array", "items": _tensor({"type": "string", "enum": outputs})},
            },
            "model_name",
            "outputs",
        ),
        "TensorMetadata": _tensor({"type": "string"}),
        "ModelMetadata": _object(
            {
                "name": {"type": "string"},
                "versions": {"type": "array", "items": {"type": "string"}},
                "platform": {"type": "string"},
                "inputs": {"type": "array", "items": _ref("TensorMetadata")},
                "outputs": {"type": "array", "items": _ref("TensorMetadata")},
                "properties": {"type": "object", "additionalProperties": {"type": "string"}},
            },
            "name",
            "platform",
        ),
        "V1Request": _object(
            {
                "instances": _instances(signature, max_rows),
                "outputs": {"type": "array", "items": {"type": "string", "enum": outputs}},
            },
            "instances",
        ),
        "V1Response": _object({"predictions": {"type": "array"}}, "predictions"),
    }


def _row(signature: Signature) -> dict[str, Any]:
    columns: dict[str, Any] = {c.name: _column(c) for c in signature.inputs}
    if signature.id_column and signature.id_column not in columns:
        columns[signature.id_column] = {"type": ["string", "null"], "description": "Identifier, not a feature"}
    required = [c.name for c in signature.inputs if c.required]
    return {**_object(columns, *required), "additionalProperties": False}


def _instances(signature: Signature, max_rows: int) -> dict[str, Any]:
    """All rows are objects by column, or all are lists in signature order."""
    columns = [_column(c) for c in signature.inputs]
    listed = {"type": "array", "prefixItems": columns, "items": False, "minItems": len(columns)}
    rows = {"type": "array", "minItems": 1, "maxItems": max_rows}
    return {"oneOf": [{**rows, "items": _ref("Row")}, {**rows, "items": listed}]}


def _tensor(name: dict[str, Any], *required: str) -> dict[str, Any]:
    properties = {
        "name": name,
        "shape": {"type": "array", "items": {"type": "integer", "minimum": -1}, "minItems": 1, "maxItems": 2},
        "datatype": {"type": "string", "enum": list(DATATYPES)},
        "parameters": {"type": "object"},
        "data": {"type": "array"},
    }
    return _object(properties, "name", "shape", "datatype", *required)


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _column(column: InputColumn) -> dict[str, Any]:
    kind = _JSON_TYPES[column.datatype]
    schema: dict[str, Any] = {"type": [kind, "null"] if column.nullable else kind}
    if column.kind == "datetime":
        schema["format"] = "date-time"
    if column.categories:
        schema["examples"] = column.categories[:10]
    return schema
