"""A reverse proxy in front of the API server that can be told to misbehave, and that remembers what went through."""

import asyncio
import json
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

Fault = Callable[[str, str], int | None]
"""Method and path to the HTTP status to answer with instead, 0 to cut the connection, None to let it through."""


def no_fault(method: str, path: str) -> int | None:
    """Everything goes through."""
    return None


@dataclass
class Proxy:
    """The running proxy. `fault` may be changed at any time."""

    port: int = 0
    fault: Fault = no_fault
    silent: bool = False  # watches stay open and say nothing
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    _watches: "set[tuple[web.StreamResponse, asyncio.Task[None], str]]" = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        """Where it listens; plain HTTP."""
        return f"http://127.0.0.1:{self.port}"

    def writes(self) -> Counter[tuple[str, str]]:
        """Writes that went through, by method and plural of the resource; Leases left out."""
        seen = ((m, p, s) for m, p, s in list(self.requests) if m != "GET" and "/leases" not in p)
        return Counter((method, path.split("?")[0]) for method, path, _ in seen)

    def watches(self) -> int:
        """How many watches are open."""
        return len(self._watches)

    def cut_watches(self) -> int:
        """Break every open watch; how many there were."""
        return self._on_loop(self._cut())

    def say(self, event: dict[str, object], *, plural: str = "") -> None:
        """Send one event on every open watch, or on those of one kind."""
        self._on_loop(self._say(event, plural))

    def _on_loop(self, work):
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _cut(self) -> int:
        cut = list(self._watches)
        for _, task, _ in cut:
            task.cancel()
        return len(cut)

    async def _say(self, event: dict[str, object], plural: str) -> None:
        for response, _, path in list(self._watches):
            if plural and not path.endswith(f"/{plural}"):
                continue
            await response.write(json.dumps(event).encode() + b"\n")

    async def handle(self, request: web.Request, session: aiohttp.ClientSession, upstream: str) -> web.StreamResponse:
        """Pass one request on, or not."""
        code = self.fault(request.method, request.path_qs)
        if code == 0:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if code is not None:
            self.requests.append((request.method, request.path_qs, code))
            status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "injected"}
            return web.json_response(status, status=code)
        headers = {k: v for k, v in request.headers.items() if k in ("Accept", "Content-Type")}
        url = upstream + request.path_qs
        async with session.request(request.method, url, data=await request.read() or None, headers=headers) as answer:
            self.requests.append((request.method, request.path_qs, answer.status))
            if request.query.get("watch") in ("true", "1"):
                return await self._watch(request, answer)
            body = await answer.read()
            kept = {k: v for k, v in answer.headers.items() if k in ("Content-Type", "Retry-After")}
            return web.Response(status=answer.status, body=body, headers=kept)

    async def _watch(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers={"Content-Type": "application/json"})
        await response.prepare(request)
        pump = asyncio.create_task(self._pump(answer, response))
        entry = (response, pump, request.path)
        self._watches.add(entry)
        try:
            await pump
        except asyncio.CancelledError:
            if request.transport is not None:
                request.transport.close()
        finally:
            self._watches.discard(entry)
            pump.cancel()
        return response

    async def _pump(self, answer: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
        try:
            async for chunk in answer.content.iter_any():
                if not self.silent:
                    await response.write(chunk)
        except (aiohttp.ClientError, ConnectionError):
            return


@contextmanager
def proxy_before(upstream: str, pki: Path) -> Iterator[Proxy]:
    """A proxy before an API server, acting as its administrator."""
    proxy = Proxy()
    loop = asyncio.new_event_loop()
    started = threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        tls.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        connector = aiohttp.TCPConnector(ssl=tls, limit=0)
        no_limit = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(connector=connector, timeout=no_limit) as session:

            async def handler(request: web.Request) -> web.StreamResponse:
                try:
                    return await proxy.handle(request, session, upstream)
                except aiohttp.ClientError as error:
                    return web.Response(status=502, text=str(error))

            app = web.Application(client_max_size=16 * 2**20)
            app.router.add_route("*", "/{path:.*}", handler)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            proxy.port, proxy._loop = runner.addresses[0][1], asyncio.get_running_loop()
            started.set()
            await stop.wait()
            await proxy._cut()
            await runner.cleanup()
        await asyncio.sleep(0.3)  # the transports close in later rounds of the loop

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
