"""From an inference request to its answer: split, parse, queue, predict, encode, count. The same for V1 and V2."""

import time
from collections.abc import Callable

from perennial.runtime.serving import v1, v2
from perennial.runtime.serving.arms import Arms
from perennial.runtime.serving.batching import Batcher, Outputs
from perennial.runtime.serving.choice import Choice
from perennial.runtime.serving.errors import DeadlineExceeded, Overloaded, RequestError
from perennial.runtime.serving.http import JSON, Answer, Disconnected, Receive, Request, error_answer, read_body
from perennial.runtime.serving.metrics import PROTOCOLS, Metrics
from perennial.runtime.serving.served import Served
from perennial.runtime.serving.shadow import Comparison, v1_outputs, v2_outputs
from perennial.runtime.serving.splitter import COLD_HEADER, TIME_HEADER, Splitter
from perennial.runtime.serving.v2 import Asked

V1, V2 = PROTOCOLS.index("v1"), PROTOCOLS.index("v2")
_BINARY = (b"content-type", b"application/octet-stream")
_JSON_HEADERS = (JSON,)
_OUTPUTS = {V1: v1_outputs, V2: v2_outputs}


class Inference:
    """Handlers of inference requests."""

    def __init__(self, served: Served, batcher: Batcher, splitter: Splitter, arms: Arms, metrics: Metrics) -> None:
        self._served = served
        self._batcher = batcher
        self._splitter = splitter
        self._arms = arms
        self._metrics = metrics
        self._settings = served.config.settings
        self.on_refused: Callable[[RequestError], None] = lambda error: None

    async def v2(self, request: Request, receive: Receive) -> Answer:
        """POST /v2/models/<name>/infer."""
        return await self._handle(V2, request, receive)

    async def v1(self, request: Request, receive: Receive) -> Answer:
        """POST /v1/models/<name>:predict."""
        return await self._handle(V1, request, receive)

    async def v2_here(self, request: Request, receive: Receive) -> Answer:
        """POST /v2/models/<name>/versions/<this one>/infer: no other version answers what names this one."""
        request.pinned = True
        return await self._handle(V2, request, receive)

    async def v1_here(self, request: Request, receive: Receive) -> Answer:
        """POST /v1/models/<name>/versions/<this one>:predict."""
        request.pinned = True
        return await self._handle(V1, request, receive)

    async def _handle(self, protocol: int, request: Request, receive: Receive) -> Answer:
        started = time.perf_counter()
        status = 499
        try:
            body = await read_body(request, receive, self._settings.max_request_bytes, self._settings.timeout_seconds)
            answer = await self._answer(protocol, request, body)
            status = answer.status
        except RequestError as error:
            self.on_refused(error)
            answer = error_answer(error)
            status = answer.status
        except Disconnected:
            raise
        finally:
            self._metrics.request(protocol, status, time.perf_counter() - started)
        return answer

    async def _answer(self, protocol: int, request: Request, body: bytes) -> Answer:
        splitter = self._splitter
        choice = splitter.choose(request.sticky, request.hop or request.pinned)
        if choice.forward:
            return await self._candidate_or_local(protocol, request, body, choice)
        if not choice.mirror:
            return (await self._local(protocol, request, body, choice))[0]
        copy = splitter.copy(lambda: splitter.ask(request, body), choice.slot)
        accepted = False
        try:
            answer, outputs = await self._local(protocol, request, body, choice)
            accepted = True
        finally:
            if copy is not None:
                copy.settle(accepted=accepted)
        if copy is not None and splitter.plan.shadow:
            Comparison(self._arms, self._served.signature, _OUTPUTS[protocol]).when_done(copy.task, outputs)
        return answer

    async def _candidate_or_local(self, protocol: int, request: Request, body: bytes, choice: Choice) -> Answer:
        """The candidate's share: a bad candidate costs time at most, never an error."""
        forwarded = await self._splitter.forward(self._splitter.ask(request, body), choice.slot)
        if forwarded.answer is not None:
            return self._splitter.answer_of(forwarded.answer)
        accepted = False
        try:
            own, _ = await self._local(protocol, request, body, choice)
            accepted = True
            return own
        finally:
            forwarded.settle(accepted)

    async def _local(self, protocol: int, request: Request, body: bytes, choice: Choice) -> tuple[Answer, Outputs]:
        """This pod's own answer. Counted in its arm, but for those that the candidate owed."""
        started = time.perf_counter()
        cold = self._arms.is_cold
        timeout = error = False
        try:
            asked = self._parsed(protocol, request, body)
            outputs = await self._batcher.submit(asked.rows, self._served.further(asked.names), choice.slot)
            answer = self._encoded(protocol, asked, outputs)
            self._splitter.patience.answered(time.perf_counter() - started)
        except RequestError as problem:
            timeout, error = isinstance(problem, DeadlineExceeded), problem.status >= 500
            if isinstance(problem, Overloaded):
                self._metrics.add("shed")
            raise
        finally:
            seconds = self._settings.timeout_seconds if timeout else time.perf_counter() - started
            if not choice.forward:
                self._arms.own(choice.slot, seconds, error=error, timeout=timeout)
        if request.hop:
            answer = _with_time(answer, seconds, cold)
        return answer, outputs

    def _parsed(self, protocol: int, request: Request, body: bytes) -> Asked:
        served = self._served
        if protocol == V1:
            return v1.parse(body, served.spec, served.output_names)
        return v2.parse(body, request.json_length, served.spec, served.output_names)

    def _encoded(self, protocol: int, asked: Asked, outputs: Outputs) -> Answer:
        chosen = self._served.chosen(outputs, asked.names)
        if protocol == V1:
            return Answer(200, v1.answer(chosen), _JSON_HEADERS)
        config = self._served.config
        body, json_length = v2.answer(config.model, config.version, asked, chosen)
        if json_length is None:
            return Answer(200, body, _JSON_HEADERS)
        return Answer(200, body, (_BINARY, (b"inference-header-content-length", b"%d" % json_length)))


def _with_time(answer: Answer, seconds: float, cold: bool) -> Answer:
    extra = [(TIME_HEADER, b"%d" % (seconds * 1e6))]
    if cold:
        extra.append((COLD_HEADER, b"1"))
    return answer._replace(headers=(*answer.headers, *extra))
