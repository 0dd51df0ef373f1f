"""Full looks at the cluster: fill the cache at start, and later find what the watches did not tell.

A watch that was cut may have lost a deletion; the object would stay in the cache as a ghost. Normal changes come
through the watches (handlers/intake.py), not from here.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from perennial.kube.client import Kube
from perennial.kube.errors import ApiError, NotFound
from perennial.kube.resources import CHILDREN, MANAGED_BY, MANAGER, OWN, Ref, Resource
from perennial.observe.cache import Cache

log = logging.getLogger(__name__)

Body = Mapping[str, Any]


def selector(resource: Resource) -> str:
    """Label selector for a kind: everything of our own kinds, only what we made of the others."""
    return "" if resource in OWN else f"{MANAGED_BY}={MANAGER}"


async def fill(kube: Kube, cache: Cache, namespaces: Iterable[str | None]) -> list[str]:
    """Read every object into the cache before the first decision: children that exist must not look missing.

    Returns:
        Kinds that the API server does not serve (a CRD that is not installed).
    """
    missing = []
    for resource in (*CHILDREN, *OWN):
        try:
            for namespace in namespaces:
                async for items, _ in kube.pages(resource.kind, namespace, labels=selector(resource)):
                    for item in items:
                        cache.upsert(item)
        except NotFound:
            missing.append(resource.kind)
    return missing


async def prune(
    kube: Kube,
    cache: Cache,
    namespaces: Iterable[str | None],
    *,
    seen: Callable[[Body], None],
    gone: Callable[[Body], None],
) -> int:
    """Compare the cache with the cluster by name, UID and version, and repair it.

    Args:
        kube: the API server.
        cache: what is believed.
        namespaces: what is watched; None for all.
        seen: told every object that the cache had not, or had in another version.
        gone: told every ghost (kind and metadata are there, as last known).

    Returns:
        How many entries were repaired.
    """
    repaired = 0
    for resource in (*CHILDREN, *OWN):
        for namespace in namespaces:
            try:
                repaired += await _prune_kind(kube, cache, resource, namespace, seen, gone)
            except ApiError as error:  # the next round comes; the other kinds need not wait for it
                log.warning("list of %s in %s failed: %s", resource.plural, namespace or "all namespaces", error)
    return repaired


async def _prune_kind(
    kube: Kube,
    cache: Cache,
    resource: Resource,
    namespace: str | None,
    seen: Callable[[Body], None],
    gone: Callable[[Body], None],
) -> int:
    repaired, listed_at, listed = 0, 0, set()
    pages = kube.pages(resource.kind, namespace, labels=selector(resource), metadata_only=True)
    async for items, version in pages:
        listed_at = int(version) if version.isdigit() else 0
        for item in items:
            ref = Ref.to(item)
            listed.add((ref.kind, ref.namespace, ref.name))
            if not cache.is_exactly(item):
                repaired += await _reread(kube, cache, ref, seen)
    for name in cache.names(resource.kind, namespace):
        # What was cached after the list began may well not be in it.
        if name not in listed and cache.version(name) <= listed_at:
            body = cache.get(*name)
            if body is not None and cache.remove(*name, uid=body["metadata"]["uid"]):
                gone(body)
                repaired += 1
    return repaired


async def _reread(kube: Kube, cache: Cache, ref: Ref, seen: Callable[[Body], None]) -> int:
    try:
        body = await kube.get(ref)
    except NotFound:
        return 0
    if cache.upsert(body, trusted=True):
        seen(body)
        return 1
    return 0
