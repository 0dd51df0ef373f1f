"""The stable server as splitter: shares, stickiness, fallback, shadow, and plans that change or break."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from perennial.api.records.arms import ArmCounts
from perennial.api.records.server import RolloutPlan, ServerConfig
from tests.integration.serving.artifacts import numeric_table, publish
from tests.integration.serving.load import BODY, Load
from tests.integration.serving.server import ServerProcess, free_port

CANDIDATE_ROLE = RolloutPlan(rollout="r-0", role="Candidate")


@pytest.fixture(scope="module")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Version 8: trained on other rows."""
    config = publish(tmp_path_factory.mktemp("candidate-registry"), numeric_table(seed=5), version="8")
    server = ServerProcess(config, tmp_path_factory.mktemp("candidate"), plan=CANDIDATE_ROLE, grpc=True)
    yield server.wait_ready()
    server.stop()


@pytest.fixture(scope="module")
def stable(numeric_config: ServerConfig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Version 7, without a plan at first."""
    server = ServerProcess(numeric_config, tmp_path_factory.mktemp("stable"), grpc=True)
    yield server.wait_ready()
    server.stop()


def tell(stable: ServerProcess, plan: RolloutPlan) -> None:
    """Change the plan and wait until it is in force."""
    stable.follow(plan)


def plan_for(candidate: ServerProcess, rollout: str, **changes: object) -> RolloutPlan:
    facts = {
        "rollout": rollout,
        "candidate_url": candidate.url,
        "candidate_grpc": f"127.0.0.1:{candidate.grpc_port}",
        "candidate_version": "8",
    }
    return RolloutPlan.model_validate({**facts, **changes})


def test_weight_is_the_candidates_share_and_both_arms_add_up(stable: ServerProcess, candidate: ServerProcess) -> None:
    candidate.tell(CANDIDATE_ROLE)
    tell(stable, plan_for(candidate, "share", weight=30.0))
    with Load(stable) as load:
        load.wait_for(1500)
    assert load.failures == []
    assert set(load.statuses) == {200}
    share = load.versions["8"] / load.statuses.total()
    assert 0.25 < share < 0.35  # 4.2 standard deviations at 1,500
    report = stable.arms()
    assert report.candidate is not None
    assert report.own.requests == load.versions["7"]
    assert report.candidate.requests + report.candidate.ignored == load.versions["8"]
    assert report.candidate.errors == 0
    assert sum(report.own.latency.values()) == report.own.requests
    assert sum(slot.requests for slot in report.own.slots.values()) == report.own.requests
    assert sum(report.own.predictions["1"].counts) == report.own.requests


def test_weight_100_and_0_leave_nothing_to_the_other(stable: ServerProcess, candidate: ServerProcess) -> None:
    for weight, version in ((100.0, "8"), (0.0, "7")):
        tell(stable, plan_for(candidate, f"all-{weight}", weight=weight))
        answers = [stable.client.post("/v2/models/flights/infer", json=BODY) for _ in range(30)]
        assert {a.headers["x-perennial-version"] for a in answers} == {version}
        assert {a.json()["model_version"] for a in answers} == {version}


def test_the_same_header_value_always_meets_the_same_version(stable: ServerProcess, candidate: ServerProcess) -> None:
    tell(stable, plan_for(candidate, "sticky", weight=50.0, stickyHeader="X-User"))
    by_user = {}
    for user in [f"user-{i}" for i in range(40)]:
        answers = [
            stable.client.post("/v2/models/flights/infer", json=BODY, headers={"x-user": user}) for _ in range(3)
        ]
        versions = {a.headers["x-perennial-version"] for a in answers}
        assert len(versions) == 1
        by_user[user] = versions.pop()
    assert 8 <= list(by_user.values()).count("8") <= 32


def test_a_forwarded_request_is_never_forwarded_again(stable: ServerProcess, candidate: ServerProcess) -> None:
    tell(stable, plan_for(candidate, "hop", weight=100.0))
    answer = stable.client.post("/v2/models/flights/infer", json=BODY, headers={"X-Perennial-Hop": "1"})
    assert answer.headers["x-perennial-version"] == "7"


def test_a_candidate_that_is_gone_costs_no_request(stable: ServerProcess) -> None:
    plan = RolloutPlan(
        rollout="gone", weight=50.0, candidate_url=f"http://127.0.0.1:{free_port()}", candidate_version="8"
    )
    tell(stable, plan)
    with Load(stable) as load:
        load.wait_for(400)
    assert (load.failures, set(load.statuses), set(load.versions)) == ([], {200}, {"7"})
    report = stable.arms()
    assert report.candidate is not None
    assert report.candidate.errors == report.candidate.fallbacks > 100
    assert report.own.errors == 0


def test_a_candidate_that_hangs_is_answered_for_after_its_limit(stable: ServerProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        plan = RolloutPlan(
            rollout="hangs",
            weight=100.0,
            candidate_url=f"http://127.0.0.1:{silent.getsockname()[1]}",
            candidate_version="8",
            candidate_timeout_seconds=0.3,
        )
        tell(stable, plan)
        started = time.monotonic()
        answer = stable.client.post("/v2/models/flights/infer", json=BODY)
    assert (answer.status_code, answer.headers["x-perennial-version"]) == (200, "7")
    assert 0.3 <= time.monotonic() - started < 5
    report = stable.arms()
    assert report.candidate is not None
    assert (report.candidate.timeouts, report.candidate.errors) == (1, 1)


def test_a_candidate_slower_than_a_clients_patience_is_answered_for_and_no_error_if_it_answers_within_its_limit(
    stable: ServerProcess,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as slow:
        url = f"http://127.0.0.1:{slow.getsockname()[1]}"
        tell(stable, RolloutPlan(rollout="slow", weight=100.0, candidate_url=url, candidate_version="8"))
        answer = stable.client.post("/v2/models/flights/infer", json=BODY)
        assert (answer.status_code, answer.headers["x-perennial-version"]) == (200, "7")
        before = stable.arms().candidate
        assert before is not None
        assert (before.requests, before.errors) == (0, 0), "it may still answer"
        connection, _ = slow.accept()
        with connection:
            assert connection.recv(65536).startswith(b"POST /v2/models/flights/infer")
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
            deadline = time.monotonic() + 20
            while (met := stable.arms().candidate) is None or not met.requests:
                assert time.monotonic() < deadline, met
                time.sleep(0.05)
    assert (met.requests, met.errors, met.timeouts, met.fallbacks) == (1, 0, 0, 1)


def test_a_clients_mistake_is_nobodys_error(stable: ServerProcess, candidate: ServerProcess) -> None:
    tell(stable, plan_for(candidate, "mistake", weight=100.0))
    answer = stable.client.post("/v2/models/flights/infer", json={"inputs": []})
    assert answer.status_code == 400
    report = stable.arms()
    assert report.candidate is not None
    assert (report.candidate.errors, report.candidate.fallbacks, report.own.errors) == (0, 0, 0)


def test_shadow_answers_are_stables_and_pairs_are_compared(stable: ServerProcess, candidate: ServerProcess) -> None:
    tell(stable, plan_for(candidate, "shadow", mirror=100.0, shadow=True))
    asked = {**BODY, "outputs": [{"name": "predict"}, {"name": "predict_proba"}]}
    answers = [stable.client.post("/v2/models/flights/infer", json=asked) for _ in range(60)]
    assert {a.headers["x-perennial-version"] for a in answers} == {"7"}
    deadline = time.monotonic() + 5
    while (report := stable.arms()).shadow is None or report.shadow.pairs < 60:
        assert time.monotonic() < deadline, report.shadow
        time.sleep(0.05)
    assert report.candidate is not None
    assert report.candidate.mirrored + report.candidate.ignored == 60
    assert report.shadow.rows == 60
    assert report.shadow.absolute > 0  # two models are never quite alike
    assert report.own.requests == 60


def test_a_plan_that_cannot_be_read_changes_nothing_but_a_metric(
    stable: ServerProcess, candidate: ServerProcess
) -> None:
    tell(stable, plan_for(candidate, "good", weight=100.0))
    before = stable.metric("perennial_server_plan_errors_total")
    for broken in (b"{", b'{"rollout": "bad", "weight": 900}', b""):
        stable.tell(broken)
        time.sleep(0.7)
    assert stable.metric("perennial_server_plan_errors_total") == before + 3
    assert stable.arms().rollout == "good"
    assert stable.client.post("/v2/models/flights/infer", json=BODY).headers["x-perennial-version"] == "8"


def test_a_candidates_first_requests_are_in_no_figure_once_in_its_life(tmp_path: Path) -> None:
    config = publish(tmp_path / "registry", numeric_table(seed=5), version="8")
    fresh = ServerProcess(config, tmp_path / "fresh", plan=CANDIDATE_ROLE).wait_ready()
    try:
        counted = []
        for rollout in ("first step", "second step"):
            fresh.follow(RolloutPlan(rollout=rollout, role="Candidate"))
            for _ in range(60):
                fresh.client.post("/v2/models/flights/infer", json=BODY)
            own = fresh.arms().own
            counted.append((own.ignored, own.requests, sum(own.predictions["1"].counts)))
    finally:
        fresh.stop()
    assert counted == [(50, 10, 10), (0, 60, 60)]


def test_a_copy_that_the_candidate_alone_refuses_is_its_error(stable: ServerProcess, tmp_path: Path) -> None:
    other = ServerProcess(publish(tmp_path / "registry", numeric_table(columns=5), version="8"), tmp_path / "other")
    other.wait_ready()
    try:
        tell(stable, plan_for(other, "refuses copies", mirror=100.0))
        for body in [BODY] * 5 + [{"inputs": []}] * 3:
            stable.client.post("/v2/models/flights/infer", json=body)
        met = counted_copies(stable, 8)
    finally:
        other.stop()
    assert (met.requests, met.errors, met.mirrored, met.fallbacks) == (8, 5, 8, 0)


def counted_copies(stable: ServerProcess, many: int) -> ArmCounts:
    """The candidate's arm once so many copies have been counted."""
    deadline = time.monotonic() + 10
    while (met := stable.arms().candidate) is None or met.mirrored + met.ignored < many:
        assert time.monotonic() < deadline, met
        time.sleep(0.05)
    return met
