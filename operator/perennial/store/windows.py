"""Where the counters of servers lie: cumulative files a pod and slot, and their sum, written once. Bytes only.

What is in the files and how they add up is in `perennial.api.records.window`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from perennial.store import files
from perennial.store.errors import NotFound
from perennial.store.layout import SUM, WindowKeys, slot_start
from perennial.store.objects import JSON, ObjectInfo, ObjectStore


@dataclass(frozen=True, slots=True)
class WindowFile:
    """One pod's file of a slot."""

    key: str
    body: bytes


class Windows:
    """The windows of one model artifact under one ModelDeployment."""

    def __init__(self, store: ObjectStore, keys: WindowKeys) -> None:
        self._store = store
        self._keys = keys

    def put(self, start: datetime, pod: str, boot: str, body: bytes) -> None:
        """Replace what this pod has counted in the slot so far (cumulative: the newest file says all)."""
        self._store.put(self._keys.window(start, pod, boot), body, content_type=JSON)

    def slots(self) -> list[datetime]:
        """Starts of all slots with any file, ascending, UTC. Some stores show a folder a while after its last file."""
        folders = (p.removeprefix(self._keys.windows).rstrip("/") for p in self._store.prefixes(self._keys.windows))
        return sorted(start for name in folders if (start := slot_start(name)))

    def files(self, start: datetime) -> Iterator[WindowFile]:
        """The pods' files of a slot, ascending by key; the sum is not among them."""
        keys = sorted(info.key for info in self._infos(start))
        for key in keys:
            yield WindowFile(key, self._store.get(key).body)

    def newest(self, start: datetime) -> datetime | None:
        """When the last of the pods' files was written, by the store's clock; None without files."""
        return max((info.last_modified for info in self._infos(start) if info.last_modified), default=None)

    def total(self, start: datetime) -> bytes | None:
        """The slot's sum; None if it was not made yet."""
        try:
            return self._store.get(self._keys.total(start)).body
        except NotFound:
            return None

    def put_total(self, start: datetime, body: bytes) -> bytes:
        """Keep the slot's sum; the first one stays and is returned, for it may have been judged already."""
        if files.create(self._store, self._keys.total(start), body):
            return body
        return self._store.get(self._keys.total(start)).body

    def _infos(self, start: datetime) -> Iterator[ObjectInfo]:
        return (info for info in self._store.list(self._keys.slot(start)) if not info.key.endswith(f"/{SUM}"))
