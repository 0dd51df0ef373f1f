"""Start, refusal, drain, windows, several workers: a server process from its first to its last second."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from perennial.api.records.run import StoredFile
from perennial.api.records.server import REFUSED_EXIT_CODE, ServerConfig, ServerMonitoring, ServerSettings
from perennial.api.records.window import WindowRecord
from tests.integration.serving.artifacts import numeric_table, publish
from tests.integration.serving.load import BODY, Load
from tests.integration.serving.server import ServerProcess

Launch = Callable[..., ServerProcess]


def windows_of(config: ServerConfig) -> list[WindowRecord]:
    root = Path(config.registry.removeprefix("file://"))
    return [WindowRecord.from_json(f.read_bytes()) for f in root.glob("ns/_windows/uid-1/*/*/*.json")]


def fresh(tmp_path: Path, **changes: object) -> ServerConfig:
    config = publish(tmp_path / "registry", numeric_table())
    return config.model_copy(update=changes)


def test_every_request_of_a_drain_is_answered_and_counted_in_a_window(tmp_path: Path, launch: Launch) -> None:
    server = launch(fresh(tmp_path)).wait_ready()
    with Load(server, clients=4) as load:
        load.wait_for(200)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        load.stop()
    assert load.failures == []
    assert set(load.statuses) == {200}
    assert server.stop() == 0
    windows = windows_of(server.config)
    assert sum(w.rows for w in windows) == load.statuses.total()
    assert all(w.complete for w in windows)


def test_a_draining_server_says_so_and_asks_to_close(tmp_path: Path, launch: Launch) -> None:
    server = launch(fresh(tmp_path)).wait_ready()
    with httpx.Client(base_url=server.url) as client:
        client.get("/v2/health/live")
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        answer = client.post("/v2/models/flights/infer", json=BODY)
        ready = httpx.get(f"{server.url}/v2/health/ready")
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")
    assert (ready.status_code, "shutting down" in ready.json()["error"]) == (503, True)
    assert server.stop() == 0


@pytest.mark.parametrize("which", ["model.skops", "signature.json", "the digest"])
def test_an_artifact_that_was_tampered_with_is_never_ready_and_says_why(
    tmp_path: Path, launch: Launch, which: str
) -> None:
    config = fresh(tmp_path)
    if which == "the digest":
        config = config.model_copy(update={"artifact_digest": "sha256:" + "1" * 64})
    else:
        path = tmp_path / "registry" / "ns" / "flights" / config.files[which].key
        body = bytearray(path.read_bytes())
        body[len(body) // 2] ^= 1
        path.write_bytes(bytes(body))
    server = launch(config)
    assert server.process.wait(90) == REFUSED_EXIT_CODE
    refusal = next(line for line in server.log_lines() if line["message"] == "the artifact is refused")
    assert refusal["reason"] == "DigestMismatch"
    assert (which if which != "the digest" else "1" * 64) in refusal["error"]
    assert not any(line["message"] == "the model is ready" for line in server.log_lines())
    assert json.loads(server.termination_log.read_text())["reason"] == "DigestMismatch"


def test_a_file_that_is_not_there_yet_is_waited_for(tmp_path: Path, launch: Launch) -> None:
    config = fresh(tmp_path)
    path = tmp_path / "registry" / "ns" / "flights" / config.files["signature.json"].key
    hidden = path.rename(path.with_suffix(".hidden"))
    server = launch(config)
    deadline = time.monotonic() + 60
    while True:
        assert time.monotonic() < deadline
        try:
            ready = server.client.get("/v2/health/ready")
        except httpx.TransportError:
            time.sleep(0.1)
            continue
        if "signature.json" in ready.text:
            break
        time.sleep(0.1)
    assert ready.status_code == 503
    assert server.client.get("/v2/health/live").status_code == 200
    infer = server.client.post("/v2/models/flights/infer", json=BODY)
    assert (infer.status_code, infer.headers["retry-after"]) == (503, "2")
    hidden.rename(path)
    server.wait_ready()
    assert server.stop() == 0


def test_workers_share_the_port_the_figures_and_one_window_file(tmp_path: Path, launch: Launch) -> None:
    config = fresh(tmp_path, settings=ServerSettings(workers=2), monitoring=ServerMonitoring(flush_seconds=1.0))
    server = launch(config, grpc=True).wait_ready()
    deadline = time.monotonic() + 60
    while server.metric("perennial_server_ready") < 1:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    with Load(server, clients=8) as load:
        load.wait_for(400)
    total = load.statuses.total()
    assert server.metric("perennial_server_rows_total") == total
    assert server.arms().own.requests == total
    assert server.stop() == 0
    windows = windows_of(config)
    assert len(windows) == 1
    assert (windows[0].rows, windows[0].writers, windows[0].complete) == (total, 1, True)


def test_a_worker_that_dies_is_started_again_and_its_counts_are_kept(tmp_path: Path, launch: Launch) -> None:
    config = fresh(tmp_path, settings=ServerSettings(workers=2), monitoring=ServerMonitoring(flush_seconds=1.0))
    server = launch(config).wait_ready()
    while server.metric("perennial_server_ready") < 1:
        time.sleep(0.1)
    with Load(server, clients=4) as load:
        load.wait_for(100)
    time.sleep(6)  # both workers have shown their counts by then
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    time.sleep(0.2)
    meanwhile = [httpx.post(f"{server.url}/v2/models/flights/infer", json=BODY).status_code for _ in range(30)]
    assert set(meanwhile) == {200}
    deadline = time.monotonic() + 60
    while sum(1 for line in server.log_lines() if line["message"] == "the model is ready") < 3:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert server.arms().own.requests == load.statuses.total() + 30
    assert server.infer([[1, 2, 3, 4]]).status_code == 200
    assert server.stop() == 0
    assert sum(w.rows for w in windows_of(config)) == load.statuses.total() + 31


def test_a_full_queue_sheds_with_retry_after_and_loses_nobody(tmp_path: Path, launch: Launch) -> None:
    config = publish(
        tmp_path / "registry",
        numeric_table(rows=300),
        estimator="sklearn.neighbors.KNeighborsClassifier",
        settings=ServerSettings(queue_size=1, max_batch_rows=1),
    )
    server = launch(config).wait_ready()
    statuses: list[tuple[int, str | None]] = []

    def ask() -> None:
        with httpx.Client(base_url=server.url, timeout=30) as client:
            for _ in range(10):
                values = [[float(i), 1.0, 2.0, 3.0] for i in range(400)]
                tensor = {"name": "x", "shape": [400, 4], "datatype": "FP64", "data": values}
                answer = client.post("/v2/models/flights/infer", json={"inputs": [tensor]})
                statuses.append((answer.status_code, answer.headers.get("retry-after")))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(statuses) == 80
    assert set(statuses) <= {(200, None), (503, "1")}
    assert (503, "1") in statuses
    assert server.metric("perennial_server_shed_total") == sum(1 for s, _ in statuses if s == 503)
    assert server.stop() == 0


def test_log_lines_name_the_object_and_hold_no_values(mixed: ServerProcess) -> None:
    secret = {"carrier": "SECRET-VALUE", "distance": "wrong", "night": None, "at": None}
    assert mixed.client.post("/v1/models/flights:predict", json={"instances": [secret]}).status_code == 400
    lines = mixed.log_lines()
    assert all(line["namespace"] == "ns" and line["model"] == "flights" for line in lines)
    assert "SECRET-VALUE" not in json.dumps(lines)


def test_windows_count_rows_by_column_and_refused_values(mixed: ServerProcess) -> None:
    row = {"carrier": "AA", "distance": 100.0, "night": True, "at": "2026-01-05T00:00:00Z"}
    before = sum(w.rows for w in windows_of(mixed.config))
    for _ in range(5):
        assert mixed.client.post("/v1/models/flights:predict", json={"instances": [row] * 3}).status_code == 200
    assert mixed.client.post("/v1/models/flights:predict", json={"instances": [{**row, "distance": "x"}]}).is_error
    deadline = time.monotonic() + 15
    while sum(w.rows for w in windows_of(mixed.config)) < before + 15:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    counted = windows_of(mixed.config)
    assert sum(sum(w.features["carrier"].counts) for w in counted) == sum(w.rows for w in counted)
    deadline = time.monotonic() + 15
    while not any(w.features["distance"].invalid for w in windows_of(mixed.config)):
        assert time.monotonic() < deadline
        mixed.client.post("/v1/models/flights:predict", json={"instances": [row]})
        time.sleep(0.2)


def test_files_of_a_run_that_are_not_the_model_are_not_fetched(tmp_path: Path, launch: Launch) -> None:
    config = fresh(tmp_path)
    ghost = StoredFile(key="runs/nowhere/report.html", sha256="sha256:" + "0" * 64, bytes=1)
    server = ServerProcess(
        config.model_copy(update={"files": {**config.files, "report.html": ghost}}), tmp_path / "pod"
    )
    server.wait_ready()
    assert server.stop() == 0
