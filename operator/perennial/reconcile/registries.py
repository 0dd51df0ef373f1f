"""The registry as reconcilers reach it: one store a process, blocking calls in the storage pool, trust before use."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock

from perennial.api.fields import format_time
from perennial.api.records.owner import OwnerRecord
from perennial.kube.resources import Ref
from perennial.reconcile.context import Context
from perennial.store import ObjectStore, open_store
from perennial.store.errors import RetryableError
from perennial.store.owner import claim_owner
from perennial.store.probe import Safe, Unsafe, probe
from perennial.store.registry import Registry

PROBE_EVERY = 3600.0


@dataclass
class Trust:
    """Whether the store honours conditional puts: tested at first use and hourly."""

    checked: float = 0.0
    verdict: Safe | Unsafe | None = None
    lock: Lock = field(default_factory=Lock)

    def of(self, store: ObjectStore) -> str:
        """Empty when the store is safe, else why it is not. Blocking.

        Raises:
            StorageError: it cannot be tested now.
        """
        with self.lock:
            if self.verdict is None or time.monotonic() - self.checked > PROBE_EVERY:
                self.verdict = probe(store)
                self.checked = time.monotonic()
            return self.verdict.reason if isinstance(self.verdict, Unsafe) else ""


@lru_cache(maxsize=4)
def _opened(uri: str) -> tuple[ObjectStore, Trust]:
    return open_store(uri), Trust()


def registry(ctx: Context, namespace: str, model: str) -> Registry:
    """The registry of one model, the same object each time. Its methods block: call them with `in_store`."""
    return _registry(ctx.config.registry, namespace, model)


@lru_cache(maxsize=10_000)
def _registry(uri: str, namespace: str, model: str) -> Registry:
    return Registry(_opened(uri)[0], namespace, model)


def store_of(ctx: Context) -> ObjectStore:
    """The store that holds the registry; its methods block."""
    return _opened(ctx.config.registry)[0]


async def in_store[T](ctx: Context, work: Callable[[], T]) -> T:
    """Run blocking registry work in the storage pool.

    Raises:
        StorageError: as the work raised it.
    """
    return await ctx.storage.run(work)


_owned: set[tuple[str, str]] = set()
"""Registry and namespace UID that this process has found to be ours."""


async def _claim(ctx: Context, namespace: str) -> None:
    """Make sure that the namespace's part of the registry is ours.

    Raises:
        StorageOwnedByOther: it is another cluster's, or a former namespace's of that name.
    """
    ours = (await ctx.kube.get(Ref("Namespace", "", namespace)))["metadata"]["uid"]
    if (ctx.config.registry, ours) in _owned:
        return
    cluster = (await ctx.kube.get(Ref("Namespace", "", "kube-system")))["metadata"]["uid"]
    since = format_time(ctx.clock.now().replace(microsecond=0))
    wanted = OwnerRecord(cluster=cluster, namespace=namespace, namespace_uid=ours, since=since)
    await ctx.storage.run(claim_owner, store_of(ctx), wanted)
    _owned.add((ctx.config.registry, ours))


async def distrust(ctx: Context, namespace: str) -> tuple[str, str] | None:
    """Reason and message when the store must not be relied on now, None when it may be.

    Raises:
        StorageOwnedByOther: the namespace's part of the registry is somebody else's.
    """
    store, trust = _opened(ctx.config.registry)
    try:
        why = await ctx.storage.run(trust.of, store)
        if not why:
            await _claim(ctx, namespace)
    except RetryableError as error:
        return "StorageUnavailable", str(error)
    return ("StorageUnsafe", why) if why else None
