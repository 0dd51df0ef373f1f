"""The Open Inference Protocol over gRPC against a real server."""

from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest

from perennial.runtime.serving.oip import open_inference_pb2 as oip
from tests.integration.serving.server import ServerProcess

ROWS = np.array([[0.1, -0.2, 0.3, 0.4], [3.0, 2.0, -1.0, 0.5]])


@pytest.fixture(scope="module")
def channel(numeric: ServerProcess) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{numeric.grpc_port}") as channel:
        yield channel


def call(channel: grpc.Channel, name: str, request: Any) -> Any:
    response = getattr(oip, name + "Response")
    method = channel.unary_unary(
        f"/inference.GRPCInferenceService/{name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=response.FromString,
    )
    return method(request, timeout=20)


def infer_request(**changes: Any) -> oip.ModelInferRequest:
    request = oip.ModelInferRequest(model_name=changes.get("model", "flights"), id="g-1")
    tensor = request.inputs.add(name="x", datatype="FP64", shape=changes.get("shape", [2, 4]))
    if "raw" in changes:
        request.raw_input_contents.append(changes["raw"])
    else:
        tensor.contents.fp64_contents.extend(ROWS.ravel().tolist())
    request.outputs.add(name=changes.get("output", "predict_proba"))
    return request


def test_health_and_metadata(channel: grpc.Channel) -> None:
    assert call(channel, "ServerLive", oip.ServerLiveRequest()).live
    assert call(channel, "ServerReady", oip.ServerReadyRequest()).ready
    assert call(channel, "ModelReady", oip.ModelReadyRequest(name="flights", version="7")).ready
    assert call(channel, "ServerMetadata", oip.ServerMetadataRequest()).name == "perennial"
    facts = call(channel, "ModelMetadata", oip.ModelMetadataRequest(name="flights"))
    assert [(t.name, t.datatype, list(t.shape)) for t in facts.inputs] == [(f"x{i}", "FP64", [-1]) for i in range(4)]
    assert call(channel, "RepositoryIndex", oip.RepositoryIndexRequest()).models[0].state == "READY"


def test_typed_and_raw_contents_give_what_rest_gives(channel: grpc.Channel, numeric: ServerProcess) -> None:
    rest = numeric.infer(ROWS.tolist(), outputs=[{"name": "predict_proba"}]).json()["outputs"][0]
    typed = call(channel, "ModelInfer", infer_request())
    assert list(typed.outputs[0].contents.fp64_contents) == rest["data"]
    assert (typed.id, list(typed.outputs[0].shape)) == ("g-1", [2, 2])
    raw = call(channel, "ModelInfer", infer_request(raw=ROWS.tobytes()))
    assert np.frombuffer(raw.raw_output_contents[0]).tolist() == rest["data"]


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"model": "other"}, grpc.StatusCode.NOT_FOUND, "'flights'"),
        ({"shape": [2, 3]}, grpc.StatusCode.INVALID_ARGUMENT, "needs 6"),
        ({"raw": b"123"}, grpc.StatusCode.INVALID_ARGUMENT, "3 bytes"),
        ({"output": "why"}, grpc.StatusCode.INVALID_ARGUMENT, "'why'"),
    ],
)
def test_a_clients_mistake_has_its_status_and_its_name(
    channel: grpc.Channel, changes: dict[str, Any], code: grpc.StatusCode, says: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(channel, "ModelInfer", infer_request(**changes))
    assert caught.value.code() is code
    assert says in caught.value.details()
