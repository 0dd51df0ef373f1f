"""Bodies that a client compressed: unpacked within the limit of any body, forwarded plain, refused when broken."""

import gzip
import zlib
from collections.abc import Callable

import httpx
import msgspec
import pytest

from perennial.api.records.server import RolloutPlan, ServerConfig
from tests.integration.serving.artifacts import numeric_table, publish
from tests.integration.serving.load import BODY
from tests.integration.serving.server import ServerProcess

PLAIN = msgspec.json.encode(BODY)


def post(server: ServerProcess, body: bytes, encoding: str) -> httpx.Response:
    return server.client.post("/v2/models/flights/infer", content=body, headers={"Content-Encoding": encoding})


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(gzip.compress(PLAIN), "gzip"), (gzip.compress(PLAIN), "GZIP"), (zlib.compress(PLAIN), "deflate"),
     (PLAIN, "identity")],
)  # fmt: skip
def test_a_compressed_request_means_the_same(numeric: ServerProcess, body: bytes, encoding: str) -> None:
    answer = post(numeric, body, encoding)
    assert answer.status_code == 200, answer.text
    assert answer.json() == post(numeric, PLAIN, "identity").json()


@pytest.mark.parametrize(
    ("body", "encoding", "status", "says"),
    [
        (PLAIN, "gzip", 400, "not gzip"),
        (gzip.compress(PLAIN)[:-9], "gzip", 400, "ends early"),
        (gzip.compress(PLAIN) + b"more", "gzip", 400, "after its end"),
        (gzip.compress(PLAIN), "deflate", 400, "not deflate"),
        (b"", "gzip", 400, "ends early"),
        (PLAIN, "br", 415, "expected gzip, deflate"),
        (gzip.compress(PLAIN), "gzip, gzip", 415, "expected gzip, deflate"),
        (gzip.compress(b" " * 10_000_000), "gzip", 413, "200000"),
    ],
)
def test_what_cannot_be_unpacked_is_the_clients_mistake_and_the_connection_lives_on(
    mixed: ServerProcess, body: bytes, encoding: str, status: int, says: str
) -> None:
    answer = post(mixed, body, encoding)
    assert (answer.status_code, says in answer.json()["error"]) == (status, True), answer.text
    assert mixed.client.get("/v2/health/live").status_code == 200


def test_a_compressed_request_of_the_candidates_share_is_answered_by_the_candidate(
    tmp_path_factory: pytest.TempPathFactory, numeric_config: ServerConfig, launch: Callable[..., ServerProcess]
) -> None:
    config = publish(tmp_path_factory.mktemp("encodings"), numeric_table(seed=5), version="8")
    candidate = launch(config, plan=RolloutPlan(rollout="r", role="Candidate"))
    stable = launch(numeric_config)
    candidate.wait_ready()
    stable.wait_ready()
    stable.follow(RolloutPlan(rollout="r", weight=100.0, candidate_url=candidate.url, candidate_version="8"))
    answer = post(stable, gzip.compress(PLAIN), "gzip")
    assert (answer.status_code, answer.headers["x-perennial-version"]) == (200, "8")
    named = stable.client.post(
        "/v2/models/flights/versions/8/infer", content=gzip.compress(PLAIN), headers={"Content-Encoding": "gzip"}
    )
    assert named.json() == answer.json()
