"""The splitter's way to the candidate for gRPC requests: one channel. Counted and fallen back on as for HTTP."""

from typing import Any

import grpc
import grpc.aio

from perennial.api.records.server import HOP_HEADER, VERSION_HEADER
from perennial.runtime.serving.oip import open_inference_pb2 as oip
from perennial.runtime.serving.splitter import COLD_HEADER, TIME_HEADER, Splitter
from perennial.runtime.serving.told import Told

SERVICE = "inference.GRPCInferenceService"


class GrpcForward:
    """Sends requests to the candidate of the plan in force."""

    def __init__(self, splitter: Splitter) -> None:
        self._splitter = splitter
        self._address = ""
        self._channel: grpc.aio.Channel | None = None

    async def ask(self, request: Any, sticky: str | bytes | None) -> Told[Any]:
        """What the candidate tells to a ModelInfer request. Counts nothing."""
        plan = self._splitter.plan
        if not plan.candidate_grpc:
            return Told()
        metadata = [(HOP_HEADER.lower(), "1")]
        if sticky is not None:
            metadata.append((plan.sticky_header.lower(), sticky if isinstance(sticky, str) else sticky.decode()))
        call = self._method("ModelInfer")(request, timeout=plan.candidate_timeout_seconds, metadata=metadata)
        try:
            answer = await call
        except grpc.aio.AioRpcError as error:
            late = error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            return Told(refused=error.code() is grpc.StatusCode.INVALID_ARGUMENT, timeout=late)
        trailing = {key: str(value) for key, value in await call.trailing_metadata() or ()}
        cold, stated = COLD_HEADER.decode() in trailing, trailing.get(TIME_HEADER.decode(), "")
        return Told(answer, cold=cold, stated=stated)

    def is_meant(self, version: str, context: Any) -> bool:
        """Whether a request names the candidate's version, and comes from a client."""
        plan = self._splitter.plan
        hop = any(name == HOP_HEADER.lower() for name, _ in context.invocation_metadata() or ())
        return bool(plan.candidate_grpc) and version == plan.candidate_version != "" and not hop

    async def pass_on(self, name: str, request: Any, context: Any, seconds: float) -> Any:
        """A request that is for the candidate alone: its answer or its error. In no arm: such clients chose it."""
        try:
            answer = await self._method(name)(request, timeout=seconds, metadata=[(HOP_HEADER.lower(), "1")])
        except grpc.aio.AioRpcError as error:
            await context.abort(error.code(), error.details() or "the candidate did not answer")
        await context.send_initial_metadata(self.version)
        return answer

    @property
    def version(self) -> tuple[tuple[str, str], ...]:
        """Initial metadata of an answer of the candidate's."""
        return ((VERSION_HEADER.lower(), self._splitter.plan.candidate_version),)

    def _method(self, name: str) -> Any:
        address = self._splitter.plan.candidate_grpc
        if self._channel is None or self._address != address:
            self._address = address
            self._channel = grpc.aio.insecure_channel(address, options=[("grpc.max_receive_message_length", -1)])
        return self._channel.unary_unary(
            f"/{SERVICE}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=getattr(oip, f"{name}Response").FromString,
        )


def own_time(seconds: float, cold: bool) -> tuple[tuple[str, str], ...]:
    """Trailing metadata of a forwarded request's answer: this server's own time."""
    extra = ((COLD_HEADER.decode(), "1"),) if cold else ()
    return ((TIME_HEADER.decode(), str(int(seconds * 1e6))), *extra)
