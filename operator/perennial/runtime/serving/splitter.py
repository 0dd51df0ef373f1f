"""Sends the candidate its share of the requests; whatever goes wrong there is answered by this pod.

The decision is `choice.py`'s, the exchange `exchange.py`'s, the counting `arms.py`'s; `patience.py` says how long a
client waits.
"""

import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from perennial.api.records.server import HOP_HEADER, RolloutPlan
from perennial.runtime.serving.arms import Arms
from perennial.runtime.serving.choice import Choice, choose
from perennial.runtime.serving.copying import Copies, Copy
from perennial.runtime.serving.exchange import Exchange, ExchangeError, Reply
from perennial.runtime.serving.forwarding import Forwarded, Forwarding
from perennial.runtime.serving.http import Answer, Request
from perennial.runtime.serving.logs import log
from perennial.runtime.serving.metrics import Metrics
from perennial.runtime.serving.patience import Patience
from perennial.runtime.serving.told import Told

TIME_HEADER = b"x-perennial-time"
"""Answer header on forwarded requests: the candidate's own time in microseconds."""

COLD_HEADER = b"x-perennial-cold"
"""Answer header of a candidate pod's first requests: count them nowhere."""

_PASSED_ON = (b"content-type", b"inference-header-content-length")
_PASSED_BACK = (*_PASSED_ON, b"retry-after", b"allow")


class Splitter:
    """Forwards and copies by the plan in force.

    Args:
        arms: where both versions are counted.
        metrics: of this worker.
        timeout: longest time for one request here, in seconds.
    """

    def __init__(self, arms: Arms, metrics: Metrics, timeout: float) -> None:
        self._arms = arms
        self.patience = Patience(timeout)
        self._forwarding = Forwarding(self.patience)
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

    async def forward[A](self, ask: Awaitable[Told[A]], slot: int) -> Forwarded[A]:
        """The candidate's share: its answer, if it comes while a client waits. It is counted in its arm either way."""
        self._metrics.add("forwarded")
        return await self._forwarding.forward(ask, partial(self._count_forwarded, self.plan.rollout, slot))

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
        failed = told.answer is None and (accepted_here or not told.refused)
        self._count(slot, seconds, told, failed, mirrored=True)

    def _count_forwarded(
        self, rollout: str, slot: int, seconds: float, told: Told[Any], *, accepted: bool, late: bool
    ) -> None:
        """What came of a request of the candidate's share. Where this pod had to answer what it accepts, it failed,
        unless its answer was only later than the client's patience: that it may be, up to its limit."""
        failed = told.answer is None and (accepted or not told.refused)
        if failed or late:
            self._metrics.add("fallbacks")
        if rollout == self.plan.rollout:  # an answer that comes after the end of its rollout is counted nowhere
            self._count(slot, seconds, told, failed, fallbacks=failed or late)

    def _count(self, slot: int, seconds: float, told: Told[Any], failed: bool, **totals: bool) -> None:
        if told.cold:
            self._arms.mark("candidate", ignored=True)
            return
        own = int(told.stated) / 1e6 if told.stated.isdecimal() else seconds
        limit = self.plan.candidate_timeout_seconds if told.timeout else own
        self._arms.candidate(slot, limit, error=failed, timeouts=told.timeout, **totals)
