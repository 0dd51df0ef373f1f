"""What came of each call of a client, written as JSON on standard output. For the programs beside it.

A client runs in a process of its own: its protobuf messages have the names of ours, and one process holds one of each.
"""

import json
from collections.abc import Callable
from typing import Any

from tritonclient.utils import InferenceServerException

ROWS = [[0.1, -0.2, 0.3, 0.4], [3.0, 2.0, -1.0, 0.5]]
MODEL, VERSION = "flights", "7"


class Calls:
    """Calls by name: `{"answer": …}`, or `{"refused": status, "says": message}`."""

    def __init__(self) -> None:
        self._outcomes: dict[str, dict[str, Any]] = {}

    def make(self, name: str, call: Callable[[], Any]) -> None:
        """Call, and note what came of it; any other exception ends the program."""
        try:
            self._outcomes[name] = {"answer": call()}
        except InferenceServerException as refusal:
            self._outcomes[name] = {"refused": refusal.status(), "says": refusal.message()}

    def write(self) -> None:
        """All of them."""
        print(json.dumps(self._outcomes))
