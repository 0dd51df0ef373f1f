"""Requests that name a version during a rollout: answered by that version and no other, forwarded at most once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from perennial.api.records.server import RolloutPlan, ServerConfig
from tests.integration.serving.artifacts import numeric_table, publish
from tests.integration.serving.load import BODY
from tests.integration.serving.server import ServerProcess, free_port

V1_BODY = {"instances": [[0.1, 0.2, 0.3, 0.4]]}
MODEL = "/v2/models/flights"


@pytest.fixture(scope="module")
def stable(numeric_config: ServerConfig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Version 7; every unversioned request of it goes to version 8."""
    folder = tmp_path_factory.mktemp("versions")
    config = publish(folder / "registry", numeric_table(seed=5), version="8")
    candidate = ServerProcess(config, folder / "candidate", plan=RolloutPlan(rollout="r", role="Candidate"))
    server = ServerProcess(numeric_config, folder / "stable")
    candidate.wait_ready()
    server.wait_ready()
    server.follow(RolloutPlan(rollout="r", weight=100.0, candidate_url=candidate.url, candidate_version="8"))
    yield server
    server.stop()
    candidate.stop()


def test_a_named_version_is_the_one_that_answers_whatever_the_weight(stable: ServerProcess) -> None:
    answered = {
        path: stable.client.post(f"{MODEL}{path}", json=BODY).headers["x-perennial-version"]
        for path in ("/infer", "/versions/7/infer", "/versions/8/infer")
    }
    assert answered == {"/infer": "8", "/versions/7/infer": "7", "/versions/8/infer": "8"}
    v1 = {v: stable.client.post(f"/v1/models/flights/versions/{v}:predict", json=V1_BODY) for v in ("7", "8")}
    assert {v: (a.status_code, a.headers["x-perennial-version"]) for v, a in v1.items()} == {
        "7": (200, "7"),
        "8": (200, "8"),
    }


def test_metadata_and_readiness_of_the_candidates_version_are_its_own(stable: ServerProcess) -> None:
    assert stable.client.get(f"{MODEL}/versions/8").json()["versions"] == ["8"]
    assert stable.client.get(f"{MODEL}/versions/7").json()["versions"] == ["7"]
    assert stable.client.get(f"{MODEL}/versions/8/ready").status_code == 200
    assert stable.client.head(f"{MODEL}/versions/8").status_code == 200


def test_requests_that_name_a_version_are_in_no_arm_but_that_of_the_one_that_answers_for_itself(
    stable: ServerProcess,
) -> None:
    before = stable.arms()
    for version in ("7", "7", "8"):
        stable.client.post(f"{MODEL}/versions/{version}/infer", json=BODY)
    after = stable.arms()
    assert after.own.requests == before.own.requests + 2
    assert after.candidate == before.candidate


def test_the_candidates_own_refusal_reaches_the_client(stable: ServerProcess) -> None:
    refused = stable.client.post(f"{MODEL}/versions/8/infer", json={"inputs": []})
    assert (refused.status_code, refused.headers["x-perennial-version"]) == (400, "8")
    assert "error" in refused.json()


@pytest.mark.parametrize("path", ["/versions/9/infer", "/versions/80/infer", "/versions/8x"])
def test_a_version_that_nobody_serves_is_not_found(stable: ServerProcess, path: str) -> None:
    assert stable.client.post(f"{MODEL}{path}", json=BODY).status_code == 404


def test_what_was_forwarded_once_is_not_forwarded_again(stable: ServerProcess) -> None:
    answer = stable.client.post(f"{MODEL}/versions/8/infer", json=BODY, headers={"X-Perennial-Hop": "1"})
    assert answer.status_code == 404
    assert "expected '7'" in answer.json()["error"]


def test_a_candidate_that_does_not_answer_is_unavailable_and_without_a_rollout_there_is_no_such_version(
    tmp_path: Path, numeric_config: ServerConfig
) -> None:
    server = ServerProcess(numeric_config, tmp_path / "alone").wait_ready()
    try:
        assert server.client.post(f"{MODEL}/versions/8/infer", json=BODY).status_code == 404
        gone = f"http://127.0.0.1:{free_port()}"
        server.follow(RolloutPlan(rollout="gone", candidate_url=gone, candidate_version="8"))
        answer = server.client.post(f"{MODEL}/versions/8/infer", json=BODY)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert "version '8' of model 'flights' did not answer" in answer.json()["error"]
    finally:
        server.stop()
