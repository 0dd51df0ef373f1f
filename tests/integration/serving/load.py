"""Constant load from threads with kept connections; every response is counted."""

import threading
import time
from collections import Counter
from types import TracebackType

import httpx

from tests.integration.serving.server import ServerProcess

BODY = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP64", "data": [0.1, 0.2, 0.3, 0.4]}]}


class Load:
    """Requests from a few clients until the block ends. A client opens a new connection when told to close its own.

    Attributes:
        statuses: status → responses.
        versions: X-Perennial-Version → responses.
        failures: what went wrong without a response.
    """

    def __init__(self, server: ServerProcess, clients: int = 4, header: tuple[str, str] | None = None) -> None:
        self._url = f"{server.url}/v2/models/flights/infer"
        self._clients = clients
        self._headers = dict([header]) if header else {}
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.statuses: Counter[int] = Counter()
        self.versions: Counter[str] = Counter()
        self.failures: list[str] = []

    def __enter__(self) -> "Load":
        self._threads = [threading.Thread(target=self._run) for _ in range(self._clients)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """No request begins after this."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, requests: int, seconds: float = 60) -> None:
        """Until so many responses have come."""
        deadline = time.monotonic() + seconds
        while self.statuses.total() < requests and time.monotonic() < deadline:
            time.sleep(0.02)
        assert self.statuses.total() >= requests, self.failures[:3]

    def _run(self) -> None:
        with httpx.Client(timeout=30, headers=self._headers) as client:
            while not self._stop.is_set():
                try:
                    answer = client.post(self._url, json=BODY)
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                    return
                self.statuses[answer.status_code] += 1
                self.versions[answer.headers["x-perennial-version"]] += 1
