"""A store is tested before it is trusted: does it keep the conditions that claims of versions rest on?

Asked with real writes under one key of its own; what follows from the answer is decided elsewhere.
"""

from dataclasses import dataclass
from uuid import uuid4

from perennial.store.errors import PreconditionFailed
from perennial.store.objects import ObjectStore

PROBES = "_probe/"
"""Above the keys of probes, at the registry's root; namespaces cannot begin with an underscore."""


@dataclass(frozen=True, slots=True)
class Safe:
    """Both conditions were kept."""


@dataclass(frozen=True, slots=True)
class Unsafe:
    """A condition was ignored."""

    reason: str


def probe(store: ObjectStore) -> Safe | Unsafe:
    """Try a second if-none-match put and a put with a stale if-match; both must be refused.

    Raises:
        StorageError: the store did not answer or refused the credentials, so nothing is known.
    """
    key = f"{PROBES}{uuid4().hex}"
    try:
        first = store.put(key, b"first", if_none_match=True)
        if not _refused(store, key, b"second", if_none_match=True):
            return Unsafe(_reason(store, "If-None-Match: *", "overwrote an object that exists"))
        current = store.put(key, b"third", if_match=first)
        if not _refused(store, key, b"fourth", if_match=first):
            return Unsafe(_reason(store, "If-Match", "took the etag of a former content for the current one"))
        if store.get(key).etag != current:
            return Unsafe(
                _reason(store, "If-Match", "refused a stale put with 412 and changed the object all the same")
            )
    finally:
        store.delete(key)
    return Safe()


def _refused(
    store: ObjectStore, key: str, body: bytes, *, if_none_match: bool = False, if_match: str | None = None
) -> bool:
    try:
        store.put(key, body, if_none_match=if_none_match, if_match=if_match)
    except PreconditionFailed:
        return True
    return False


def _reason(store: ObjectStore, header: str, what: str) -> str:
    return (
        f"the store at {store.uri} ignores conditional writes: with {header} it {what}. Two writers could claim one "
        "version; use a store (or a gateway setting) that keeps If-None-Match and If-Match on puts"
    )
