"""The Open Inference Protocol over gRPC, on the same loop, queue, splitter and counters as HTTP."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from perennial.api.records.server import HOP_HEADER, VERSION_HEADER
from perennial.runtime.serving.arms import Arms
from perennial.runtime.serving.batching import Batcher
from perennial.runtime.serving.errors import DeadlineExceeded, ModelFault, NotReady, Overloaded, RequestError, TooLarge
from perennial.runtime.serving.errors import Unknown as UnknownName
from perennial.runtime.serving.grpc_forward import GrpcForward, own_time
from perennial.runtime.serving.grpc_messages import answer_of, asked_of
from perennial.runtime.serving.logs import LOGGER
from perennial.runtime.serving.metadata import Metadata
from perennial.runtime.serving.metrics import PROTOCOLS, Metrics
from perennial.runtime.serving.oip import open_inference_pb2 as oip
from perennial.runtime.serving.served import Served
from perennial.runtime.serving.splitter import Splitter
from perennial.runtime.serving.state import State

SERVICE = "inference.GRPCInferenceService"
GRPC = PROTOCOLS.index("grpc")
FRAMING = 64 * 1024
"""Bytes that a message may have beyond the body limit of HTTP, for names and shapes."""

_CODES: tuple[tuple[type[RequestError], grpc.StatusCode], ...] = (
    (UnknownName, grpc.StatusCode.NOT_FOUND),
    (TooLarge, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (Overloaded, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (NotReady, grpc.StatusCode.UNAVAILABLE),
    (DeadlineExceeded, grpc.StatusCode.DEADLINE_EXCEEDED),
    (ModelFault, grpc.StatusCode.INTERNAL),
)

Method = Callable[[Any, Any], Awaitable[Any]]


class GrpcService:
    """The calls of one served model."""

    def __init__(
        self, served: Served, batcher: Batcher, splitter: Splitter, arms: Arms, metrics: Metrics, state: State
    ) -> None:
        self._served = served
        self._batcher = batcher
        self._splitter = splitter
        self._arms = arms
        self._metrics = metrics
        self._state = state
        self._metadata = Metadata(served)
        self._forward = GrpcForward(splitter)
        self._version = ((VERSION_HEADER.lower(), served.config.version),)

    def server(self, address: str) -> grpc.aio.Server:
        """A server that listens on `host:port`.

        Raises:
            RuntimeError: the port cannot be listened on.
        """
        limit = self._served.config.settings.max_request_bytes + FRAMING
        options = [("grpc.max_receive_message_length", limit), ("grpc.max_send_message_length", -1)]
        server = grpc.aio.server(options=options)
        handlers = {name: self._handler(getattr(self, name), request) for name, request in self._methods().items()}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        server.add_insecure_port(address)
        return server

    def _methods(self) -> dict[str, Any]:
        return {
            "ServerLive": oip.ServerLiveRequest,
            "ServerReady": oip.ServerReadyRequest,
            "ModelReady": oip.ModelReadyRequest,
            "ServerMetadata": oip.ServerMetadataRequest,
            "ModelMetadata": oip.ModelMetadataRequest,
            "ModelInfer": oip.ModelInferRequest,
            "RepositoryIndex": oip.RepositoryIndexRequest,
        }

    def _handler(self, method: Method, request: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(
            _with_status(method), request_deserializer=request.FromString, response_serializer=_serialised
        )

    async def ServerLive(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        """Alive: this very answer shows it."""
        return oip.ServerLiveResponse(live=True)

    async def ServerReady(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Whether requests are welcome."""
        return oip.ServerReadyResponse(ready=self._state.is_ready)

    async def ModelReady(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The same for the model."""
        self._check_name(request.name, request.version)
        return oip.ModelReadyResponse(ready=self._state.is_ready)

    async def ServerMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Name, version, extensions."""
        return oip.ServerMetadataResponse(**self._metadata.server())

    async def ModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Real inputs and outputs."""
        self._check_name(request.name, request.version)
        facts = self._metadata.model()
        tensor = oip.ModelMetadataResponse.TensorMetadata
        return oip.ModelMetadataResponse(
            name=facts["name"],
            versions=facts["versions"],
            platform=facts["platform"],
            inputs=[tensor(**t) for t in facts["inputs"]],
            outputs=[tensor(**t) for t in facts["outputs"]],
        )

    async def RepositoryIndex(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The one model."""
        entry = oip.RepositoryIndexResponse.ModelIndex
        return oip.RepositoryIndexResponse(models=[entry(**m) for m in self._metadata.index()])

    async def ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Predict rows; the candidate's share goes there first."""
        started = time.perf_counter()
        status = 500
        try:
            answer = await self._infer(request, context, started)
            status = 200
            return answer
        except RequestError as error:
            status = error.status
            raise
        finally:
            self._metrics.request(GRPC, status, time.perf_counter() - started)

    async def _infer(self, request: Any, context: Any, started: float) -> Any:
        self._check_name(request.model_name, request.model_version)
        headers = dict(context.invocation_metadata() or ())
        hop = HOP_HEADER.lower() in headers
        sticky = headers.get(self._splitter.plan.sticky_header.lower())
        choice = self._splitter.choose(sticky.encode() if isinstance(sticky, str) else sticky, hop)
        if choice.forward:
            answer = await self._forward.ask(request, context, choice.slot, sticky)
            if answer is not None:
                return answer
        await context.send_initial_metadata(self._version)
        cold = self._arms.is_cold
        timeout = error = False
        try:
            return await self._predict(request, choice.slot)
        except RequestError as problem:
            timeout, error = isinstance(problem, DeadlineExceeded), problem.status >= 500
            raise
        finally:
            seconds = time.perf_counter() - started
            if hop:
                context.set_trailing_metadata(own_time(seconds, cold))
            if not choice.forward:
                self._arms.own(choice.slot, seconds, error=error, timeout=timeout)

    async def _predict(self, request: Any, slot: int) -> Any:
        asked = asked_of(request, self._served.spec, self._served.output_names)
        outputs = await self._batcher.submit(asked.rows, self._served.further(asked.names), slot)
        chosen = self._served.chosen(outputs, asked.names)
        return answer_of(self._served.config.model, self._served.config.version, asked, chosen)

    def _check_name(self, name: str, version: str) -> None:
        config = self._served.config
        if name != config.model:
            raise UnknownName(f"model '{name[:64]}' is not served here; expected '{config.model}'")
        if version not in ("", config.version):
            raise UnknownName(
                f"version '{version[:32]}' of model '{name}' is not served here; expected '{config.version}', or none"
            )


def _with_status(method: Method) -> Method:
    """Errors of the tree as gRPC status codes; anything else as INTERNAL, without a stack trace."""

    async def handler(request: Any, context: Any) -> Any:
        try:
            return await method(request, context)
        except RequestError as error:
            code = next((c for kind, c in _CODES if isinstance(error, kind)), grpc.StatusCode.INVALID_ARGUMENT)
            await context.abort(code, error.message)
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            LOGGER.log(logging.ERROR, "a gRPC request failed", exc_info=error)
            await context.abort(grpc.StatusCode.INTERNAL, "the server failed on this request; its log says more")

    return handler


def _serialised(message: Any) -> bytes:
    body: bytes = message.SerializeToString()
    return body
