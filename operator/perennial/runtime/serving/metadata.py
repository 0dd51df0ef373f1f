"""What the server says about itself and its model: V2 metadata, repository index, V1 list, OpenAPI, the page."""

from collections.abc import Mapping
from typing import Any

from perennial.api.records.signature import OutputTensor, Signature
from perennial.runtime.serving.http import Answer, Receive, Request, json_answer
from perennial.runtime.serving.openapi import document
from perennial.runtime.serving.page import PAGE_HEADERS, page
from perennial.runtime.serving.served import Served
from perennial.version import __version__

SERVER_NAME = "perennial"
EXTENSIONS = ["binary_tensor_data", "model_repository"]
PLATFORMS = {"onnx": "onnx_onnxv1", "lightgbm": "lightgbm_txt", "xgboost": "xgboost_json"}
"""By the path that answers; every other path is scikit-learn's model, stored by skops."""


class Metadata:
    """Documents of one served model."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self.name = served.config.model
        self.version = served.config.version
        self._page = page(served)

    def server(self) -> dict[str, Any]:
        """GET /v2."""
        return {"name": SERVER_NAME, "version": __version__, "extensions": EXTENSIONS}

    def model(self) -> dict[str, Any]:
        """GET /v2/models/<name>: real inputs and outputs, from the signature."""
        return {
            "name": self.name,
            "versions": [self.version],
            "platform": platform_of(self._served),
            "inputs": [self._input(c.name, c.datatype) for c in self._served.signature.inputs],
            "outputs": outputs_of(self._served.signature),
            "properties": self.properties(),
        }

    def properties(self) -> dict[str, str]:
        """Where the model comes from."""
        config = self._served.config
        facts = {
            "artifact_digest": config.artifact_digest,
            "run_digest": config.run_digest,
            "task": self._served.signature.task,
            "estimator": self._served.signature.estimator,
            "id_column": self._served.signature.id_column or "",
        }
        return {name: value for name, value in facts.items() if value}

    def config(self) -> dict[str, Any]:
        """GET /v2/models/<name>/config, as far as it has a meaning here."""
        metadata = self.model()
        settings = self._served.config.settings
        return {
            "name": self.name,
            "platform": metadata["platform"],
            "max_batch_size": settings.max_request_rows,
            "input": [
                {**_config_tensor(t), "optional": not c.required}
                for t, c in zip(metadata["inputs"], self._served.signature.inputs, strict=True)
            ],
            "output": [_config_tensor(t) for t in metadata["outputs"]],
        }

    def index(self) -> list[dict[str, str]]:
        """POST /v2/repository/index."""
        return [{"name": self.name, "version": self.version, "state": "READY", "reason": ""}]

    def v1_models(self) -> dict[str, list[str]]:
        """GET /v1/models."""
        return {"models": [self.name]}

    def openapi(self) -> dict[str, Any]:
        """GET /openapi.json."""
        return document(self._served)

    async def page(self, request: Request, receive: Receive) -> Answer:
        """GET /: try the model in a browser. Others get what KServe's V1 clients read there."""
        accepted = next((value for name, value in request.scope["headers"] if name == b"accept"), b"")
        if b"text/html" not in accepted:
            return json_answer({"status": "alive"})
        return Answer(200, self._page, PAGE_HEADERS)

    def _input(self, name: str, datatype: str) -> dict[str, Any]:
        return {"name": name, "datatype": datatype, "shape": [-1]}


def platform_of(served: Served) -> str:
    """The V2 platform name of what answers the predictions."""
    return PLATFORMS.get(served.model.path, "sklearn_skops")


def outputs_of(signature: Signature) -> list[Mapping[str, Any]]:
    """Outputs as V2 tensors."""
    return [tensor_of(o) for o in signature.outputs]


def tensor_of(output: OutputTensor) -> dict[str, Any]:
    """One output as V2 metadata."""
    return {"name": output.name, "datatype": output.datatype, "shape": output.shape}


def _config_tensor(tensor: Mapping[str, Any]) -> dict[str, Any]:
    datatype = tensor["datatype"]
    return {
        "name": tensor["name"],
        "data_type": "TYPE_STRING" if datatype == "BYTES" else f"TYPE_{datatype}",
        "dims": list(tensor["shape"][1:]) or [1],
    }
