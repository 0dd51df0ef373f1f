"""Credentials are read again before they expire, and at once when they are refused."""

import aiohttp
import pytest
from aiohttp import web

from perennial.kube import access as access_module
from perennial.kube.access import Access, NoAccess, load_access
from perennial.kube.errors import Conflict, Forbidden, NotFound, ServerError, Timeout
from perennial.kube.transport import ATTEMPTS, Transport


class Server:
    """An HTTP server that answers with the codes it is given, and remembers who asked."""

    def __init__(self) -> None:
        self.codes: list[int] = []
        self.seen: list[str | None] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.seen.append(request.headers.get("Authorization"))
        code = self.codes.pop(0) if self.codes else 200
        return web.json_response({"reason": "", "message": "m", "details": {"retryAfterSeconds": 0}}, status=code)


@pytest.fixture
async def server():
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
async def transport(server):
    tokens = iter(range(100))
    transport = Transport(Access(server.url, None, lambda: f"Bearer {next(tokens)}"))
    yield transport
    await transport.close()


async def test_a_token_is_kept_until_it_is_old_or_refused(server, transport, monkeypatch) -> None:
    await transport.json("GET", "/a", "x")
    await transport.json("GET", "/a", "x")
    server.codes = [401]
    with pytest.raises(Forbidden):
        await transport.json("GET", "/a", "x")
    await transport.json("GET", "/a", "x")
    monkeypatch.setattr(access_module, "TOKEN_SECONDS", -1.0)
    await transport.json("GET", "/a", "x")
    assert server.seen == ["Bearer 0", "Bearer 0", "Bearer 0", "Bearer 1", "Bearer 2"]


@pytest.mark.parametrize("code", [429, 500, 503])
async def test_passing_trouble_is_ridden_out_and_lasting_trouble_is_told(server, transport, code: int) -> None:
    server.codes = [code] * (ATTEMPTS - 1)
    await transport.json("GET", "/a", "x")
    server.codes = [code] * ATTEMPTS
    with pytest.raises(ServerError if code != 429 else access_module.KubeError):
        await transport.json("GET", "/a", "x")
    assert len(server.seen) == 2 * ATTEMPTS


@pytest.mark.parametrize(("code", "error"), [(404, NotFound), (409, Conflict)])
async def test_a_clear_answer_is_not_asked_for_again(server, transport, code, error) -> None:
    server.codes = [code]
    with pytest.raises(error):
        await transport.json("GET", "/a", "x")
    assert len(server.seen) == 1


async def test_no_answer_is_a_timeout_that_names_the_request(transport, monkeypatch) -> None:
    transport._access.server = "http://127.0.0.1:9"
    with pytest.raises(Timeout, match="GET /a: no answer"):
        await transport.json("GET", "/a", "x")


async def test_nothing_is_written_once_the_lease_is_lost(server) -> None:
    def lost() -> None:
        raise SystemExit(1)

    transport = Transport(Access(server.url, None, lambda: None), may_write=lost)
    await transport.json("GET", "/a", "x")
    for verb in ("POST", "PATCH", "PUT", "DELETE"):
        with pytest.raises(SystemExit):
            await transport.json(verb, "/a", "x", body={})
    await transport.close()
    assert len(server.seen) == 1


def test_without_any_credentials_it_says_what_to_set(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(NoAccess, match="set KUBECONFIG"):
        load_access()


async def test_sessions_are_independent_so_that_closing_one_leaves_the_others(server) -> None:
    access = Access(server.url, None, lambda: None)
    first, second = access.session(), access.session()
    await first.close()
    async with second.get(server.url + "/a") as answer:
        assert answer.status == 200
    await second.close()
    assert isinstance(first, aiohttp.ClientSession)
