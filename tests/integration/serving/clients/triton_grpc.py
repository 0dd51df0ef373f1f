"""Every call of `tritonclient.grpc`. Arguments: host:port of the server of numbers and of that of mixed columns."""

import asyncio
import queue
import sys
from functools import partial
from typing import Any

import numpy as np
from tritonclient.grpc import InferenceServerClient, InferInput, InferRequestedOutput, aio

from tests.integration.serving.clients.calls import MODEL, ROWS, VERSION, Calls

SECONDS = 60


def matrix(datatype: str = "FP64", kind: type = np.float64) -> InferInput:
    values = np.array(ROWS, dtype=kind)
    return InferInput("x", list(values.shape), datatype).set_data_from_numpy(values)


def proba(**more: Any) -> list[InferRequestedOutput]:
    return [InferRequestedOutput("predict_proba", **more)]


def about(client: InferenceServerClient, calls: Calls) -> None:
    """Health, metadata, and what a model chosen by its ModelDeployment refuses."""
    calls.make("is_server_live", client.is_server_live)
    calls.make("is_server_ready", client.is_server_ready)
    calls.make("get_server_metadata", partial(client.get_server_metadata, as_json=True))
    for name, version in (("", ""), (" of the version", VERSION)):
        calls.make(f"is_model_ready{name}", partial(client.is_model_ready, MODEL, version))
        for call in ("get_model_metadata", "get_model_config", "get_inference_statistics"):
            calls.make(f"{call}{name}", partial(getattr(client, call), MODEL, version, as_json=True))
    calls.make("is_model_ready of another", partial(client.is_model_ready, "other"))
    calls.make("get_model_metadata of another", partial(client.get_model_metadata, "other"))
    calls.make("get_model_config of another", partial(client.get_model_config, "other"))
    calls.make("get_model_repository_index", partial(client.get_model_repository_index, as_json=True))
    calls.make("load_model", partial(client.load_model, MODEL))
    calls.make("unload_model", partial(client.unload_model, MODEL))
    calls.make("get_trace_settings", client.get_trace_settings)
    calls.make("update_trace_settings", partial(client.update_trace_settings, settings={"trace_level": "OFF"}))
    calls.make("get_log_settings", client.get_log_settings)
    calls.make("update_log_settings", partial(client.update_log_settings, {"log_info": True}))
    for kind in ("system", "cuda"):
        calls.make(f"get_{kind}_shared_memory_status", getattr(client, f"get_{kind}_shared_memory_status"))
        calls.make(f"unregister_{kind}_shared_memory", getattr(client, f"unregister_{kind}_shared_memory"))
    calls.make("register_system_shared_memory", partial(client.register_system_shared_memory, "r", "/r", 64))
    calls.make("register_cuda_shared_memory", partial(client.register_cuda_shared_memory, "r", b"aGFuZGxl", 0, 64))


def inference(client: InferenceServerClient, address: str, calls: Calls) -> None:
    """Each way to ask for the same two rows."""

    def infer(inputs: InferInput, **more: Any) -> Any:
        more.setdefault("outputs", proba())
        return client.infer(MODEL, [inputs], client_timeout=SECONDS, **more).as_numpy("predict_proba").tolist()

    calls.make("infer", lambda: infer(matrix()))
    calls.make("infer FP32", lambda: infer(matrix("FP32", np.float32)))
    calls.make("infer of the version", lambda: infer(matrix(), model_version=VERSION))
    calls.make("infer with a request id", lambda: client.infer(MODEL, [matrix()], request_id="r-1").get_response().id)
    calls.make("infer default outputs", lambda: client.infer(MODEL, [matrix()]).as_numpy("predict").tolist())
    calls.make("infer gzip", lambda: infer(matrix(), compression_algorithm="gzip"))
    calls.make(
        "infer with parameters", lambda: infer(matrix(), parameters={"from": "a test"}, priority=1, timeout=10**6)
    )
    calls.make("async_infer", lambda: _later(client))
    calls.make("aio infer", lambda: asyncio.run(_aio(address)))
    calls.make("start_stream", lambda: _streamed(client))
    calls.make("infer of another", lambda: client.infer("other", [matrix()]))
    calls.make("infer of another version", lambda: client.infer(MODEL, [matrix()], model_version="8"))
    calls.make("infer without rows", lambda: client.infer(MODEL, [_empty()]))
    calls.make("infer class_count", lambda: infer(matrix(), outputs=proba(class_count=2)))
    calls.make("infer shared memory", lambda: infer(_shared()))
    calls.make("infer shared memory out", lambda: infer(matrix(), outputs=_shared_output()))
    calls.make("infer in a sequence", lambda: infer(matrix(), sequence_id=1, sequence_start=True))


def _later(client: InferenceServerClient) -> Any:
    answers: queue.Queue[Any] = queue.Queue()
    for _ in range(4):
        client.async_infer(MODEL, [matrix()], lambda result, error: answers.put(error or result), outputs=proba())
    return [_numbers(answers.get(timeout=SECONDS)) for _ in range(4)]


def _streamed(client: InferenceServerClient) -> Any:
    """The refusal comes before a request is sent."""
    answers: queue.Queue[Any] = queue.Queue()
    client.start_stream(lambda result, error: answers.put(error or result))
    try:
        return _numbers(answers.get(timeout=SECONDS))
    finally:
        client.stop_stream()


async def _aio(address: str) -> Any:
    async with aio.InferenceServerClient(address) as client:
        return _numbers(await client.infer(MODEL, [matrix()], outputs=proba()))


def _numbers(answer: Any) -> Any:
    if isinstance(answer, Exception):
        raise answer
    return answer.as_numpy("predict_proba").tolist()


def _empty() -> InferInput:
    return InferInput("x", [0, 4], "FP64").set_data_from_numpy(np.empty((0, 4)))


def _shared() -> InferInput:
    tensor = InferInput("x", [2, 4], "FP64")
    tensor.set_shared_memory("r", 64)
    return tensor


def _shared_output() -> list[InferRequestedOutput]:
    (output,) = proba()
    output.set_shared_memory("r", 64)
    return [output]


def mixed(client: InferenceServerClient, calls: Calls) -> None:
    """Text columns, and text as the answer."""
    values = {
        "carrier": ("BYTES", np.array(["AA"], dtype=object)),
        "distance": ("FP64", np.array([100.5])),
        "night": ("BOOL", np.array([True])),
        "at": ("BYTES", np.array(["2026-01-05T10:00:00Z"], dtype=object)),
    }
    row = [InferInput(name, [1], kind).set_data_from_numpy(array) for name, (kind, array) in values.items()]
    calls.make("infer text", lambda: [v.decode() for v in client.infer(MODEL, row).as_numpy("predict").tolist()])


def main(numbers: str, columns: str) -> None:
    calls = Calls()
    with InferenceServerClient(numbers) as client:
        about(client, calls)
        inference(client, numbers, calls)
    with InferenceServerClient(columns) as client:
        mixed(client, calls)
    calls.write()


if __name__ == "__main__":
    main(*sys.argv[1:])
