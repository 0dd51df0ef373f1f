"""uvicorn's HTTP/1.1 protocol with the limits it lacks: size and number of headers, time for a head to arrive.

Not for bodies: those are limited where they are read. What follows a refused head or body is read and thrown away, so
that the client can finish sending and see its answer: a socket closed with unread bytes resets the connection.
"""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 32 * 1024
MAX_HEADERS = 100
HEAD_SECONDS = 10.0
"""For a head whose first byte has come."""

IDLE_SECONDS = 75
"""For a connection without a request; longer than the pools of common clients keep theirs."""

DISCARD_SECONDS = 30.0
"""For the rest of a body that nobody will read."""

LINGER_SECONDS = 5.0
"""Between a refusal and the end of the connection, for a client that keeps its side open; nginx's default."""

_REFUSAL = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"


class LimitedProtocol(HttpToolsProtocol):  # type: ignore[misc]
    """One connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Nothing has come yet."""
        super().connection_made(transport)
        self.opened = time.monotonic()
        self.head_since = 0.0  # first byte of a head that is incomplete
        self.head_bytes = 0  # of it, as the parser tells them
        self.received = 0  # bytes since then, as the socket gives them
        self.body_since = 0.0  # a request's head is complete, its body is not
        self.refusal = b""  # the answer to what was no request; what follows is not read
        self.ended_at = 0.0  # when it was written
        self.client_ended = False  # while answers before the refusal are owed

    def data_received(self, data: bytes) -> None:
        """Bytes of an incomplete head are counted: the parser keeps a header to itself until it is whole."""
        if self.refusal:
            return
        super().data_received(data)
        if self.head_since:
            self.received += len(data)
            if self.received > MAX_HEAD_BYTES and not self.refusal:
                self._refuse_head(f"{self.received} bytes of head")

    def eof_received(self) -> bool:
        """The client sends no more: a whole request is still answered, half of one is refused."""
        if self.head_since or self.body_since:
            self.refuse(b"400 Bad Request", "the request ended before it was complete")
        if self.refusal:
            self.client_ended = True
            return not self.ended_at
        if self.is_idle:
            return False
        self.cycle.keep_alive = False
        return True

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self.opened = 0.0
        self.head_since = time.monotonic()
        self.head_bytes = self.received = 0

    def on_url(self, url: bytes) -> None:
        """Part of the head."""
        super().on_url(url)
        self.head_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Part of the head."""
        self.head_bytes += len(name) + len(value) + 4
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is complete: check it, then let the request begin."""
        if self.refusal:
            return
        if self.head_bytes > MAX_HEAD_BYTES or len(self.headers) > MAX_HEADERS:
            self._refuse_head(f"{len(self.headers)} headers in {self.head_bytes} bytes of head")
            return
        self.body_since, self.head_since = self.head_since, 0.0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A refused request's body is not read."""
        if not self.refusal:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The same for its end."""
        self.body_since = 0.0
        if not self.refusal:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """A refusal waits for the answers to the requests before it."""
        last = not self.pipeline
        super().on_response_complete()
        if last and self.refusal:
            self._end()

    def refuse(self, status: bytes, message: str) -> None:
        """Answer what is no request, after the answers that are still owed, and end our side.

        Bytes are taken until the client ends its side too.
        """
        if self.refusal:
            return
        body = b'{"error":"%s"}' % message.encode()
        self.refusal = _REFUSAL % (status, len(body), body)
        owed = bool(self.pipeline) or not (self.is_idle or self.body_since)
        if self.body_since and not self.is_idle:
            self._drop_request()
        if not owed:
            self._end()

    def _drop_request(self) -> None:
        """The body will never be whole: whoever reads it is told that the client is gone."""
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        if self.pipeline:
            self.pipeline.popleft()

    def _end(self) -> None:
        self.ended_at = time.monotonic()
        if self.transport.is_closing():
            return
        answered = self.body_since and self.cycle.response_started
        if not answered:
            self.transport.write(self.refusal)
        if self.client_ended:
            self.transport.close()
        else:
            self.transport.write_eof()

    def _refuse_head(self, what: str) -> None:
        limits = f"this server takes {MAX_HEADERS} headers of {MAX_HEAD_BYTES} bytes together"
        self.refuse(b"431 Request Header Fields Too Large", f"the request has {what}; {limits}")

    def send_400_response(self, msg: str) -> None:
        """What cannot be parsed gets the same kind of error as everything else."""
        self.refuse(b"400 Bad Request", "the bytes are no HTTP/1.1 request")

    def check_time(self, now: float) -> None:
        """Close what is overdue: a slow head, a refused or silent connection, a body that nobody reads."""
        if self.refusal:
            if self.ended_at and now - self.ended_at > LINGER_SECONDS:
                self.transport.close()
            return
        if self.head_since and now - self.head_since > HEAD_SECONDS:
            self.refuse(b"408 Request Timeout", f"the head was not complete after {HEAD_SECONDS:g} s")
            return
        silent = self.opened and now - self.opened > IDLE_SECONDS
        unread = self.body_since and now - self.body_since > DISCARD_SECONDS and self.is_idle
        if silent or unread:
            self.transport.close()

    @property
    def is_idle(self) -> bool:
        """No request is being answered."""
        return self.cycle is None or self.cycle.response_complete


def check_times(connections: Iterable[Any]) -> None:
    """Look at every connection; called by a timer."""
    now = time.monotonic()
    for connection in list(connections):
        if isinstance(connection, LimitedProtocol):
            connection.check_time(now)
