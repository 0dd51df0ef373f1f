"""gRPC requests during a rollout: split, copied, refused, and for a version by name. Real servers, a real channel."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from perennial.api.records.arms import ArmsReport
from perennial.api.records.server import RolloutPlan, ServerConfig
from perennial.runtime.serving.oip import open_inference_pb2 as oip
from tests.integration.serving.artifacts import numeric_table, publish
from tests.integration.serving.server import ServerProcess

CANDIDATE = RolloutPlan(rollout="r", role="Candidate")


@pytest.fixture(scope="module")
def stable(numeric_config: ServerConfig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Version 7."""
    server = ServerProcess(numeric_config, tmp_path_factory.mktemp("grpc-stable"), grpc=True).wait_ready()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Version 8: trained on other rows."""
    folder = tmp_path_factory.mktemp("grpc-candidate")
    config = publish(folder / "registry", numeric_table(seed=5), version="8")
    server = ServerProcess(config, folder / "server", plan=CANDIDATE, grpc=True).wait_ready()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Version 8 that needs one column more."""
    folder = tmp_path_factory.mktemp("grpc-narrow")
    config = publish(folder / "registry", numeric_table(columns=5), version="8")
    server = ServerProcess(config, folder / "server", plan=CANDIDATE, grpc=True).wait_ready()
    yield server
    server.stop()


Call = Callable[..., tuple[Any, str]]


@pytest.fixture
def call(stable: ServerProcess) -> Iterator[Call]:
    """Asks stable; the answer and the version that its metadata name."""
    with grpc.insecure_channel(f"127.0.0.1:{stable.grpc_port}") as channel:

        def ask(request: Any, name: str = "ModelInfer", **headers: str) -> tuple[Any, str]:
            method = channel.unary_unary(
                f"/inference.GRPCInferenceService/{name}",
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=getattr(oip, f"{name}Response").FromString,
            )
            metadata = tuple((k.replace("_", "-"), v) for k, v in headers.items())
            answer, ended = method.with_call(request, timeout=20, metadata=metadata)
            return answer, dict(ended.initial_metadata() or ()).get("x-perennial-version", "")

        yield ask


def rows(version: str = "", *, columns: int = 4) -> Any:
    request = oip.ModelInferRequest(model_name="flights", model_version=version)
    tensor = request.inputs.add(name="x", datatype="FP64", shape=[1, columns])
    tensor.contents.fp64_contents.extend([0.1 * (i + 1) for i in range(columns)])
    request.outputs.add(name="predict")
    request.outputs.add(name="predict_proba")
    return request


def plan(candidate: ServerProcess, rollout: str, **changes: object) -> RolloutPlan:
    address = {"candidate_url": candidate.url, "candidate_grpc": f"127.0.0.1:{candidate.grpc_port}"}
    return RolloutPlan.model_validate({"rollout": rollout, **address, "candidate_version": "8", **changes})


def counted(stable: ServerProcess, many: int) -> ArmsReport:
    """The report once the candidate has been counted so often."""
    deadline = time.monotonic() + 10
    while (report := stable.arms()).candidate is None or report.candidate.requests + report.candidate.ignored < many:
        assert time.monotonic() < deadline, report
        time.sleep(0.05)
    return report


def test_requests_are_split(stable: ServerProcess, candidate: ServerProcess, call: Call) -> None:
    stable.follow(plan(candidate, "all", weight=100.0))
    answer, version = call(rows())
    assert (answer.model_version, version) == ("8", "8")
    stable.follow(RolloutPlan(rollout="local"))
    answer, version = call(rows())
    assert (answer.model_version, version) == ("7", "7")


def test_copies_are_answered_by_stable_counted_for_the_candidate_and_compared(
    stable: ServerProcess, candidate: ServerProcess, call: Call
) -> None:
    stable.follow(plan(candidate, "copies", mirror=100.0, shadow=True))
    assert {call(rows())[1] for _ in range(60)} == {"7"}
    report = counted(stable, 60)
    assert report.candidate is not None
    assert report.candidate.mirrored + report.candidate.ignored == 60
    assert report.candidate.errors == 0
    assert report.shadow is not None
    assert (report.shadow.pairs, report.shadow.incomparable) == (60, 0)
    assert report.shadow.absolute > 0  # two models are never quite alike


@pytest.mark.parametrize("share", ["weight", "mirror"])
def test_what_the_candidate_alone_refuses_is_its_error_and_a_clients_mistake_is_nobodys(
    stable: ServerProcess, narrow: ServerProcess, call: Call, share: str
) -> None:
    stable.follow(plan(narrow, f"refused {share}", **{share: 100.0}))
    assert {call(rows())[1] for _ in range(5)} == {"7"}
    for _ in range(3):
        with pytest.raises(grpc.RpcError):
            call(rows(columns=3))
    report = counted(stable, 8)
    assert report.candidate is not None
    assert (report.candidate.requests, report.candidate.errors) == (8, 5)
    assert report.candidate.fallbacks == (5 if share == "weight" else 0)
    assert report.own.errors == 0


def test_a_named_version_is_the_one_that_answers_and_is_forwarded_once(
    stable: ServerProcess, candidate: ServerProcess, call: Call
) -> None:
    stable.follow(plan(candidate, "named", weight=100.0))
    assert [call(rows(version))[1] for version in ("", "7", "8")] == ["8", "7", "8"]
    assert list(call(oip.ModelMetadataRequest(name="flights", version="8"), "ModelMetadata")[0].versions) == ["8"]
    assert call(oip.ModelReadyRequest(name="flights", version="8"), "ModelReady")[0].ready
    with pytest.raises(grpc.RpcError) as caught:
        call(rows("8"), x_perennial_hop="1")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    with pytest.raises(grpc.RpcError) as caught:
        call(rows("8", columns=3))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_candidate_that_is_gone_costs_no_request_and_its_version_is_unavailable(
    stable: ServerProcess, candidate: ServerProcess, call: Call, tmp_path: Path
) -> None:
    gone = RolloutPlan(
        rollout="gone", weight=100.0, candidate_url="http://127.0.0.1:9", candidate_grpc="127.0.0.1:9",
        candidate_version="8",
    )  # fmt: skip
    stable.follow(gone)
    assert call(rows())[1] == "7"
    met = counted(stable, 1).candidate
    assert met is not None
    assert (met.errors, met.fallbacks) == (1, 1)
    with pytest.raises(grpc.RpcError) as caught:
        call(rows("8"))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
