"""Clusters that others run: kind, or a context of the user's kubeconfig. Thin: their own tools do the work."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from . import binaries, catalogue
from .engines import Engine
from .failure import Failure
from .forward import Forwards, Service
from .place import NODE, Place, shell_kubeconfig
from .processes import Processes
from .progress import step
from .provider import Provider


class _Foreign(Provider):
    """Forwarding is `kubectl port-forward` in the background."""

    def __init__(self, name: str) -> None:
        self.place = Place(name)
        self.forwards = Forwards(self.place, Processes(self.place.run, self.place.logs), self._port_forward)

    def _port_forward(self, target: str, port: int) -> list[str]:
        service, _, service_port = target.rpartition(":")
        _, namespace, name = service.split("/")
        kubectl = [tool("kubectl"), f"--kubeconfig={shell_kubeconfig()}", "-n", namespace, "port-forward"]
        return [*kubectl, "--address=127.0.0.1", f"service/{name}", f"{port}:{service_port}"]

    def forward(self, service: Service, host_port: int | None) -> int:
        self.place.make()
        return self.forwards.service(service, host_port)

    def down(self) -> None:
        self.forwards.stop()

    def _forget(self) -> None:
        self.down()
        for folder in (self.place.state, self.place.run):
            shutil.rmtree(folder, ignore_errors=True)
        shell_kubeconfig().unlink(missing_ok=True)


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
        _output(["kind", "delete", "cluster", f"--name={self.cluster}", f"--kubeconfig={_kubeconfig()}"])
        self._forget()

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
        self._forget()

    def load(self, engine: Engine, name: str) -> None:
        raise Failure(self._refusal(name))

    def load_archive(self, archive: Path) -> None:
        raise Failure(self._refusal(str(archive)))

    def _refusal(self, image: str) -> str:
        where = f"the cluster of context {self.context!r}"
        return f"{image} cannot be put into {where} from here; push it to a registry that it pulls from"


def tool(name: str) -> str:
    """kubectl or helm: the user's own, else ours, which is built if need be."""
    found = shutil.which(name)
    if found is None:
        binaries.provide(catalogue.TOOLS, Place(NODE).bin)
        found = str(Place(NODE).bin / name)
    return found


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
