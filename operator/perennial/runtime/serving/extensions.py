"""Extensions of the protocol that clients have calls for and this server does not offer: what such a call is told."""

import re
from collections.abc import Container

from perennial.runtime.serving.errors import Invalid

CHOSEN_BY_DEPLOYMENT = "the model is chosen by its ModelDeployment; loading and unloading by request is not possible"
_STATISTICS = (
    "the statistics extension is not offered; counts and latencies are at GET /metrics, as Prometheus reads them"
)
_TRACE = "the trace extension is not offered"
_LOGGING = "the logging extension is not offered"
_SHARED_MEMORY = (
    "the shared memory extension is not offered; send tensors in the request, in binary form where size matters"
)
_STREAM = "streams of requests are not offered; call ModelInfer for each request"

_PATHS = tuple(
    (re.compile(path), told)
    for path, told in (
        (r"/v2/models/(?:[^/]+/(?:versions/[^/]+/)?)?stats", _STATISTICS),
        (r"/v2/(?:models/[^/]+/)?trace/setting", _TRACE),
        (r"/v2/logging", _LOGGING),
        (r"/v2/(?:system|cuda)sharedmemory/.+", _SHARED_MEMORY),
    )
)
METHODS = {
    "ModelStatistics": _STATISTICS,
    "ModelStreamInfer": _STREAM,
    "TraceSetting": _TRACE,
    "LogSettings": _LOGGING,
    "RepositoryModelLoad": CHOSEN_BY_DEPLOYMENT,
    "RepositoryModelUnload": CHOSEN_BY_DEPLOYMENT,
    **{
        f"{memory}SharedMemory{call}": _SHARED_MEMORY
        for memory in ("System", "Cuda")
        for call in ("Status", "Register", "Unregister")
    },
}
"""gRPC methods of Triton's service, by name."""

_PARAMETERS = {
    "shared_memory_region": _SHARED_MEMORY,
    "classification": "the classification extension is not offered; ask for output 'predict_proba'",
}
"""Of a tensor: answering without them would be an answer to another question."""


def told_of(path: str) -> str | None:
    """What a request for an extension's path is told; None: it is no such path."""
    return next((told for pattern, told in _PATHS if pattern.fullmatch(path)), None)


def refuse_extensions(owner: str, parameters: Container[str] | None) -> None:
    """Let parameters of a tensor pass unless they ask for an extension.

    Args:
        owner: the tensor, as a message names it.

    Raises:
        Invalid: they do.
    """
    if not parameters:
        return
    for name, told in _PARAMETERS.items():
        if name in parameters:
            raise Invalid(f"{owner} has parameter '{name}': {told}")
