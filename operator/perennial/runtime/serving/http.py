"""The least of HTTP that the app needs on top of ASGI: a request's facts, its body within limits, an answer.

Not the connection itself: slow and oversized heads are `protocol.py`'s.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from perennial.runtime.serving.encodings import checked_encoding, decoded
from perennial.runtime.serving.errors import Invalid, MethodNotAllowed, RequestError, SlowBody, TooLarge

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

JSON = (b"content-type", b"application/json")
_ENCODE = msgspec.json.Encoder().encode


class Answer(NamedTuple):
    """What is sent back."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = (JSON,)
    version: bytes | None = None  # that answered, when it is not this server's own


class Disconnected(Exception):
    """The client went away before its body was complete."""


class Request:
    """One request: its path and the few headers that matter here."""

    __slots__ = ("content_length", "encoding", "hop", "json_length", "method", "path", "pinned", "scope", "sticky")

    def __init__(self, scope: dict[str, Any], sticky_header: bytes = b"") -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.content_length: int | None = None
        self.json_length: int | None = None
        self.encoding: bytes | None = None
        self.hop = False
        self.pinned = False  # the path names this server's version
        self.sticky: bytes | None = None
        for name, value in scope["headers"]:
            if name == b"content-length":
                self.content_length = int(value)  # the parser has checked that it is a number
            elif name == b"inference-header-content-length":
                self.json_length = _length(value)
            elif name == b"content-encoding":
                self.encoding = checked_encoding(value)
            elif name == b"x-perennial-hop":
                self.hop = True
            if name == sticky_header:
                self.sticky = value


def _length(value: bytes) -> int:
    if not value.isdigit() or len(value) > 12:
        raise Invalid("Inference-Header-Content-Length is no number; expected the length of the JSON part in bytes")
    return int(value)


async def read_body(request: Request, receive: Receive, limit: int, seconds: float) -> bytes:
    """The whole body, no longer compressed.

    Raises:
        TooLarge: more than `limit` bytes, said, sent or unpacked.
        Invalid: it is not compressed as its header says.
        SlowBody: not complete after `seconds`.
        Disconnected: the client went away.
    """
    if request.content_length is not None and request.content_length > limit:
        raise _too_large(limit)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message["body"]
        if len(body) > limit:
            raise _too_large(limit)
    else:
        try:
            async with asyncio.timeout(seconds):
                body = await _rest_of(message, receive, limit)
        except TimeoutError:
            told = f"the body was not complete after {seconds:g} s; send it faster or in smaller parts"
            raise SlowBody(told) from None
    return body if request.encoding is None else decoded(body, request.encoding, limit)


async def _rest_of(message: dict[str, Any], receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        chunks.append(message["body"])
        size += len(message["body"])
        if size > limit:
            raise _too_large(limit)
        if not message.get("more_body"):
            return b"".join(chunks)
        message = await receive()
    raise Disconnected


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than the {limit} bytes that this server takes at once; send fewer rows")


async def send_answer(send: Send, answer: Answer, extra: tuple[tuple[bytes, bytes], ...]) -> None:
    """Send an answer with its length and some more headers."""
    length = (b"content-length", b"%d" % len(answer.body))
    await send({"type": "http.response.start", "status": answer.status, "headers": [*answer.headers, length, *extra]})
    await send({"type": "http.response.body", "body": answer.body})


def json_answer(value: Any, status: int = 200) -> Answer:
    """A JSON answer."""
    return Answer(status, _ENCODE(value))


def error_answer(error: RequestError) -> Answer:
    """`{"error": …}` with the error's status, `Retry-After` and `Allow`."""
    headers = [JSON]
    if error.retry_after is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after))
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", error.allow.encode()))
    if isinstance(error, SlowBody):
        headers.append((b"connection", b"close"))
    return Answer(error.status, _ENCODE({"error": error.message}), tuple(headers))
