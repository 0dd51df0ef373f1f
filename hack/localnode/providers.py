"""The clusters a person can choose from: the local node, kind, or one that exists already."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from . import engines
from .engines import Engine
from .failure import Failure
from .foreign import ContextProvider, KindProvider
from .forward import Service
from .images import send
from .node import Node
from .place import NODE, Place
from .progress import say
from .provider import Provider

NAMES = ("node", "kind", "context")


class NodeProvider(Provider):
    """The local node of this checkout."""

    def __init__(self) -> None:
        self.node = Node()

    def up(self) -> None:
        self.node.up()

    def down(self) -> None:
        if self.node.place.state.exists():  # else it was never up, and needs no root to be ended
            self.node.down()

    def wipe(self) -> None:
        if self.node.place.state.exists():
            self.node.wipe()

    def load(self, engine: Engine, name: str) -> None:
        send(engine, name, self.node.containerd)

    def load_archive(self, archive: Path) -> None:
        self.node.containerd.load(archive)

    def forward(self, service: Service, host_port: int | None) -> int:
        if not self.node.is_up():
            raise Failure("the node is not up; start it with `hack/cluster up`")
        return self.node.forwards.service(service, host_port)


def choose(wanted: str, context: str | None) -> str:
    """The provider's name for --provider and --context: what was asked for, else kind if it can run, else the node."""
    if context is not None or wanted == "context":
        if context is None or wanted not in ("auto", "context"):
            raise Failure("--context NAME goes with --provider context (or auto), and the other way round")
        return "context"
    if wanted != "auto":
        return wanted
    engine = next((name for name in ("docker", "podman") if engines.answers(name)), None)
    if engine and shutil.which("kind"):
        return "kind"
    if engine:
        say(f"{engine} answers, but `kind` is not on PATH: using the local node")
    return "node"


def make(name: str, context: str | None = None) -> Provider:
    """The provider of this name."""
    if name == "context":
        return ContextProvider(context or "")
    return KindProvider() if name == "kind" else NodeProvider()


def remember(name: str, context: str | None) -> None:
    """Keep the choice, so that the other commands know what `up` used."""
    path = _memory()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"provider": name, "context": context}))


def current() -> Provider:
    """What the last `up` used; the local node if there was none."""
    try:
        known = json.loads(_memory().read_text())
    except (OSError, ValueError):
        return NodeProvider()
    return make(known["provider"], known["context"])


def _memory() -> Path:
    return Place(NODE).state.parent / "provider.json"
