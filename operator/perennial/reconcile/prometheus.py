"""Asking Prometheus over HTTP, so that a server that hangs or is gone costs other objects nothing.

Only servers of the installation's allow-list are asked, redirects are not followed, and what an answer means is
policy/rollout/analysis/prometheus.py's to say. Credentials of an address are sent and never told.
"""

import base64
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit

import aiohttp

from perennial.policy.rollout.analysis import Reading, read_answer

ANSWER_SECONDS = 3.0
MOST_AT_ONCE = 8
"""Of 32 workers (the default) so many can wait for Prometheus at once, for all objects together."""

QUIET_SECONDS = 15.0
"""A server that did not answer is left alone for so long."""

LARGEST_ANSWER = 256 * 1024
SECONDS_APART = 15
"""Between the points of a range."""


@dataclass(frozen=True, slots=True)
class Server:
    """A Prometheus server that may be asked."""

    address: str  # without credentials and without a slash at the end
    authorization: str = field(default="", repr=False)  # the header's value

    @classmethod
    def of(cls, configured: str) -> Self:
        """A server of the allow-list; its address may hold `user:password@`."""
        parts = urlsplit(configured)
        place = parts.netloc.rpartition("@")[2]
        address = f"{parts.scheme}://{place}{parts.path}".rstrip("/")
        if not parts.username:
            return cls(address)
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return cls(address, f"Basic {base64.b64encode(pair.encode()).decode()}")


def server_of(allowed: Iterable[str], wanted: str | None) -> Server | str:
    """The server that a query asks for, or why there is none to ask.

    Args:
        allowed: the installation's addresses; the first is the default.
        wanted: the spec's address, None for the default.
    """
    servers = [Server.of(one) for one in allowed]
    if not servers:
        return "the installation names no Prometheus server: prometheus.addresses of the chart's values is empty"
    if wanted is None:
        return servers[0]
    found = next((one for one in servers if one.address == wanted.rstrip("/")), None)
    known = ", ".join(one.address for one in servers)
    return found or f"the address is not one of those that the installation allows: {known}"


class Prometheus:
    """Sends queries, a bounded number at once. Used from one event loop."""

    def __init__(self) -> None:
        self._under_way = 0
        self._silent: dict[str, tuple[float, str]] = {}  # address → until when it is left alone, and why

    async def at(self, server: Server, query: str) -> Reading:
        """The value of a query now. Never raises."""
        return await self._ask(server, "query", {"query": query})

    async def over(self, server: Server, query: str, points: int, now: float) -> Reading:
        """The last values of a query, `SECONDS_APART` from each other, the newest at `now` (Unix time)."""
        start = now - (points - 1) * SECONDS_APART
        times = {"start": f"{start:.3f}", "end": f"{now:.3f}", "step": str(SECONDS_APART)}
        return await self._ask(server, "query_range", {"query": query, **times})

    async def _ask(self, server: Server, path: str, form: Mapping[str, str]) -> Reading:
        until, why = self._silent.get(server.address, (0.0, ""))
        if time.monotonic() < until:
            return Reading(problem=why)
        if self._under_way >= MOST_AT_ONCE:
            return Reading(problem="too many queries are under way; it is asked again")
        self._under_way += 1
        try:
            reading = await _post(server, path, form)
            self._silent.pop(server.address, None)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            why = f"{server.address} did not answer: {type(error).__name__}"
            self._silent[server.address] = (time.monotonic() + QUIET_SECONDS, why)
            reading = Reading(problem=why)
        finally:
            self._under_way -= 1
        return reading


async def _post(server: Server, path: str, form: Mapping[str, str]) -> Reading:
    """One request. A refusal is quoted only if it is Prometheus' own, for another server's words are nobody's here."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    headers = {"Authorization": server.authorization} if server.authorization else {}
    data = {**form, "timeout": f"{ANSWER_SECONDS:g}s"}
    url = f"{server.address}/api/v1/{path}"
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=False, headers=headers) as session,
        session.post(url, data=data, allow_redirects=False) as answer,
    ):
        body = await _bounded(answer)
        try:
            reading = read_answer(json.loads(body), over=path == "query_range")
        except (ValueError, RecursionError):
            reading = read_answer(None)
        if answer.status == 200 or reading.problem.startswith("the query was refused"):
            return reading
        return Reading(problem=f"{server.address} answered {answer.status}; is it a Prometheus server's address?")


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in answer.content.iter_chunked(65536):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            return b""  # no number takes so much: it is not read on
    return body
