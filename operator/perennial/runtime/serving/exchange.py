"""A bare HTTP/1.1 client for one address: kept connections, one request at a time on each, httptools for the answer.

On the hot path of a split; a general client would cost several local predictions a request.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import httptools

MAX_IDLE = 64
MAX_AGE_SECONDS = 30.0
"""Connections are renewed so that requests follow the Service to pods that came later."""

MAX_ANSWER_BYTES = 256 * 1024 * 1024


class ExchangeError(Exception):
    """The other side did not answer: refused, gone, too late, or not HTTP. `timeout` tells the third."""

    def __init__(self, message: str, *, timeout: bool = False, stale: bool = False) -> None:
        super().__init__(message)
        self.timeout = timeout
        self.stale = stale  # a kept connection was closed before a byte of the answer came: worth one new connection


@dataclass(slots=True)
class Reply:
    """An answer."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""


class _Connection(asyncio.Protocol):
    """One connection; `reply` is awaited by whoever sent the request."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.opened = time.monotonic()
        self.used = False
        self._parser = httptools.HttpResponseParser(self)
        self._future: asyncio.Future[Reply] | None = None
        self._reply = Reply()
        self._chunks: list[bytes] = []
        self._size = 0
        self._begun = False

    def send(self, request: bytes) -> asyncio.Future[Reply]:
        """Send a request; the future gets the reply."""
        self._future = asyncio.get_running_loop().create_future()
        self._reply = Reply()
        self._chunks = []
        self._size = 0
        self._begun = False
        if self.transport is None or self.transport.is_closing():
            self._fail(ExchangeError("the connection was closed", stale=self.used))
        else:
            self.transport.write(request)
        return self._future

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready to send."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Bytes of the answer."""
        self._begun = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ExchangeError(f"the answer is not HTTP/1.1: {error}"))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed by the other side, or by us."""
        self._fail(ExchangeError("the connection was closed before the answer", stale=self.used and not self._begun))

    def on_status(self, status: bytes) -> None:
        """The reason phrase; the code is asked of the parser."""

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._reply.headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        """Part of the body."""
        self._chunks.append(body)
        self._size += len(body)
        if self._size > MAX_ANSWER_BYTES:
            self._fail(ExchangeError(f"the answer exceeds {MAX_ANSWER_BYTES} bytes"))
            self.close()

    def on_message_complete(self) -> None:
        """The answer is whole."""
        self._reply.status = self._parser.get_status_code()
        self._reply.body = b"".join(self._chunks)
        keep = self._parser.should_keep_alive()
        self.used = True
        if self._future is not None and not self._future.done():
            self._future.set_result(self._reply)
        if not keep:
            self.close()

    def close(self) -> None:
        """Close the connection."""
        if self.transport is not None:
            self.transport.close()

    @property
    def is_open(self) -> bool:
        """Whether another request can be sent."""
        fresh = time.monotonic() - self.opened < MAX_AGE_SECONDS
        return fresh and self.transport is not None and not self.transport.is_closing()

    def _fail(self, error: ExchangeError) -> None:
        if self._future is not None and not self._future.done():
            self._future.set_exception(error)


class Exchange:
    """Requests to one address.

    Args:
        url: `http://host:port`.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"candidateUrl is {url!r}; expected http://<host>:<port>")
        self.url = url
        self._host, self._port = parts.hostname, parts.port or 80
        self._netloc = parts.netloc.encode("ascii")
        self._idle: deque[_Connection] = deque()

    async def send(self, method: bytes, path: bytes, headers: bytes, body: bytes, seconds: float) -> Reply:
        """Send a request and wait for its answer.

        Args:
            method: any but HEAD, whose answers end otherwise.
            path: as it stands in the request line.
            headers: further header lines, each ended by CRLF.
            body: the body.
            seconds: for everything, connecting included.

        Raises:
            ExchangeError: no answer.
        """
        line = b"%s %s HTTP/1.1\r\nhost: %s\r\ncontent-length: %d\r\n" % (method, path, self._netloc, len(body))
        request = b"".join((line, headers, b"\r\n", body))
        deadline = time.monotonic() + seconds
        while True:
            connection = await self._connection(deadline)
            try:
                return await self._ask(connection, request, deadline, seconds)
            except ExchangeError as error:
                if not error.stale:
                    raise

    async def _ask(self, connection: _Connection, request: bytes, deadline: float, seconds: float) -> Reply:
        future = connection.send(request)
        handle = asyncio.get_running_loop().call_later(max(deadline - time.monotonic(), 0), _too_late, future, seconds)
        try:
            reply = await future
        except BaseException:
            connection.close()
            raise
        finally:
            handle.cancel()
        if len(self._idle) < MAX_IDLE and connection.is_open:
            self._idle.append(connection)
        else:
            connection.close()
        return reply

    async def _connection(self, deadline: float) -> _Connection:
        while self._idle:
            kept = self._idle.pop()
            if kept.is_open:
                return kept
            kept.close()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(max(deadline - time.monotonic(), 0)):
                _, made = await loop.create_connection(_Connection, self._host, self._port)
        except TimeoutError:
            raise ExchangeError("connecting took too long", timeout=True) from None
        except OSError as error:
            raise ExchangeError(f"no connection: {error}") from None
        return made

    def close(self) -> None:
        """Close the connections that wait."""
        while self._idle:
            self._idle.pop().close()


def _too_late(future: asyncio.Future[Reply], seconds: float) -> None:
    if not future.done():
        future.set_exception(ExchangeError(f"no answer within {seconds:g} s", timeout=True))
