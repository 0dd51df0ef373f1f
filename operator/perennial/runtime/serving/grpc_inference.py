"""From a ModelInfer request to its answer: split, parse, queue, predict, encode, count. HTTP has `inference`."""

import time
from typing import Any

from perennial.api.records.server import HOP_HEADER, VERSION_HEADER
from perennial.runtime.serving.arms import Arms
from perennial.runtime.serving.batching import Batcher, Outputs
from perennial.runtime.serving.choice import Choice
from perennial.runtime.serving.copying import Copy
from perennial.runtime.serving.errors import DeadlineExceeded, Overloaded, RequestError
from perennial.runtime.serving.grpc_forward import GrpcForward, own_time
from perennial.runtime.serving.grpc_messages import answer_of, asked_of, outputs_of
from perennial.runtime.serving.metrics import Metrics
from perennial.runtime.serving.served import Served
from perennial.runtime.serving.shadow import Comparison
from perennial.runtime.serving.splitter import Splitter


class GrpcInference:
    """Answers ModelInfer requests that are not for another version."""

    def __init__(
        self, served: Served, batcher: Batcher, splitter: Splitter, arms: Arms, metrics: Metrics, forward: GrpcForward
    ) -> None:
        self._served = served
        self._batcher = batcher
        self._splitter = splitter
        self._arms = arms
        self._metrics = metrics
        self._forward = forward
        self._version = ((VERSION_HEADER.lower(), served.config.version),)

    async def infer(self, request: Any, context: Any, started: float) -> Any:
        """The answer of this pod, or the candidate's to its share.

        Raises:
            RequestError: what the client is told instead.
        """
        headers = dict(context.invocation_metadata() or ())
        hop = HOP_HEADER.lower() in headers
        sticky = headers.get(self._splitter.plan.sticky_header.lower())
        value = sticky.encode() if isinstance(sticky, str) else sticky
        choice = self._splitter.choose(value, hop or bool(request.model_version))
        forwarded = None
        if choice.forward:
            forwarded = await self._splitter.forward(self._forward.ask(request, sticky), choice.slot)
            if forwarded.answer is not None:
                await context.send_initial_metadata(self._forward.version)
                return forwarded.answer
        await context.send_initial_metadata(self._version)
        copy = None
        if choice.mirror:
            copy = self._splitter.copy(lambda: self._forward.ask(request, sticky), choice.slot)
        accepted = False
        try:
            answer, outputs = await self._local(request, choice, started, context if hop else None)
            accepted = True
        finally:
            if forwarded is not None:
                forwarded.settle(accepted)
            if copy is not None:
                copy.settle(accepted=accepted)
        self._compare(copy, outputs)
        return answer

    async def _local(self, request: Any, choice: Choice, started: float, hop: Any | None) -> tuple[Any, Outputs]:
        """This pod's own answer. Counted in its arm, but for those that the candidate owed."""
        cold, begun = self._arms.is_cold, time.perf_counter()  # `started` is before the candidate was asked
        timeout = error = False
        try:
            asked = asked_of(request, self._served.spec, self._served.output_names)
            outputs = await self._batcher.submit(asked.rows, self._served.further(asked.names), choice.slot)
            chosen = self._served.chosen(outputs, asked.names)
            config = self._served.config
            answer = answer_of(config.model, config.version, asked, chosen)
            self._splitter.patience.answered(time.perf_counter() - begun)
            return answer, outputs
        except RequestError as problem:
            timeout, error = isinstance(problem, DeadlineExceeded), problem.status >= 500
            if isinstance(problem, Overloaded):
                self._metrics.add("shed")
            raise
        finally:
            seconds = time.perf_counter() - started
            if hop is not None:
                hop.set_trailing_metadata(own_time(seconds, cold))
            if not choice.forward:
                self._arms.own(choice.slot, seconds, error=error, timeout=timeout)

    def _compare(self, copy: Copy[Any] | None, own: Outputs) -> None:
        if copy is not None and self._splitter.plan.shadow:
            Comparison(self._arms, self._served.signature, outputs_of).when_done(copy.task, own)
