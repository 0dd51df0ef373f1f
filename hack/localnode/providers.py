"""The clusters a person can choose from: the local node, kind, or one that exists already. One interface for all."""

from __future__ import annotations

import json
import shutil
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path

from . import binaries, catalogue, engines, network
from .engines import Engine
from .failure import Failure
from .forward import Service
from .images import send
from .node import Node
from .place import Place, shell_kubeconfig
from .processes import Processes
from .progress import say, step

NAMES = ("node", "kind", "context")


class Provider(ABC):
    """A cluster that the host reaches through shell_kubeconfig() and 127.0.0.1."""

    @abstractmethod
    def up(self) -> None: ...

    @abstractmethod
    def down(self) -> None: ...

    @abstractmethod
    def wipe(self) -> None: ...

    @abstractmethod
    def load(self, engine: Engine, name: str) -> None:
        """Give the cluster an image that the engine has built."""

    @abstractmethod
    def load_archive(self, archive: Path) -> None:
        """Give the cluster the images of a file that `docker save` wrote."""

    @abstractmethod
    def forward(self, service: Service, host_port: int | None) -> int:
        """Make a Service reachable on 127.0.0.1; returns the port."""


class NodeProvider(Provider):
    """The local node of this checkout."""

    def __init__(self) -> None:
        self.node = Node()

    def up(self) -> None:
        self.node.up()

    def down(self) -> None:
        self.node.down()

    def wipe(self) -> None:
        self.node.wipe()

    def load(self, engine: Engine, name: str) -> None:
        send(engine, name, self.node.containerd)

    def load_archive(self, archive: Path) -> None:
        self.node.containerd.load(archive)

    def forward(self, service: Service, host_port: int | None) -> int:
        if not self.node.is_up():
            raise Failure("the node is not up; start it with `hack/cluster up`")
        return self.node.forwards.service(service, host_port)


class _Foreign(Provider):
    """A cluster that others run; forwarding is `kubectl port-forward` in the background."""

    def __init__(self, name: str) -> None:
        self.place = Place(name)
        self.processes = Processes(self.place.run, self.place.logs)

    def forward(self, service: Service, host_port: int | None) -> int:
        port = host_port or network.free_ports(1)[0]
        command = [tool("kubectl"), f"--kubeconfig={shell_kubeconfig()}", "-n", service.namespace, "port-forward"]
        command += ["--address=127.0.0.1", f"service/{service.name}", f"{port}:{service.port}"]
        self.place.make()
        self.processes.ensure(f"forward-{service.label}", command)
        self.processes.wait(f"127.0.0.1:{port} is forwarded", lambda: not network.is_free(port), 20)
        return port

    def down(self) -> None:
        for name in self.processes.names():
            self.processes.stop(name)


class KindProvider(_Foreign):
    """A kind cluster of this checkout, on Docker or Podman."""

    def __init__(self) -> None:
        super().__init__("kind")
        self.cluster = f"perennial-{self.place.key}"

    def up(self) -> None:
        if shutil.which("kind") is None:
            raise Failure("`kind` is not on PATH; install it (https://kind.sigs.k8s.io) or use `--provider node`")
        if self.cluster not in _output(["kind", "get", "clusters"]).split():
            with step(f"kind cluster {self.cluster}"):
                _output(["kind", "create", "cluster", f"--name={self.cluster}", f"--kubeconfig={_kubeconfig()}"])
        _write_kubeconfig(_output(["kind", "get", "kubeconfig", f"--name={self.cluster}"]))

    def wipe(self) -> None:
        self.down()
        _output(["kind", "delete", "cluster", f"--name={self.cluster}", f"--kubeconfig={_kubeconfig()}"])

    def load(self, engine: Engine, name: str) -> None:
        archive = self.place.state / "image.tar"
        self.place.make()
        engine.run("save", "-o", str(archive), name)
        self.load_archive(archive)
        archive.unlink()

    def load_archive(self, archive: Path) -> None:
        _output(["kind", "load", "image-archive", str(archive), f"--name={self.cluster}"])


class ContextProvider(_Foreign):
    """A context of the user's kubeconfig. Nothing of that cluster is ever started, stopped or deleted from here."""

    def __init__(self, context: str) -> None:
        super().__init__("context")
        self.context = context

    def up(self) -> None:
        view = [tool("kubectl"), "config", "view", "--minify", "--flatten", "--raw", f"--context={self.context}"]
        _write_kubeconfig(_output(view))

    def wipe(self) -> None:
        self.down()
        shell_kubeconfig().unlink(missing_ok=True)

    def load(self, engine: Engine, name: str) -> None:
        raise Failure(self._refusal(name))

    def load_archive(self, archive: Path) -> None:
        raise Failure(self._refusal(str(archive)))

    def _refusal(self, image: str) -> str:
        where = f"the cluster of context {self.context!r}"
        return f"{image} cannot be put into {where} from here; push it to a registry that it pulls from"


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


def tool(name: str) -> str:
    """kubectl or helm: the user's own, else ours, which is built if need be."""
    found = shutil.which(name)
    if found is None:
        binaries.provide(catalogue.TOOLS, Place("node").bin)
        found = str(Place("node").bin / name)
    return found


def _memory() -> Path:
    return Place("node").state.parent / "provider.json"


def _kubeconfig() -> Path:
    shell_kubeconfig().parent.mkdir(parents=True, exist_ok=True)
    return shell_kubeconfig()


def _write_kubeconfig(content: str) -> None:
    path = _kubeconfig()
    path.touch(mode=0o600)
    path.write_text(content)


def _output(command: list[str]) -> str:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise Failure(f"{' '.join(command)}: {run.stderr.strip()}")
    return run.stdout
