"""The ASGI application: paths → handlers, errors → answers. What a handler does is in the modules of its protocol."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from perennial.api.records.server import VERSION_HEADER
from perennial.runtime.serving.errors import MethodNotAllowed, NotReady, RequestError, Unknown
from perennial.runtime.serving.extensions import told_of
from perennial.runtime.serving.http import Answer, Disconnected, Receive, Request, Send, error_answer, send_answer
from perennial.runtime.serving.logs import LOGGER
from perennial.runtime.serving.metrics import PROTOCOLS, Metrics
from perennial.runtime.serving.state import State

Handler = Callable[[Request, Receive], Awaitable[Answer]]
OTHER = PROTOCOLS.index("other")


class App:
    """Routes of a server; those of the model are added when it is loaded.

    `elsewhere` is asked for a handler of a path that has no route here.

    Args:
        model: the model's name in paths.
        version: what `X-Perennial-Version` says unless an answer says otherwise.
        state: for requests that come before the model or after the end.
        metrics: counts what is answered here; inference handlers count for themselves.
    """

    def __init__(self, model: str, version: str, state: State, metrics: Metrics) -> None:
        self._model = model
        self._state = state
        self._metrics = metrics
        self._routes: dict[tuple[str, str], Handler] = {}
        self._methods: dict[str, list[str]] = {}
        self._version = (VERSION_HEADER.lower().encode(), version.encode())
        self._plain = (self._version,)
        self._closing = (self._version, (b"connection", b"close"))
        self.sticky_header = b""
        self.elsewhere: Callable[[Request], Handler | None] = lambda request: None

    def add(self, method: str, path: str, handler: Handler) -> None:
        """One route. GET answers HEAD too."""
        for one in (method, "HEAD") if method == "GET" else (method,):
            self._routes[(one, path)] = handler
            self._methods.setdefault(path, []).append(one)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        inference = False
        try:
            request = Request(scope, self.sticky_header)
            handler = self._routes.get((request.method, request.path))
            if handler is None:
                handler = self._elsewhere(request)
            inference = request.method == "POST"
            answer = await handler(request, receive)
        except RequestError as error:
            answer = error_answer(error)
        except Disconnected:
            return
        except Exception as error:
            LOGGER.log(logging.ERROR, "a request failed", exc_info=error)
            answer = error_answer(_internal())
        if not inference:
            self._metrics.request(OTHER, answer.status, 0.0)
        extra = self._closing if self._state.phase == "Draining" else self._plain
        if answer.version is not None:
            extra = ((self._version[0], answer.version), *extra[1:])
        await send_answer(send, answer, extra)

    def _elsewhere(self, request: Request) -> Handler:
        """A path without an exact route: tolerate a trailing slash, else say what is wrong.

        Raises:
            Unknown: no such path, model or version.
            MethodNotAllowed: another method would do.
            NotReady: the model's paths are not there yet.
        """
        path = request.path.rstrip("/") or "/"
        handler = self._routes.get((request.method, path))
        if handler is not None:
            return handler
        if path in self._methods:
            allowed = ", ".join(sorted(self._methods[path]))
            raise MethodNotAllowed(f"{request.method} is not possible on {path}; expected {allowed}", allowed)
        if self._state.phase == "Loading" and path.startswith(("/v1/models", "/v2/models")):
            raise NotReady(f"model '{self._model}' is not ready: {self._state.reason}")
        elsewhere = self.elsewhere(request)
        if elsewhere is not None:
            return elsewhere
        raise Unknown(self._unknown(path))

    def _unknown(self, path: str) -> str:
        extension = told_of(path)
        if extension is not None:
            return extension
        parts = path.split("/")
        if len(parts) > 3 and parts[1] in ("v1", "v2") and parts[2] == "models":
            name = parts[3].split(":")[0]
            if name != self._model:
                return f"model '{name[:64]}' is not served here; expected '{self._model}'"
            if len(parts) > 5 and parts[4] == "versions" and parts[5] != self._version[1].decode():
                return (
                    f"version '{parts[5][:32]}' of model '{name}' is not served here; "
                    f"expected '{self._version[1].decode()}', or no version"
                )
        return f"no such path: {path[:128]}; /openapi.json lists those that exist"


def _internal() -> RequestError:
    error = RequestError("the server failed on this request; its log says more")
    error.status = 500
    return error
