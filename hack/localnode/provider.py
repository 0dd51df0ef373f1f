"""What every kind of cluster offers to `hack/cluster` and `hack/images`, whoever runs it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from .engines import Engine
from .forward import Service


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
