"""One HTTP request to the API server: signed, timed out, counted, retried where that is safe, errors typed.

What to ask for is said in kube/client.py.
"""

import asyncio
import json
import random
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp

from perennial.kube import metrics
from perennial.kube.access import Access
from perennial.kube.errors import ApiError, Retryable, Timeout, error_of

REQUEST_SECONDS = 30.0
CONNECT_SECONDS = 5.0
ATTEMPTS = 3
"""Short trouble is ridden out here; longer trouble is the work queue's to back off from."""
LONGEST_WAIT = 5.0
"""A server that asks for more patience than this gets it from the queue, which keeps no worker waiting."""

JSON = "application/json"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"  # JSON is YAML


class Transport:
    """Sends requests over one session, made at the first request and closed by `close`."""

    def __init__(self, access: Access, *, may_write: Callable[[], None] = lambda: None):
        """
        Args:
            access: server and credentials.
            may_write: called right before every write; the Lease ends the process there when it has lapsed.
        """
        self._access = access
        self._may_write = may_write
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def json(self, verb: str, path: str, resource: str, **rest: Any) -> Any:
        """Send and parse the JSON answer. See `send`."""
        return json.loads(await self.send(verb, path, resource, **rest))

    async def send(
        self,
        verb: str,
        path: str,
        resource: str,
        *,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
        params: Mapping[str, str] | None = None,
    ) -> bytes:
        """Send a request, up to three times while the trouble is a passing one.

        Every request of ours may be repeated: names are deterministic and patches absolute, so a repeated one
        meets its own effect and changes nothing.

        Raises:
            ApiError: the typed refusal, or `Timeout` when no answer came.
        """
        data = None if body is None else json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        headers = {"Accept": accept} | ({"Content-Type": content_type} if data is not None else {})
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._once(verb, path, resource, data, headers, params)
            except Retryable as error:
                wait = error.retry_after if error.retry_after is not None else 0.2 * 2**attempt
                if attempt == ATTEMPTS or wait > LONGEST_WAIT:
                    raise
                await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _once(
        self,
        verb: str,
        path: str,
        resource: str,
        data: bytes | None,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None,
    ) -> bytes:
        if verb != "GET":
            self._may_write()
        code = 0
        try:
            async with self._open().request(
                verb, self._access.server + path, data=data, headers=headers, params=params
            ) as answer:
                content = await answer.read()
                code = answer.status
                if code >= 400:
                    raise _refusal(code, content, answer.headers, f"{verb} {path}")
                return content
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Timeout(f"{verb} {path}: no answer: {type(error).__name__}: {error}") from error
        finally:
            metrics.REQUESTS.labels(verb, resource, str(code)).inc()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=CONNECT_SECONDS)
            self._session = self._access.session(timeout=timeout)
        return self._session


def _refusal(code: int, content: bytes, headers: Mapping[str, str], request: str) -> ApiError:
    try:
        status = json.loads(content)
    except ValueError:
        status = {"message": content[:200].decode(errors="replace")}
    wait = headers.get("Retry-After", "")
    return error_of(code, status if isinstance(status, dict) else {}, request, float(wait) if wait.isdigit() else None)
