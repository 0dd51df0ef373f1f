"""The allow-list, and what a server that is not Prometheus, hangs or is gone costs."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from perennial.policy.rollout.analysis import Reading
from perennial.reconcile import prometheus
from perennial.reconcile.prometheus import MOST_AT_ONCE, Prometheus, Server, server_of

ONE = {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "0.5"]}]}}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler, prefix: str = "") -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", prefix + "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}{prefix}"
    finally:
        await runner.cleanup()


def answering(body: Any, status: int = 200, **headers: str) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(text=text, status=status, headers=headers)

    return answer


async def ask(handler: Handler) -> Reading:
    async with serving(handler) as address:
        return await Prometheus().at(Server.of(address), "up")


@pytest.mark.parametrize(
    ("handler", "problem"),
    [
        (answering(ONE), ""),
        (answering({"status": "error", "errorType": "bad_data", "error": "parse error"}, 400), "parse error"),
        (answering({"status": "error", "errorType": "timeout", "error": "slow"}, 503), "timeout: slow"),
        (answering("<html>secret words of another server</html>", 404), "answered 404"),
        (answering(ONE, 500), "answered 500"),
        (answering("no JSON"), "not Prometheus'"),
        (answering("[" * 100_000), "not Prometheus'"),
        (answering("x" * 1_000_000), "not Prometheus'"),
        (answering("", 302, Location="http://127.0.0.1:1/api/v1/query"), "answered 302"),
    ],
    ids=["a number", "bad query", "slow query", "another server", "500", "text", "nested", "large", "redirect"],
)
async def test_an_answer_gives_a_number_or_one_reason_and_never_another_servers_words(
    handler: Handler, problem: str
) -> None:
    reading = await ask(handler)
    assert problem in reading.problem
    assert reading.values == ((0.5,) if not problem else ())
    assert "secret" not in reading.problem


async def test_a_query_is_posted_below_the_address_with_its_credentials_and_a_range_has_its_points() -> None:
    got: list[tuple[str, dict[str, str], str]] = []

    async def record(request: web.Request) -> web.Response:
        form = {k: str(v) for k, v in (await request.post()).items()}
        got.append((request.path, form, request.headers.get("Authorization", "")))
        return web.json_response(ONE)

    async with serving(record, "/team/prometheus") as address:
        server = Server.of(address.replace("://", "://scott:p%40ss@"))
        await Prometheus().at(server, "a + b")
        await Prometheus().over(server, "up", 9, 1000.0)
    (path, form, authorization), (range_path, times, _) = got
    assert (path, form["query"]) == ("/team/prometheus/api/v1/query", "a + b")
    assert base64.b64decode(authorization.removeprefix("Basic ")) == b"scott:p@ss"
    assert range_path == "/team/prometheus/api/v1/query_range"
    assert (times["start"], times["end"], times["step"]) == ("880.000", "1000.000", "15")


async def test_credentials_are_told_nowhere() -> None:
    server = Server.of("http://scott:tiger@127.0.0.1:9/p/")
    reading = await Prometheus().at(server, "up")
    shown = f"{server!r} {server} {reading} {server_of(['http://scott:tiger@h'], 'http://other')}"
    assert "127.0.0.1:9/p did not answer" in reading.problem
    assert "tiger" not in shown
    assert "scott" not in shown


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, "http://a:9090"),
        ("http://a:9090", "http://a:9090"),
        ("http://a:9090/", "http://a:9090"),
        ("https://b/prometheus", "https://b/prometheus"),
    ],
)
def test_only_servers_of_the_installation_are_asked_the_first_by_default(wanted: str | None, expected: str) -> None:
    server = server_of(["http://a:9090/", "https://u:p@b/prometheus"], wanted)
    assert isinstance(server, Server)
    assert server.address == expected


@pytest.mark.parametrize(
    "wanted",
    ["http://169.254.169.254", "http://a:9090/api/v1/admin", "http://a:9090@evil", "http://a", "file:///etc/passwd",
     "https://u:p@b/prometheus", "http://A:9090", "http://a:9090#x"],
)  # fmt: skip
def test_any_other_address_is_refused_with_those_that_are_allowed(wanted: str) -> None:
    told = server_of(["http://a:9090/", "https://u:p@b/prometheus"], wanted)
    assert isinstance(told, str)
    assert "http://a:9090, https://b/prometheus" in told
    assert "addresses" in str(server_of([], None))


async def test_a_server_that_hangs_holds_few_looks_for_a_short_time_and_then_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prometheus, "ANSWER_SECONDS", 0.3)
    asked = 0

    async def hang(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        await asyncio.sleep(3)
        return web.json_response(ONE)

    async with serving(hang) as address:
        client, server = Prometheus(), Server.of(address)
        looks = [asyncio.create_task(client.at(server, "up")) for _ in range(50)]
        await asyncio.sleep(0.1)
        at_once = [look.result().problem for look in looks if look.done()]
        assert len(at_once) == 50 - MOST_AT_ONCE
        assert set(at_once) == {"too many queries are under way; it is asked again"}
        held = [(await look).problem for look in looks]
        assert sum("did not answer: TimeoutError" in problem for problem in held) == MOST_AT_ONCE
        assert asked == MOST_AT_ONCE
        assert "did not answer" in (await client.at(server, "up")).problem
        assert asked == MOST_AT_ONCE


async def test_a_server_that_was_gone_is_asked_again_after_a_while_and_its_silence_is_its_own() -> None:
    client, now = Prometheus(), time.monotonic()
    async with serving(answering(ONE)) as address:
        other = Server.of(address)
        gone = Server.of("http://127.0.0.1:9")
        assert "did not answer" in (await client.at(gone, "up")).problem
        assert (await client.at(other, "up")).values == (0.5,)
        client._silent[other.address] = (now + 60, "silent")
        assert (await client.at(other, "up")).problem == "silent"
        client._silent[other.address] = (now - 1, "silent")
        assert (await client.at(other, "up")).values == (0.5,)
