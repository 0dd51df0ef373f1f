"""The small HTTP port: /healthz and /readyz for the kubelet, /metrics for Prometheus. Nothing about objects."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Problems = Callable[[], list[str]]
"""What is wrong right now, in words; empty when nothing is."""


async def serve_health(port: int, *, alive: Problems, ready: Problems, host: str = "0.0.0.0") -> web.AppRunner:  # noqa: S104
    """Start serving; the caller awaits `cleanup()` of what is returned.

    Args:
        port: TCP port.
        alive: problems that only a restart cures.
        ready: problems that keep the operator from its work.
        host: address to listen on.
    """

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/healthz", _probe(alive))
    app.router.add_get("/readyz", _probe(ready))
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner


def _probe(problems: Problems) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        found = problems()
        return web.Response(status=503 if found else 200, text="\n".join(found or ["ok"]) + "\n")

    return answer
