"""The last known state of every object that decisions read, by kind, name and owner. It asks nobody and writes nothing.

Objects are kept as packed bytes and unpacked when looked at: 10,000 of them cost tens of megabytes instead of
hundreds, and no reader can change what another one sees.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from perennial.observe.projection import pack, unpack

Body = Mapping[str, Any]
Name = tuple[str, str, str]  # kind, namespace, name

GONE_KEPT = 4096
"""UIDs remembered after removal: an answer or a list page that is still under way must not bring them back."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One cached object."""

    uid: str
    version: int  # resourceVersion; 0 when the server gave none that is a number
    owner: str  # UID of the controller owner, or empty
    packed: bytes


class Cache:
    """All observed objects. One event loop uses it; nothing in it waits."""

    def __init__(self) -> None:
        self._entries: dict[Name, Entry] = {}
        self._by_kind: defaultdict[tuple[str, str], set[Name]] = defaultdict(set)
        self._by_owner: defaultdict[str, set[Name]] = defaultdict(set)
        self._gone: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        """A private copy of an object, None when it is not known."""
        entry = self._entries.get((kind, namespace, name))
        return None if entry is None else unpack(entry.packed)

    def uid(self, kind: str, namespace: str, name: str) -> str | None:
        """The UID of an object, without unpacking it."""
        entry = self._entries.get((kind, namespace, name))
        return None if entry is None else entry.uid

    def owned(self, owner_uid: str, kind: str | None = None) -> list[dict[str, Any]]:
        """Objects whose controller owner has that UID, by name."""
        names = sorted(n for n in self._by_owner.get(owner_uid, ()) if kind is None or n[0] == kind)
        return [unpack(self._entries[n].packed) for n in names]

    def version(self, name: Name) -> int:
        """The resourceVersion of an object, 0 when it is not known."""
        entry = self._entries.get(name)
        return 0 if entry is None else entry.version

    def names(self, kind: str, namespace: str | None = None) -> list[Name]:
        """Names of all objects of a kind, sorted; cheap at any size."""
        spaces = (namespace,) if namespace is not None else {ns for k, ns in self._by_kind if k == kind}
        return sorted(n for ns in spaces for n in self._by_kind.get((kind, ns), ()))

    def of_kind(self, kind: str, namespace: str | None = None) -> Iterator[dict[str, Any]]:
        """Copies of all objects of a kind, unpacked one by one as they are asked for."""
        for name in self.names(kind, namespace):
            entry = self._entries.get(name)
            if entry is not None:
                yield unpack(entry.packed)

    def is_known(self, body: Body) -> bool:
        """Whether this very version of the object is cached: the quick way out for repeated lists."""
        entry = self._entries.get(_name(body))
        return entry is not None and entry.uid == body["metadata"]["uid"] and 0 < _version(body) <= entry.version

    def is_exactly(self, body: Body) -> bool:
        """Whether the cache holds the object in neither an older nor a newer version."""
        entry = self._entries.get(_name(body))
        return entry is not None and (entry.uid, entry.version) == (body["metadata"]["uid"], _version(body))

    def upsert(self, body: Body, *, trusted: bool = False) -> bool:
        """Take in an object; True when something that a decision reads is new.

        An older version than the cached one, and an object known to be gone, is left aside.

        Args:
            body: the object as the API server sent it.
            trusted: it was just read for its own sake: believe it even where its version went backwards (a
                restored etcd).
        """
        name, version, uid = _name(body), _version(body), str(body["metadata"]["uid"])
        known = self._entries.get(name)
        if not trusted and (uid in self._gone or (known is not None and version < known.version)):
            return False
        entry = Entry(uid, version, _owner(body), pack(body))
        if known is not None and known.owner != entry.owner:
            self._by_owner[known.owner].discard(name)
        self._entries[name] = entry
        self._by_kind[name[:2]].add(name)
        if entry.owner:
            self._by_owner[entry.owner].add(name)
        return known is None or known.packed != entry.packed

    def remove(self, kind: str, namespace: str, name: str, uid: str) -> bool:
        """Forget an object; False when it was not known, or a successor has taken its name."""
        self._gone[uid] = None
        while len(self._gone) > GONE_KEPT:
            del self._gone[next(iter(self._gone))]
        key = (kind, namespace, name)
        entry = self._entries.get(key)
        if entry is None or entry.uid != uid:
            return False
        del self._entries[key]
        _discard(self._by_kind, key[:2], key)
        if entry.owner:
            _discard(self._by_owner, entry.owner, key)
        return True


def _discard[K](index: dict[K, set[Name]], at: K, name: Name) -> None:
    index[at].discard(name)
    if not index[at]:
        del index[at]


def _name(body: Body) -> Name:
    meta = body["metadata"]
    return str(body["kind"]), str(meta.get("namespace", "")), str(meta["name"])


def _version(body: Body) -> int:
    # Comparable since Kubernetes 1.35 by contract, and in fact since ever: etcd's revision.
    version = str(body["metadata"].get("resourceVersion", ""))
    return int(version) if version.isdigit() else 0


def _owner(body: Body) -> str:
    owners = body["metadata"].get("ownerReferences") or ()
    return next((str(o["uid"]) for o in owners if o.get("controller")), "")
