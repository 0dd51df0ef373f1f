"""Requests that name a version, from before its first traffic to the end of the bake: real servers, HTTP and gRPC."""

from datetime import timedelta
from typing import Any

import grpc
import pytest

from perennial.desired import names
from perennial.runtime.serving.oip import open_inference_pb2 as oip
from tests.integration.reconcile.conftest import rows
from tests.integration.reconcile.rollouts import deployment
from tests.integration.reconcile.servers import Servers
from tests.integration.reconcile.test_copies import looked, train
from tests.integration.reconcile.world import World
from tests.integration.serving.server import ServerProcess

pytestmark = [pytest.mark.apiserver, pytest.mark.s3, pytest.mark.timeout(900)]


def by_http(server: ServerProcess, version: str) -> tuple[int, str]:
    """Status, and the version that says it answered."""
    tensors = [{"name": n, "shape": [1], "datatype": "FP64", "data": [0.5]} for n in ("a", "b")]
    answer = server.client.post(f"/v2/models/m/versions/{version}/infer", json={"inputs": tensors})
    return answer.status_code, answer.headers["x-perennial-version"]


def by_grpc(server: ServerProcess, version: str) -> str:
    """The version of the answer, or the code of the error."""
    request = oip.ModelInferRequest(model_name="m", model_version=version)
    for name in ("a", "b"):
        request.inputs.add(name=name, datatype="FP64", shape=[1]).contents.fp64_contents.append(0.5)
    with grpc.insecure_channel(f"{server.address}:{server.grpc_port}") as channel:
        infer: Any = channel.unary_unary(
            "/inference.GRPCInferenceService/ModelInfer",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=oip.ModelInferResponse.FromString,
        )
        try:
            return str(infer(request, timeout=20).model_version)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code.name


async def test_both_versions_answer_under_their_own_paths_until_the_bake_is_over(
    world: World, servers: Servers
) -> None:
    await train(world, rows(seed=1), 1)
    await world.settle()
    await world.apply(deployment(world, rollout={"strategy": "Replace", "bake": "10m"}))
    await looked(world, servers)
    first = await servers.of_service(names.service("d"))
    assert (by_http(first, "1"), by_http(first, "2")[0], by_grpc(first, "2")) == ((200, "1"), 404, "NOT_FOUND")

    await train(world, rows(seed=2), 2)
    await looked(world, servers)
    world.clock.by += timedelta(seconds=10)
    status = await looked(world, servers)
    assert (status["stable"]["version"], status["previous"]["baking"]) == (2, True)
    second = await servers.of_service(names.service("d"))
    assert second is not first
    for server in (first, second):  # connections to the first one may still be open
        assert [by_http(server, v) for v in ("1", "2")] == [(200, "1"), (200, "2")]
        assert [by_grpc(server, v) for v in ("1", "2")] == ["1", "2"]
    assert second.client.get("/v2/models/m/versions/1/ready").status_code == 200
    counted = second.arms()
    assert counted.own.requests == 4, "what it answered for itself: two asked here, two by the first one"
    assert counted.candidate is not None
    assert counted.candidate.requests == 0, "what names the other version is in no arm"

    world.clock.by += timedelta(minutes=11)
    status = await looked(world, servers)
    assert status["previous"]["baking"] is False
    assert (by_http(second, "1")[0], by_grpc(second, "1"), by_http(second, "2")) == (404, "NOT_FOUND", (200, "2"))
