"""Sends the candidate its share of the requests; whatever goes wrong there is answered by this pod.

The decision (`choose`) is pure arithmetic on a hash; the exchange is `exchange.py`'s, the counting `arms.py`'s.
"""

import asyncio
import hashlib
import random
import time
from typing import NamedTuple

from perennial.api.records.server import HOP_HEADER, SLOTS, RolloutPlan
from perennial.runtime.serving.arms import Arms
from perennial.runtime.serving.exchange import Exchange, ExchangeError, Reply
from perennial.runtime.serving.http import Answer, Request
from perennial.runtime.serving.logs import log
from perennial.runtime.serving.metrics import Metrics

TIME_HEADER = b"x-perennial-time"
"""Answer header on forwarded requests: the candidate's own time in microseconds."""

COLD_HEADER = b"x-perennial-cold"
"""Answer header of a candidate pod's first requests: count them nowhere."""

MAX_MIRRORED = 64
"""Copies under way at once; more are dropped and counted."""

_PASSED_ON = (b"content-type", b"inference-header-content-length", b"content-encoding")
_SHARES = 1 << 26


class Choice(NamedTuple):
    """Where a request goes. `slot` is its hash slot."""

    slot: int
    forward: bool = False
    mirror: bool = False


def choose(plan: RolloutPlan, value: bytes | None, number: int) -> Choice:
    """Where a request goes.

    Args:
        plan: the plan in force.
        value: the sticky header's value, or None.
        number: 32 random bits, used when there is no value.
    """
    bits = number if value is None else _hash(plan.rollout, value)
    slot, position = bits % SLOTS, (bits >> 6) / _SHARES * 100
    if not plan.candidate_url:
        return Choice(slot)
    if position < plan.weight:
        return Choice(slot, forward=True)
    rest = 100 - plan.weight
    return Choice(slot, mirror=bool(rest) and (position - plan.weight) / rest * 100 < plan.mirror)


def _hash(rollout: str, value: bytes) -> int:
    """32 bits, independent from one rollout to the next: a linear hash such as CRC would pick the same users again."""
    digest = hashlib.blake2b(value, digest_size=4, key=hashlib.sha256(rollout.encode()).digest()).digest()
    return int.from_bytes(digest, "little")


class Splitter:
    """Forwards and mirrors by the plan in force."""

    def __init__(self, arms: Arms, metrics: Metrics) -> None:
        self._arms = arms
        self._metrics = metrics
        self._exchange: Exchange | None = None
        self._copies: set[asyncio.Task[Reply | None]] = set()
        self._sticky = b""
        self.plan = RolloutPlan()

    def follow(self, plan: RolloutPlan) -> None:
        """A plan comes into force."""
        if self._exchange is not None and self._exchange.url != plan.candidate_url:
            self._exchange.close()
            self._exchange = None
        if self._exchange is None and plan.candidate_url:
            try:
                self._exchange = Exchange(plan.candidate_url)
            except ValueError as error:
                self._metrics.add("plan_errors")
                log("the rollout plan's address cannot be used; nothing is forwarded", level=40, error=str(error))
        self.plan = plan
        self._sticky = plan.sticky_header.lower().encode()

    def choose(self, sticky: bytes | None, hop: bool) -> Choice:
        """Where a request goes; what another splitter forwarded stays here."""
        choice = choose(self.plan, sticky, random.getrandbits(32))
        return Choice(choice.slot) if hop or self._exchange is None else choice

    async def forward(self, request: Request, body: bytes, slot: int) -> Answer | None:
        """The candidate's answer, counted in its arm.

        None: this pod must answer, which is counted as the candidate's error. An answer with another status than 200:
        the candidate refused the request; ask `judge_refusal` when this pod has looked at it.
        """
        self._metrics.add("forwarded")
        started = time.perf_counter()
        try:
            reply = await self._post(request, body)
        except ExchangeError as error:
            self.fall_back(slot, started, timeout=error.timeout)
            return None
        if reply.status >= 500 or reply.status in (404, 429):
            self.fall_back(slot, started, timeout=reply.status == 504)
            return None
        if reply.status == 200:
            self._count_reply(slot, reply, started)
        return _answer_of(reply, self.plan.candidate_version)

    def judge_refusal(self, slot: int, started: float, *, accepted_here: bool) -> None:
        """The candidate refused a request: its error if this pod accepts it, else the client's fault."""
        if accepted_here:
            self.fall_back(slot, started, timeout=False)
        else:
            self._arms.candidate(slot, time.perf_counter() - started)

    def mirror(self, request: Request, body: bytes, slot: int) -> asyncio.Task[Reply | None] | None:
        """Copy a request to the candidate, whose answer is counted and not used. None: too many are under way."""
        if len(self._copies) >= MAX_MIRRORED:
            self._metrics.add("mirror_dropped")
            return None
        self._metrics.add("mirrored")
        task = asyncio.get_running_loop().create_task(self._copy(request, body, slot))
        self._copies.add(task)
        task.add_done_callback(self._copies.discard)
        return task

    async def _copy(self, request: Request, body: bytes, slot: int) -> Reply | None:
        started = time.perf_counter()
        try:
            reply = await self._post(request, body)
        except ExchangeError as error:
            self._arms.candidate(slot, self._limit(error.timeout, started), error=True, mirrored=True,
                                 timeouts=error.timeout)  # fmt: skip
            return None
        if reply.status >= 500 or reply.status in (404, 429):
            self._arms.candidate(slot, time.perf_counter() - started, error=True, mirrored=True)
            return None
        if reply.status == 200:
            self._count_reply(slot, reply, started, mirrored=True)
        return reply if reply.status == 200 else None

    async def _post(self, request: Request, body: bytes) -> Reply:
        assert self._exchange is not None  # noqa: S101 - `choose` forwards only then
        lines = [b"%s: 1\r\n" % HOP_HEADER.lower().encode()]
        for name, value in request.scope["headers"]:
            if name in _PASSED_ON or (self._sticky and name == self._sticky):
                lines.append(b"%s: %s\r\n" % (name, value))
        path = request.scope["raw_path"]
        return await self._exchange.post(path, b"".join(lines), body, self.plan.candidate_timeout_seconds)

    def _count_reply(self, slot: int, reply: Reply, started: float, *, mirrored: bool = False) -> None:
        stated = reply.headers.get(TIME_HEADER, b"").decode("ascii", "replace")
        self.count(slot, started, stated, cold=COLD_HEADER in reply.headers, mirrored=mirrored)

    def count(self, slot: int, started: float, stated: str, *, cold: bool, mirrored: bool = False) -> None:
        """An answer of the candidate; `stated` is its own time in microseconds, when it told it."""
        if cold:
            self._arms.mark("candidate", ignored=True)
            return
        seconds = int(stated) / 1e6 if stated.isdecimal() else time.perf_counter() - started
        self._arms.candidate(slot, seconds, mirrored=mirrored)

    def fall_back(self, slot: int, started: float, *, timeout: bool) -> None:
        """The candidate failed at its share: this pod answers, and it counts as the candidate's error."""
        self._metrics.add("fallbacks")
        self._arms.candidate(slot, self._limit(timeout, started), error=True, fallbacks=True, timeouts=timeout)

    def _limit(self, timeout: bool, started: float) -> float:
        return self.plan.candidate_timeout_seconds if timeout else time.perf_counter() - started


def _answer_of(reply: Reply, version: str) -> Answer:
    headers = tuple((n, reply.headers[n]) for n in _PASSED_ON if n in reply.headers)
    return Answer(reply.status, reply.body, headers, version.encode())
