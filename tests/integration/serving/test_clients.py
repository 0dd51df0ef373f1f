"""Triton's own clients, unmodified, call by call: what works gives our answers, what is not offered is told by name."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.serving.clients.calls import ROWS
from tests.integration.serving.server import ServerProcess

ROOT = Path(__file__).parents[3]
INPUTS = [{"name": f"x{i}", "datatype": "FP64", "shape": [-1]} for i in range(4)]
TRUE = {
    "is_server_live", "is_server_ready", "is_model_ready", "is_model_ready of the version",
}  # fmt: skip
SAME_ON_HTTP = {
    "infer", "infer JSON", "infer JSON in, binary out", "infer binary in, JSON out", "infer of the version",
    "infer gzip in", "infer gzip out", "infer deflate in", "infer deflate out", "infer with parameters", "aio infer",
    "infer in a sequence",
}  # fmt: skip
SAME_ON_GRPC = {
    "infer", "infer of the version", "infer gzip", "infer with parameters", "aio infer", "infer in a sequence",
}  # fmt: skip
SHARED = "shared memory extension is not offered"
DEPLOYMENT = "chosen by its ModelDeployment"
NOT_OFFERED = {
    "load_model": DEPLOYMENT,
    "unload_model": DEPLOYMENT,
    "get_inference_statistics": "GET /metrics",
    "get_inference_statistics of the version": "GET /metrics",
    "get_trace_settings": "trace extension is not offered",
    "update_trace_settings": "trace extension is not offered",
    "get_log_settings": "logging extension is not offered",
    "update_log_settings": "logging extension is not offered",
    **{f"{call}_{kind}_shared_memory": SHARED for call in ("register", "unregister") for kind in ("system", "cuda")},
    **{f"get_{kind}_shared_memory_status": SHARED for kind in ("system", "cuda")},
}
WRONG = {
    "infer without rows": "'x'",
    "infer class_count": "classification extension is not offered",
    "infer shared memory": f"'x' has parameter 'shared_memory_region': the {SHARED}",
    "infer shared memory out": f"'predict_proba' has parameter 'shared_memory_region': the {SHARED}",
}
UNKNOWN = {
    "get_model_metadata of another": "expected 'flights'",
    "infer of another": "expected 'flights'",
    "infer of another version": "expected '7'",
}


class Outcomes:
    """What a client's program wrote; each call is looked at once."""

    def __init__(self, program: str, numbers: str, columns: str) -> None:
        module = f"tests.integration.serving.clients.{program}"
        done = subprocess.run(
            [sys.executable, "-m", module, numbers, columns],
            cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        self.left: dict[str, dict[str, Any]] = json.loads(done.stdout)

    def answer(self, name: str) -> Any:
        outcome = self.left.pop(name)
        assert "answer" in outcome, f"{name}: {outcome}"
        return outcome["answer"]

    def are_refused(self, says: dict[str, str], status: str | dict[str, str]) -> None:
        for name, words in says.items():
            outcome = self.left.pop(name)
            expected = status if isinstance(status, str) else status.get(name, status[""])
            assert outcome.get("refused") == expected, f"{name}: {outcome}"
            assert words in outcome["says"], name


@pytest.fixture(scope="module")
def expected(numeric: ServerProcess) -> list[list[float]]:
    flat = numeric.infer(ROWS, outputs=[{"name": "predict_proba"}]).json()["outputs"][0]["data"]
    return [flat[:2], flat[2:]]


def described(outcomes: Outcomes) -> None:
    for name in TRUE:
        assert outcomes.answer(name) is True, name
    server = outcomes.answer("get_server_metadata")
    assert (server["name"], server["extensions"]) == ("perennial", ["binary_tensor_data", "model_repository"])
    assert outcomes.answer("infer with a request id") == "r-1"
    assert outcomes.answer("infer default outputs") == [1, 1]


@pytest.mark.timeout(300)
def test_every_call_of_the_http_client_is_answered_or_refused_by_name(
    numeric: ServerProcess, mixed: ServerProcess, expected: list[list[float]]
) -> None:
    outcomes = Outcomes("triton_http", f"127.0.0.1:{numeric.port}", f"127.0.0.1:{mixed.port}")
    described(outcomes)
    assert outcomes.answer("is_model_ready of another") is False
    index = outcomes.answer("get_model_repository_index")
    assert index == [{"name": "flights", "version": "7", "state": "READY", "reason": ""}]
    for suffix in ("", " of the version"):
        metadata, config = (outcomes.answer(f"get_model_{what}{suffix}") for what in ("metadata", "config"))
        assert (metadata["inputs"], metadata["versions"]) == (INPUTS, ["7"])
        assert [(t["name"], t["data_type"], t["dims"]) for t in config["input"]] == [
            (f"x{i}", "TYPE_FP64", [1]) for i in range(4)
        ]
    for name in SAME_ON_HTTP:
        assert outcomes.answer(name) == expected, name
    assert outcomes.answer("infer FP32") == [pytest.approx(row, abs=1e-6) for row in expected]
    assert outcomes.answer("async_infer") == [expected] * 4
    assert outcomes.answer("generate_request_body") == [True, True]
    assert outcomes.answer("infer text binary") == outcomes.answer("infer text JSON") == ["yes"]
    outcomes.are_refused(
        {**NOT_OFFERED, "get_inference_statistics of all": "GET /metrics"},
        {"": "404", "load_model": "400", "unload_model": "400"},
    )
    outcomes.are_refused(WRONG, "400")
    outcomes.are_refused(UNKNOWN, "404")
    assert outcomes.left == {}


@pytest.mark.timeout(300)
def test_every_call_of_the_grpc_client_is_answered_or_refused_by_name(
    numeric: ServerProcess, mixed: ServerProcess, expected: list[list[float]]
) -> None:
    outcomes = Outcomes("triton_grpc", f"127.0.0.1:{numeric.grpc_port}", f"127.0.0.1:{mixed.grpc_port}")
    described(outcomes)
    index = outcomes.answer("get_model_repository_index")["models"]
    assert index == [{"name": "flights", "version": "7", "state": "READY"}]
    for suffix in ("", " of the version"):
        metadata, config = (outcomes.answer(f"get_model_{what}{suffix}") for what in ("metadata", "config"))
        assert [(t["name"], t["datatype"]) for t in metadata["inputs"]] == [(f"x{i}", "FP64") for i in range(4)]
        assert config["config"]["input"][3] == {"name": "x3", "data_type": "TYPE_FP64", "dims": ["1"]}
        assert config["config"]["max_batch_size"] == numeric.config.settings.max_request_rows
    for name in SAME_ON_GRPC:
        assert outcomes.answer(name) == expected, name
    assert outcomes.answer("infer FP32") == [pytest.approx(row, abs=1e-6) for row in expected]
    assert outcomes.answer("async_infer") == [expected] * 4
    assert outcomes.answer("infer text") == ["yes"]
    outcomes.are_refused({**NOT_OFFERED, "start_stream": "call ModelInfer for each"}, "StatusCode.UNIMPLEMENTED")
    outcomes.are_refused({**WRONG, "infer without rows": "no rows"}, "StatusCode.INVALID_ARGUMENT")
    also = {f"{call} of another": "expected 'flights'" for call in ("is_model_ready", "get_model_config")}
    outcomes.are_refused({**UNKNOWN, **also}, "StatusCode.NOT_FOUND")
    assert outcomes.left == {}
