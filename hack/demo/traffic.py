"""People asking the model: a bounded stream of requests to 127.0.0.1, every answer counted by version."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from typing import Any

PER_SECOND = 60
LONGEST = 1800.0


class Traffic:
    """A thread that asks, at most `PER_SECOND` times a second and for at most half an hour."""

    def __init__(self, url: str, model: str, rows: list[dict[str, object]]) -> None:
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self._url = f"{url}/v2/models/{model}/infer"
        self._rows = rows
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._ended.set()
        self._thread.join(10)

    def use(self, rows: list[dict[str, object]]) -> None:
        """Ask about other rows from now on."""
        self._rows = rows

    def _ask(self) -> None:
        began, count = time.monotonic(), 0
        while not self._ended.is_set() and time.monotonic() - began < LONGEST:
            try:
                self.answers[ask(self._url, [self._rows[count % len(self._rows)]])[1]] += 1
            except (OSError, urllib.error.URLError, ValueError) as error:
                self.failures.append(str(error))
            count += 1
            self._ended.wait(1 / PER_SECOND)


def request_body(rows: list[dict[str, object]]) -> dict[str, Any]:
    """Rows as an Open Inference Protocol request: one tensor a column."""
    inputs = []
    for name in rows[0]:
        values = [row[name] for row in rows]
        known = [v for v in values if v is not None]
        if any(isinstance(v, bool) for v in known):
            datatype = "BOOL"
        elif all(isinstance(v, int | float) for v in known):
            datatype = "FP64"
        else:
            datatype = "BYTES"
        inputs.append({"name": name, "shape": [len(rows)], "datatype": datatype, "data": values})
    return {"inputs": inputs}


def ask(url: str, rows: list[dict[str, object]]) -> tuple[dict[str, Any], str]:
    """One request: the answer and the version that gave it."""
    body = json.dumps(request_body(rows)).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer), answer.headers.get("X-Perennial-Version", "?")
