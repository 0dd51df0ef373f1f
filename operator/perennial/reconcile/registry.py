"""Which function looks after which kind, and which keys an object's change concerns besides its own."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from perennial.observe.cache import Cache
from perennial.reconcile.context import Key, Reconciler

RECONCILERS: dict[str, Reconciler] = {}

Related = Callable[[Mapping[str, Any], Cache], Iterable[Key]]
RELATED: dict[str, Related] = {}
"""By kind of the changed object: keys of other objects that read it (a deployment follows a training's versions)."""
