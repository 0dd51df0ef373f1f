"""Every call of `tritonclient.http`. Arguments: host:port of the server of numbers and of that of mixed columns."""

import asyncio
import sys
from typing import Any

import numpy as np
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput, aio

from tests.integration.serving.clients.calls import MODEL, ROWS, VERSION, Calls


def matrix(datatype: str = "FP64", kind: type = np.float64, *, binary: bool = True) -> InferInput:
    values = np.array(ROWS, dtype=kind)
    tensor = InferInput("x", list(values.shape), datatype)
    return tensor.set_data_from_numpy(values, binary_data=binary)


def text(name: str, *values: str, binary: bool) -> InferInput:
    tensor = InferInput(name, [len(values)], "BYTES")
    return tensor.set_data_from_numpy(np.array(values, dtype=object), binary_data=binary)


def mixed_row(*, binary: bool) -> list[InferInput]:
    distance = InferInput("distance", [1], "FP64").set_data_from_numpy(np.array([100.5]), binary_data=binary)
    night = InferInput("night", [1], "BOOL").set_data_from_numpy(np.array([True]), binary_data=binary)
    at = text("at", "2026-01-05T10:00:00Z", binary=binary)
    return [text("carrier", "AA", binary=binary), distance, night, at]


def proba(*, binary: bool = True, **more: Any) -> list[InferRequestedOutput]:
    return [InferRequestedOutput("predict_proba", binary_data=binary, **more)]


def about(client: InferenceServerClient, calls: Calls) -> None:
    """Health, metadata, and what a model chosen by its ModelDeployment refuses."""
    calls.make("is_server_live", client.is_server_live)
    calls.make("is_server_ready", client.is_server_ready)
    for name, version in (("", ""), (" of the version", VERSION)):
        calls.make(f"is_model_ready{name}", lambda v=version: client.is_model_ready(MODEL, v))
        calls.make(f"get_model_metadata{name}", lambda v=version: client.get_model_metadata(MODEL, v))
        calls.make(f"get_model_config{name}", lambda v=version: client.get_model_config(MODEL, v))
        calls.make(f"get_inference_statistics{name}", lambda v=version: client.get_inference_statistics(MODEL, v))
    calls.make("is_model_ready of another", lambda: client.is_model_ready("other"))
    calls.make("get_model_metadata of another", lambda: client.get_model_metadata("other"))
    calls.make("get_server_metadata", client.get_server_metadata)
    calls.make("get_model_repository_index", client.get_model_repository_index)
    calls.make("get_inference_statistics of all", client.get_inference_statistics)
    calls.make("load_model", lambda: client.load_model(MODEL))
    calls.make("unload_model", lambda: client.unload_model(MODEL))
    calls.make("get_trace_settings", client.get_trace_settings)
    calls.make("update_trace_settings", lambda: client.update_trace_settings(settings={"trace_level": "OFF"}))
    calls.make("get_log_settings", client.get_log_settings)
    calls.make("update_log_settings", lambda: client.update_log_settings({"log_info": True}))
    for kind in ("system", "cuda"):
        calls.make(f"get_{kind}_shared_memory_status", getattr(client, f"get_{kind}_shared_memory_status"))
        calls.make(f"unregister_{kind}_shared_memory", getattr(client, f"unregister_{kind}_shared_memory"))
    calls.make("register_system_shared_memory", lambda: client.register_system_shared_memory("r", "/r", 64))
    calls.make("register_cuda_shared_memory", lambda: client.register_cuda_shared_memory("r", b"aGFuZGxl", 0, 64))


def inference(client: InferenceServerClient, address: str, calls: Calls) -> None:
    """Each way to ask for the same two rows."""

    def infer(inputs: InferInput, **more: Any) -> Any:
        more.setdefault("outputs", proba())
        return client.infer(MODEL, [inputs], **more).as_numpy("predict_proba").tolist()

    calls.make("infer", lambda: infer(matrix()))
    calls.make("infer JSON", lambda: infer(matrix(binary=False), outputs=proba(binary=False)))
    calls.make("infer JSON in, binary out", lambda: infer(matrix(binary=False)))
    calls.make("infer binary in, JSON out", lambda: infer(matrix(), outputs=proba(binary=False)))
    calls.make("infer FP32", lambda: infer(matrix("FP32", np.float32)))
    calls.make("infer of the version", lambda: infer(matrix(), model_version=VERSION))
    calls.make(
        "infer with a request id", lambda: client.infer(MODEL, [matrix()], request_id="r-1").get_response()["id"]
    )
    calls.make("infer default outputs", lambda: client.infer(MODEL, [matrix()]).as_numpy("predict").tolist())
    for method in ("gzip", "deflate"):
        calls.make(f"infer {method} in", lambda m=method: infer(matrix(), request_compression_algorithm=m))
        calls.make(f"infer {method} out", lambda m=method: infer(matrix(), response_compression_algorithm=m))
    calls.make(
        "infer with parameters", lambda: infer(matrix(), parameters={"from": "a test"}, priority=1, timeout=10**6)
    )
    calls.make("async_infer", lambda: _later(client))
    calls.make("aio infer", lambda: asyncio.run(_aio(address)))
    body, length = client.generate_request_body([matrix()], outputs=proba())
    calls.make("generate_request_body", lambda: [len(body) > 0, length is not None])
    calls.make("infer of another", lambda: client.infer("other", [matrix()]))
    calls.make("infer of another version", lambda: client.infer(MODEL, [matrix()], model_version="8"))
    calls.make("infer without rows", lambda: client.infer(MODEL, [InferInput("x", [0, 4], "FP64")]))
    calls.make("infer class_count", lambda: infer(matrix(), outputs=proba(class_count=2)))
    calls.make("infer shared memory", lambda: infer(_shared()))
    calls.make("infer shared memory out", lambda: infer(matrix(), outputs=_shared_output()))
    calls.make("infer in a sequence", lambda: infer(matrix(), sequence_id=1, sequence_start=True))


def _later(client: InferenceServerClient) -> Any:
    answers = [client.async_infer(MODEL, [matrix()], outputs=proba()) for _ in range(4)]
    return [answer.get_result().as_numpy("predict_proba").tolist() for answer in answers]


async def _aio(address: str) -> Any:
    async with aio.InferenceServerClient(address) as client:
        answer = await client.infer(MODEL, [matrix()], outputs=proba())
        return answer.as_numpy("predict_proba").tolist()


def _shared() -> InferInput:
    tensor = InferInput("x", [2, 4], "FP64")
    tensor.set_shared_memory("r", 64)
    return tensor


def _shared_output() -> list[InferRequestedOutput]:
    (output,) = proba()
    output.set_shared_memory("r", 64)
    return [output]


def mixed(client: InferenceServerClient, calls: Calls) -> None:
    """Text columns both ways; numpy's object arrays of text come back as bytes."""
    for binary in (True, False):
        outputs = [InferRequestedOutput("predict", binary_data=binary)]
        calls.make(
            f"infer text {'binary' if binary else 'JSON'}",
            lambda b=binary, o=outputs: [
                v.decode() if isinstance(v, bytes) else v
                for v in client.infer(MODEL, mixed_row(binary=b), outputs=o).as_numpy("predict").tolist()
            ],
        )


def main(numbers: str, columns: str) -> None:
    calls = Calls()
    with InferenceServerClient(numbers, concurrency=4) as client:
        about(client, calls)
        inference(client, numbers, calls)
    with InferenceServerClient(columns) as client:
        mixed(client, calls)
    calls.write()


if __name__ == "__main__":
    main(*sys.argv[1:])
