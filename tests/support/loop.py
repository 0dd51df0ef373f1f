"""Fixture `loop`: the demo, run by the README's own command on the real node; the tests after it use its cluster."""

import json
import os
import re
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from perennial.store import ObjectStore, open_store
from tests.support.node import RunningNode

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "demo"
MODEL = "flight-delays"


@dataclass(frozen=True)
class Loop:
    """A cluster in which the loop has closed."""

    node: RunningNode
    said: str
    seconds: float

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        """kubectl's standard output."""
        return str(self.node.kubectl(*arguments, input=given).stdout)

    def get(self, kind: str, name: str, namespace: str = NAMESPACE) -> dict[str, Any]:
        """An object, empty if there is none."""
        text = self.kubectl("get", kind, name, "-n", namespace, "-o", "json", "--ignore-not-found")
        found: dict[str, Any] = json.loads(text) if text.strip() else {}
        return found

    def apply(self, body: dict[str, Any], namespace: str = NAMESPACE) -> None:
        """kubectl apply."""
        self.kubectl("apply", "-n", namespace, "-f", "-", given=json.dumps(body))

    def condition(self, kind: str, name: str, type_: str, namespace: str = NAMESPACE) -> dict[str, Any]:
        """A condition of an object, empty if it has none."""
        conditions = self.get(kind, name, namespace).get("status", {}).get("conditions", [])
        return next((c for c in conditions if c["type"] == type_), {})

    def until(self, what: str, holds: Callable[[], Any], seconds: float = 240) -> Any:
        """Wait until something holds; its value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := holds():
                return value
            time.sleep(1)
        raise AssertionError(f"after {seconds:.0f} s it is still not so that {what}")

    def store(self) -> ObjectStore:
        """The bucket, as its administrator sees it."""
        secret = json.loads(self.kubectl("get", "secret", "perennial-s3", "-n", "perennial-system", "-o", "json"))
        keys = {k: b64decode(v).decode() for k, v in secret["data"].items() if k.startswith("AWS_")}
        endpoint = self.node.url("perennial-system", "perennial-s3", 8333)
        return open_store("s3://perennial", {**keys, "AWS_ENDPOINT_URL_S3": endpoint})


@pytest.fixture(scope="session")
def loop(node: RunningNode) -> Iterator[Loop]:
    """`make demo`, from a state in which no later month has arrived; everything of it is removed at the end."""
    _removed(node)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "hack.demo", "up"], cwd=ROOT, capture_output=True, text=True, timeout=1500, check=False,
        env={**os.environ, "COLUMNS": "160", "NO_COLOR": "1"},
    )  # fmt: skip
    said = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", done.stdout)
    closed = Loop(node, said, time.monotonic() - began)
    try:
        assert done.returncode == 0, f"{said[-3000:]}\n{done.stderr[-3000:]}\n{_state(closed)}"
        yield closed
    finally:
        _removed(node)


def _removed(node: RunningNode) -> None:
    """Nothing of an earlier demo is left, its store and later months neither."""
    node.kubectl("delete", "namespace", NAMESPACE, "perennial-system", "--ignore-not-found", timeout=180)


def _state(loop: Loop) -> str:
    said = [
        loop.node.kubectl("get", "mtr,mdp,rtp,pods,jobs", "-n", NAMESPACE, "-o", "wide", check=False).stdout,
        loop.node.kubectl("get", "events", "-n", NAMESPACE, check=False).stdout[-3000:],
        loop.node.kubectl(
            "logs", "-n", "perennial-system", "-l", "app.kubernetes.io/component=operator", "--tail=30", check=False
        ).stdout,
    ]
    return "\n".join(str(s) for s in said)
