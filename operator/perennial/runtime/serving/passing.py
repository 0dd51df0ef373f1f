"""Requests that name the candidate's version: passed on to it, once, and its answer is returned whatever it is."""

import time
from collections.abc import Awaitable, Callable

from perennial.runtime.serving.errors import DeadlineExceeded, NotReady
from perennial.runtime.serving.exchange import ExchangeError
from perennial.runtime.serving.http import Answer, Receive, Request, error_answer, read_body
from perennial.runtime.serving.metrics import PROTOCOLS, Metrics
from perennial.runtime.serving.served import Served
from perennial.runtime.serving.splitter import Splitter

OTHER = PROTOCOLS.index("other")
_READ = frozenset({"GET", "HEAD", "POST"})


class PassingOn:
    """Paths of the version that the plan in force names; without a rollout there are none."""

    def __init__(self, served: Served, splitter: Splitter, metrics: Metrics) -> None:
        self._splitter = splitter
        self._metrics = metrics
        self._model = served.config.model
        self._settings = served.config.settings

    def handler(self, request: Request) -> Callable[[Request, Receive], Awaitable[Answer]] | None:
        """What answers a path of the candidate's; None for any other path, and for what a splitter sent here."""
        plan = self._splitter.plan
        if request.hop or not plan.candidate_url or not plan.candidate_version or request.method not in _READ:
            return None
        v1, v2 = (f"/{p}/models/{self._model}/versions/{plan.candidate_version}" for p in ("v1", "v2"))
        if request.path != v2 and not request.path.startswith((f"{v2}/", f"{v1}:")):
            return None
        return self._pass_on

    async def _pass_on(self, request: Request, receive: Receive) -> Answer:
        started = time.perf_counter()
        limit, seconds = self._settings.max_request_bytes, self._settings.timeout_seconds
        body = await read_body(request, receive, limit, seconds)
        version = self._splitter.plan.candidate_version
        try:
            answer = await self._splitter.pass_on(request, body, seconds)
        except ExchangeError as error:
            told = f"version '{version}' of model '{self._model}' did not answer: {error}"
            answer = error_answer(DeadlineExceeded(told) if error.timeout else NotReady(told))
        if request.method == "POST":  # the others are counted where every path is
            self._metrics.request(OTHER, answer.status, time.perf_counter() - started)
        return answer
