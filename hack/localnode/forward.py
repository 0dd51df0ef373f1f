"""Ways from 127.0.0.1 of the host to what runs in the cluster: starts, remembers and ends forwarder processes.

The traffic itself is forwarder.py's, or `kubectl port-forward`'s.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import network
from .failure import Failure
from .place import Place
from .processes import Processes

_HACK = Path(__file__).resolve().parent.parent
_PREFIX = "forward-"


@dataclass(frozen=True)
class Service:
    """A port of a Service, reached by its ClusterIP."""

    namespace: str
    name: str
    port: int

    @property
    def label(self) -> str:
        return f"{self.namespace}.{self.name}.{self.port}"  # neither name can hold a dot


class Forwards:
    """The forwarders of one cluster. Their ports are remembered, so that a URL stays the same over `down` and `up`."""

    def __init__(self, place: Place, processes: Processes, command: Callable[[str, int], list[str]]) -> None:
        """`command` makes a forwarder's command line of target ("svc/NAMESPACE/NAME:PORT") and port on the host."""
        self._place, self._processes, self._command = place, processes, command
        self._memory = place.state / "forwards.json"

    def api(self, port: int) -> int:
        """Forward to the API server; returns the port on the host."""
        preferred = 20000 + int(self._place.key, 16) % 10000
        return self._ensure("api", f"127.0.0.1:{port}", self._ports().get("api", preferred), may_move=True)

    def service(self, service: Service, host_port: int | None = None) -> int:
        """Forward to a Service; returns the port on the host. Asked again for the same, it is the same forwarder.

        Raises Failure if the wanted port is taken.
        """
        known = self._ports().get(service.label)
        target = f"svc/{service.namespace}/{service.name}:{service.port}"
        return self._ensure(service.label, target, host_port or known or 0, may_move=host_port is None)

    def running(self) -> dict[str, int]:
        """Label → port on the host of those that run."""
        return {label: port for label, port in self._ports().items() if self._processes.live(_PREFIX + label)}

    def stop(self, namespace: str | None = None) -> None:
        """End the forwarders to the Services of one namespace, or all."""
        wanted = _PREFIX if namespace is None else f"{_PREFIX}{namespace}."
        for name in self._processes.names():
            if name.startswith(wanted):
                self._processes.stop(name)

    def _ensure(self, label: str, target: str, port: int, *, may_move: bool) -> int:
        name = _PREFIX + label
        if self.running().get(label) != port:
            self._processes.stop(name)
            port = _usable(port, may_move=may_move)
        environment = {"PYTHONPATH": str(_HACK), "PYTHONDONTWRITEBYTECODE": "1"}
        self._processes.ensure(name, self._command(target, port), environment)
        self._processes.wait(f"127.0.0.1:{port} is forwarded", lambda: self._listens(name, port), 10)
        self._memory.write_text(json.dumps(self._ports() | {label: port}))
        return port

    def _listens(self, name: str, port: int) -> bool:
        pid = self._processes.live(name)
        return pid is not None and network.listens(pid, port)

    def _ports(self) -> dict[str, int]:
        try:
            return dict(json.loads(self._memory.read_text()))
        except (OSError, ValueError):
            return {}


def into_namespace(place: Place) -> Callable[[str, int], list[str]]:
    """Makes the command lines of forwarders that reach into the node's network namespace."""

    def command(target: str, port: int) -> list[str]:
        program = [sys.executable, "-m", "localnode.forwarder", f"--listen={port}", f"--target={target}"]
        access = [f"--kubectl={place.bin / 'kubectl'}", f"--kubeconfig={place.kubeconfig}"]
        return [*program, f"--namespace={place.namespace}", *access]

    return command


def _usable(port: int, *, may_move: bool) -> int:
    if port and network.is_free(port):
        return port
    if not may_move:
        raise Failure(f"port {port} of 127.0.0.1 is taken by another program; choose another with --port")
    return network.free_ports(1)[0]
