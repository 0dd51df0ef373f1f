"""The Open Inference Protocol over gRPC, on the same loop, queue, splitter and counters as HTTP."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from google.protobuf.json_format import ParseDict

from perennial.runtime.serving.arms import Arms
from perennial.runtime.serving.batching import Batcher
from perennial.runtime.serving.errors import DeadlineExceeded, ModelFault, NotReady, Overloaded, RequestError, TooLarge
from perennial.runtime.serving.errors import Unknown as UnknownName
from perennial.runtime.serving.extensions import METHODS as NOT_OFFERED
from perennial.runtime.serving.grpc_forward import SERVICE, GrpcForward
from perennial.runtime.serving.grpc_inference import GrpcInference
from perennial.runtime.serving.logs import LOGGER
from perennial.runtime.serving.metadata import Metadata
from perennial.runtime.serving.metrics import PROTOCOLS, Metrics
from perennial.runtime.serving.oip import open_inference_pb2 as oip
from perennial.runtime.serving.served import Served
from perennial.runtime.serving.splitter import Splitter
from perennial.runtime.serving.state import State

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
        self._metrics = metrics
        self._state = state
        self._metadata = Metadata(served)
        self._forward = GrpcForward(splitter)
        self._inference = GrpcInference(served, batcher, splitter, arms, metrics, self._forward)

    def server(self, address: str) -> grpc.aio.Server:
        """A server that listens on `host:port`.

        Raises:
            RuntimeError: the port cannot be listened on.
        """
        limit = self._served.config.settings.max_request_bytes + FRAMING
        options = [("grpc.max_receive_message_length", limit), ("grpc.max_send_message_length", -1)]
        server = grpc.aio.server(options=options)
        handlers = {name: _not_offered(told) for name, told in NOT_OFFERED.items()}
        handlers |= {name: self._handler(getattr(self, name), request) for name, request in self._methods().items()}
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
            "ModelConfig": oip.ModelConfigRequest,
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
        if self._is_elsewhere(request.name, request.version, context):
            return await self._pass_on("ModelReady", request, context)
        return oip.ModelReadyResponse(ready=self._state.is_ready)

    async def ServerMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Name, version, extensions."""
        return oip.ServerMetadataResponse(**self._metadata.server())

    async def ModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Real inputs and outputs."""
        if self._is_elsewhere(request.name, request.version, context):
            return await self._pass_on("ModelMetadata", request, context)
        facts = self._metadata.model()
        tensor = oip.ModelMetadataResponse.TensorMetadata
        return oip.ModelMetadataResponse(
            name=facts["name"],
            versions=facts["versions"],
            platform=facts["platform"],
            inputs=[tensor(**t) for t in facts["inputs"]],
            outputs=[tensor(**t) for t in facts["outputs"]],
            properties=facts["properties"],
        )

    async def ModelConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Triton's form of the metadata."""
        if self._is_elsewhere(request.name, request.version, context):
            return await self._pass_on("ModelConfig", request, context)
        return oip.ModelConfigResponse(config=ParseDict(self._metadata.config(), oip.ModelConfig()))

    async def RepositoryIndex(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The one model."""
        entry = oip.RepositoryIndexResponse.ModelIndex
        return oip.RepositoryIndexResponse(models=[entry(**m) for m in self._metadata.index()])

    async def ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Predict rows; the candidate's share goes there first."""
        started = time.perf_counter()
        status = 500
        try:
            if self._is_elsewhere(request.model_name, request.model_version, context):
                answer = await self._pass_on("ModelInfer", request, context)
            else:
                answer = await self._inference.infer(request, context, started)
            status = 200
            return answer
        except RequestError as error:
            status = error.status
            raise
        finally:
            self._metrics.request(GRPC, status, time.perf_counter() - started)

    def _is_elsewhere(self, name: str, version: str, context: Any) -> bool:
        """Whether a request is for the candidate's version.

        Raises:
            Unknown: no such model or version.
        """
        config = self._served.config
        if name != config.model:
            raise UnknownName(f"model '{name[:64]}' is not served here; expected '{config.model}'")
        if version in ("", config.version):
            return False
        if not self._forward.is_meant(version, context):
            raise UnknownName(
                f"version '{version[:32]}' of model '{name}' is not served here; expected '{config.version}', or none"
            )
        return True

    async def _pass_on(self, name: str, request: Any, context: Any) -> Any:
        return await self._forward.pass_on(name, request, context, self._served.config.settings.timeout_seconds)


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


def _not_offered(told: str) -> Any:
    """Refuses a call before it reads any request, so it does for calls with one request and with many."""

    async def handler(requests: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, told)

    return grpc.stream_stream_rpc_method_handler(handler)


def _serialised(message: Any) -> bytes:
    body: bytes = message.SerializeToString()
    return body
