"""The splitter's way to the candidate for gRPC requests: one channel, the same counting and the same fallback."""

import time
from typing import Any

import grpc
import grpc.aio

from perennial.api.records.server import HOP_HEADER, VERSION_HEADER
from perennial.runtime.serving.oip import open_inference_pb2 as oip
from perennial.runtime.serving.splitter import COLD_HEADER, TIME_HEADER, Splitter

_METHOD = "/inference.GRPCInferenceService/ModelInfer"


class GrpcForward:
    """Sends ModelInfer requests to the candidate of the plan in force."""

    def __init__(self, splitter: Splitter) -> None:
        self._splitter = splitter
        self._address = ""
        self._channel: grpc.aio.Channel | None = None

    async def ask(self, request: Any, context: Any, slot: int, sticky: str | bytes | None) -> Any | None:
        """The candidate's answer; None: this pod must answer."""
        plan = self._splitter.plan
        started = time.perf_counter()
        if not plan.candidate_grpc:
            self._splitter.fall_back(slot, started, timeout=False)
            return None
        metadata = [(HOP_HEADER.lower(), "1")]
        if sticky is not None:
            metadata.append((plan.sticky_header.lower(), sticky if isinstance(sticky, str) else sticky.decode()))
        call = self._call(plan.candidate_grpc)(request, timeout=plan.candidate_timeout_seconds, metadata=metadata)
        try:
            answer = await call
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
                return None  # this pod's own answer tells the client what is wrong
            late = error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            self._splitter.fall_back(slot, started, timeout=late)
            return None
        trailing = {key: str(value) for key, value in await call.trailing_metadata() or ()}
        stated = trailing.get(TIME_HEADER.decode(), "")
        self._splitter.count(slot, started, stated, cold=COLD_HEADER.decode() in trailing)
        await context.send_initial_metadata(((VERSION_HEADER.lower(), plan.candidate_version),))
        return answer

    def _call(self, address: str) -> Any:
        if self._channel is None or self._address != address:
            self._address = address
            self._channel = grpc.aio.insecure_channel(address, options=[("grpc.max_receive_message_length", -1)])
        return self._channel.unary_unary(
            _METHOD,
            request_serializer=oip.ModelInferRequest.SerializeToString,
            response_deserializer=oip.ModelInferResponse.FromString,
        )


def own_time(seconds: float, cold: bool) -> tuple[tuple[str, str], ...]:
    """Trailing metadata of a forwarded request's answer: this server's own time."""
    extra = ((COLD_HEADER.decode(), "1"),) if cold else ()
    return ((TIME_HEADER.decode(), str(int(seconds * 1e6))), *extra)
