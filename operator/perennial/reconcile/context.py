"""What a reconciler is given: a key and its surroundings. No logic lives here."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from perennial.kube.client import Kube
from perennial.observe.cache import Cache
from perennial.reconcile.config import OperatorConfig
from perennial.reconcile.prometheus import Prometheus
from perennial.reconcile.storage import StoragePool


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """One of the user's objects."""

    kind: str  # ModelTraining, ModelDeployment or RetrainPolicy
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


class Clock:
    """The wall clock. Tests pass another one; waits never use it (they are monotonic)."""

    def now(self) -> datetime:
        """The time, aware, UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True)
class Context:
    """The surroundings of every look at an object."""

    cache: Cache
    kube: Kube
    storage: StoragePool
    clock: Clock
    config: OperatorConfig
    enqueue: Callable[[Key, float], None]  # look at another key in so many seconds
    prometheus: Prometheus = field(default_factory=Prometheus)


Reconciler = Callable[[Key, Context], Awaitable[float | None]]
"""One look at one object. Returns seconds until the next one; None: only when something happens."""

Related = Callable[[Mapping[str, Any], Cache], Iterable[Key]]
"""Keys of other objects that read a changed one (a deployment follows a training's versions)."""
