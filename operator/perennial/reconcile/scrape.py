"""Reading a small JSON answer of one of our own pods over HTTP. A pod that does not answer says nothing."""

import asyncio
import urllib.error
import urllib.request

from perennial.reconcile.context import Context

ANSWER_SECONDS = 3.0
LARGEST_ANSWER = 8 * 1024 * 1024


async def scrape(ctx: Context, ip: str, port: int, path: str) -> bytes | None:
    """The body of `GET http://<ip>:<port><path>`, None when there is none to be had."""
    host = f"[{ip}]" if ":" in ip else ip
    return await ctx.storage.run(_get, f"http://{host}:{port}{path}")


async def scrape_all(ctx: Context, ips: list[str], port: int, path: str) -> list[bytes]:
    """The answers of several pods, at once; silent pods are left out."""
    answers = await asyncio.gather(*(scrape(ctx, ip, port, path) for ip in ips))
    return [a for a in answers if a is not None]


def _get(url: str) -> bytes | None:
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:  # noqa: S310  http to a pod's address
            body: bytes = answer.read(LARGEST_ANSWER)
    except (OSError, urllib.error.URLError):
        return None
    return body
