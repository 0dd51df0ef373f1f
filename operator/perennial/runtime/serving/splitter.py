"""Sends the candidate its share of the requests; whatever goes wrong there is answered by this pod.

The decision (`choose`) is pure arithmetic on a hash; the exchange is `exchange.py`'s, the counting `arms.py`'s.
"""

import hashlib
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from perennial.api.records.server import HOP_HEADER, SLOTS, RolloutPlan
from perennial.runtime.serving.arms import Arms
from perennial.runtime.serving.copying import Copies, Copy
from perennial.runtime.serving.exchange import Exchange, ExchangeError, Reply
from perennial.runtime.serving.http import Answer, Request
from perennial.runtime.serving.logs import log
from perennial.runtime.serving.metrics import Metrics
from perennial.runtime.serving.told import Told

TIME_HEADER = b"x-perennial-time"
"""Answer header on forwarded requests: the candidate's own time in microseconds."""

COLD_HEADER = b"x-perennial-cold"
"""Answer header of a candidate pod's first requests: count them nowhere."""

_PASSED_ON = (b"content-type", b"inference-header-content-length")
_PASSED_BACK = (*_PASSED_ON, b"retry-after", b"allow")
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
    """Forwards and copies by the plan in force."""

    def __init__(self, arms: Arms, metrics: Metrics) -> None:
        self._arms = arms
        self._metrics = metrics
        self._exchange: Exchange | None = None
        self._copies = Copies(metrics, self._count_copy)
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

    def choose(self, sticky: bytes | None, stays: bool) -> Choice:
        """Where a request goes.

        Args:
            sticky: value of the sticky header.
            stays: it is for this pod: another splitter forwarded it, or it names this version.
        """
        choice = choose(self.plan, sticky, random.getrandbits(32))
        return Choice(choice.slot) if stays or self._exchange is None else choice

    async def forward[A](self, ask: Awaitable[Told[A]], slot: int) -> Told[A]:
        """The candidate's share: its answer, counted in its arm.

        No answer: this pod must answer. Where the candidate refused the request, call `judge_refusal` when this pod
        has looked at it; else it is counted as the candidate's error.
        """
        self._metrics.add("forwarded")
        started = time.perf_counter()
        told = await ask
        if told.answer is not None:
            self._count(slot, time.perf_counter() - started, told)
        elif not told.refused:
            self._fall_back(slot, time.perf_counter() - started, timeout=told.timeout)
        return told

    def judge_refusal(self, slot: int, seconds: float, *, accepted_here: bool) -> None:
        """The candidate refused a request: its error if this pod accepts it, else the client's fault."""
        if accepted_here:
            self._fall_back(slot, seconds, timeout=False)
        else:
            self._arms.candidate(slot, seconds)

    def copy[A](self, ask: Callable[[], Awaitable[Told[A]]], slot: int) -> Copy[A] | None:
        """Copy a request to the candidate, whose answer is counted and not used. None: too many are under way."""
        return self._copies.copy(ask, slot)

    async def ask(self, request: Request, body: bytes) -> Told[Reply]:
        """What the candidate tells to a request. Counts nothing."""
        try:
            reply = await self._send(b"POST", request, body, self.plan.candidate_timeout_seconds)
        except ExchangeError as error:
            return Told(timeout=error.timeout)
        if reply.status == 200:
            stated = reply.headers.get(TIME_HEADER, b"").decode("ascii", "replace")
            return Told(reply, cold=COLD_HEADER in reply.headers, stated=stated)
        faulty = reply.status >= 500 or reply.status in (404, 429)
        return Told(refused=not faulty, timeout=reply.status == 504)

    async def pass_on(self, request: Request, body: bytes, seconds: float) -> Answer:
        """A request that is for the candidate alone: its answer, whatever it is. In no arm: such clients chose it.

        Raises:
            ExchangeError: no answer.
        """
        method = b"POST" if request.method == "POST" else b"GET"
        return self.answer_of(await self._send(method, request, body, seconds))

    def answer_of(self, reply: Reply) -> Answer:
        """The candidate's answer as this pod sends it."""
        headers = tuple((n, reply.headers[n]) for n in _PASSED_BACK if n in reply.headers)
        return Answer(reply.status, reply.body, headers, self.plan.candidate_version.encode())

    async def _send(self, method: bytes, request: Request, body: bytes, seconds: float) -> Reply:
        if self._exchange is None:
            raise ExchangeError("the rollout is over")
        lines = [b"%s: 1\r\n" % HOP_HEADER.lower().encode()]
        for name, value in request.scope["headers"]:
            if name in _PASSED_ON or (self._sticky and name == self._sticky):
                lines.append(b"%s: %s\r\n" % (name, value))
        return await self._exchange.send(method, request.scope["raw_path"], b"".join(lines), body, seconds)

    def _count_copy(self, slot: int, seconds: float, told: Told[Any], accepted_here: bool) -> None:
        if told.answer is not None:
            self._count(slot, seconds, told, mirrored=True)
            return
        failed = accepted_here or not told.refused
        limit = self._limit(told.timeout, seconds)
        self._arms.candidate(slot, limit, error=failed, mirrored=True, timeouts=told.timeout)

    def _count(self, slot: int, seconds: float, told: Told[Any], *, mirrored: bool = False) -> None:
        if told.cold:
            self._arms.mark("candidate", ignored=True)
            return
        own = int(told.stated) / 1e6 if told.stated.isdecimal() else seconds
        self._arms.candidate(slot, own, mirrored=mirrored)

    def _fall_back(self, slot: int, seconds: float, *, timeout: bool) -> None:
        """The candidate failed at its share: this pod answers, and it counts as the candidate's error."""
        self._metrics.add("fallbacks")
        self._arms.candidate(slot, self._limit(timeout, seconds), error=True, fallbacks=True, timeouts=timeout)

    def _limit(self, timeout: bool, seconds: float) -> float:
        return self.plan.candidate_timeout_seconds if timeout else seconds
