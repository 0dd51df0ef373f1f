"""Hostile requests: the right refusal each, no server error, no hang, good requests unharmed."""

import os
import socket
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from perennial.api.records.server import ServerConfig
from tests.integration.serving.hostile import GOOD, requests, send
from tests.integration.serving.load import BODY, Load
from tests.integration.serving.server import ServerProcess

SOAK = os.environ.get("PERENNIAL_SOAK") == "1"
REQUESTS = 10_000 if SOAK else 300


def resident(server: ServerProcess) -> int:
    """Bytes of memory."""
    pages = Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def test_mutated_requests_get_a_refusal_and_never_a_server_error(
    numeric_config: ServerConfig, launch: Callable[..., ServerProcess]
) -> None:
    server = launch(numeric_config).wait_ready()
    for request in requests(1, 100):
        send(server.port, request)
    before = resident(server)
    seen: Counter[int] = Counter()
    with Load(server, clients=2) as load:
        load.wait_for(20)
        for request in requests(2, REQUESTS):
            outcome = send(server.port, request)
            seen[outcome.status] += 1
            assert outcome.status < 500, (outcome.sent[:300], outcome.body[:300])
            assert outcome.status != 0, outcome.sent[:300]
            assert b"Traceback" not in outcome.body
    assert load.failures == []
    assert set(load.statuses) == {200}
    assert seen[400] > REQUESTS // 3
    assert resident(server) - before < 40 * 1024 * 1024
    assert not any("exception" in line for line in server.log_lines())


def test_a_slow_head_is_closed_and_others_are_served(numeric: ServerProcess) -> None:
    with socket.create_connection(("127.0.0.1", numeric.port), timeout=30) as slow:
        slow.sendall(b"POST /v2/models/flights/infer HTTP/1.1\r\nhost:")
        started = time.monotonic()
        assert numeric.client.post("/v2/models/flights/infer", json=BODY).status_code == 200
        assert b" 408 " in slow.recv(4096)
        assert time.monotonic() - started < 25


def test_a_client_that_is_refused_early_can_finish_sending(numeric: ServerProcess) -> None:
    with socket.create_connection(("127.0.0.1", numeric.port), timeout=30) as sock:
        sock.sendall(b"GET /v2/models/flights\x7f HTTP/1.1\r\nhost: h\r\n")
        assert sock.recv(4096, socket.MSG_PEEK).startswith(b"HTTP/1.1 400 ")
        for _ in range(20):  # a reset answers what comes to a closed socket, and the next write fails
            sock.sendall(b"x: " + b"y" * 65_536 + b"\r\n")
        sock.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: sock.recv(65536), b""))
    assert received.count(b"HTTP/1.1 400 ") == 1


def test_a_refused_client_that_stays_is_closed(numeric: ServerProcess) -> None:
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", numeric.port), timeout=30) as sock:
        sock.sendall(b"bad\r\n\r\n")
        while sock.recv(4096):  # ends when the server has ended its side
            pass
        while not _is_reset(sock):
            assert time.monotonic() - started < 60
            time.sleep(0.1)


def _is_reset(sock: socket.socket) -> bool:
    """Whether the other side has given the connection up."""
    try:
        sock.sendall(b"more")
    except (ConnectionResetError, BrokenPipeError):
        return True
    return False


def test_a_good_request_before_a_bad_one_gets_its_answer_first(numeric: ServerProcess) -> None:
    head = b"POST /v2/models/flights/infer HTTP/1.1\r\nhost: h\r\ncontent-length: %d\r\n\r\n" % len(GOOD)
    for last in (b"bad\r\n\r\n", head + GOOD[:-1], head[:-3]):
        outcome = send(numeric.port, head + GOOD + last)
        assert outcome.status == 200
        assert outcome.body.count(b"HTTP/1.1 400 ") == 1


def test_a_slow_body_is_408_after_the_time_limit(mixed: ServerProcess) -> None:
    with socket.create_connection(("127.0.0.1", mixed.port), timeout=30) as slow:
        slow.sendall(b"POST /v2/models/flights/infer HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\n\r\n{")
        assert b" 408 " in slow.recv(4096)


def test_a_body_of_many_megabytes_is_refused_without_being_kept(mixed: ServerProcess) -> None:
    before = resident(mixed)
    size = 100 * 1024 * 1024
    answer = mixed.client.post("/v2/models/flights/infer", content=(b" " * 65536 for _ in range(size // 65536)))
    assert answer.status_code == 413
    assert resident(mixed) - before < 30 * 1024 * 1024


@pytest.mark.parametrize("part", [1, 7, 64])
def test_a_request_in_small_parts_is_answered(numeric: ServerProcess, part: int) -> None:
    request = b"POST /v2/models/flights/infer HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
    whole = request % len(GOOD) + GOOD
    with socket.create_connection(("127.0.0.1", numeric.port), timeout=30) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(whole), part):
            sock.sendall(whole[start : start + part])
        assert sock.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_pipelined_requests_are_answered_in_order(numeric: ServerProcess) -> None:
    bodies = [GOOD[:-1] + b',"id":"%d"}' % i for i in range(5)]
    head = b"POST /v2/models/flights/infer HTTP/1.1\r\nhost: h\r\ncontent-length: %d\r\n\r\n"
    received = b""
    with socket.create_connection(("127.0.0.1", numeric.port), timeout=30) as sock:
        sock.sendall(b"".join(head % len(body) + body for body in bodies))
        while received.count(b'"id":"') < 5:
            received += sock.recv(65536)
    assert [received.index(b'"id":"%d"' % i) for i in range(5)] == sorted(
        received.index(b'"id":"%d"' % i) for i in range(5)
    )
