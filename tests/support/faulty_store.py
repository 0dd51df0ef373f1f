"""An `ObjectStore` that fails on purpose around a real one: to kill a writer before or after any of its writes."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from perennial.store import ObjectInfo, ObjectStore, StoredObject, Uploaded
from perennial.store.errors import StorageError


class Killed(BaseException):
    """The process ended here. No `except Exception` of ours may see it."""


class FaultyStore:
    """Passes everything on; calls `before(n, key)` and `after(n, key)` around the n-th write (from 1).

    Either may raise `Killed`, a `StorageError`, or run another writer in between.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        before: Callable[[int, str], None] | None = None,
        after: Callable[[int, str], None] | None = None,
    ) -> None:
        self._store = store
        self._before = before
        self._after = after
        self.writes = 0

    @property
    def uri(self) -> str:
        return self._store.uri

    def get(self, key: str, *, etag: str = "") -> StoredObject:
        return self._store.get(key, etag=etag)

    def get_range(self, key: str, start: int, length: int, *, etag: str = "") -> bytes:
        return self._store.get_range(key, start, length, etag=etag)

    def head(self, key: str) -> ObjectInfo | None:
        return self._store.head(key)

    def list(self, prefix: str = "", delimiter: str = "") -> Iterator[ObjectInfo]:
        return self._store.list(prefix, delimiter)

    def prefixes(self, prefix: str = "") -> Iterator[str]:
        return self._store.prefixes(prefix)

    def put(
        self,
        key: str,
        body: bytes,
        *,
        if_none_match: bool = False,
        if_match: str | None = None,
        content_type: str = "application/octet-stream",
    ) -> str:
        return self._write(
            key,
            lambda: self._store.put(
                key, body, if_none_match=if_none_match, if_match=if_match, content_type=content_type
            ),
        )

    def put_file(self, key: str, path: Path) -> Uploaded:
        return self._write(key, lambda: self._store.put_file(key, path))

    def download(self, key: str, path: Path, *, etag: str = "", sha256: str = "") -> None:
        self._store.download(key, path, etag=etag, sha256=sha256)

    def delete(self, key: str) -> None:
        self._write(key, lambda: self._store.delete(key))

    def clock(self) -> datetime:
        return self._store.clock()

    def _write[T](self, key: str, write: Callable[[], T]) -> T:
        self.writes += 1
        mine = self.writes
        if self._before:
            self._before(mine, key)
        result = write()
        if self._after:
            self._after(mine, key)
        return result


def killed_at(store: ObjectStore, write: int, *, after: bool) -> FaultyStore:
    """A store whose writer dies right before or after that write."""

    def die(number: int, _: str) -> None:
        if number == write:
            raise Killed

    return FaultyStore(store, **({"after": die} if after else {"before": die}))


def failing_first(store: ObjectStore, times: int, error: type[StorageError], *, after: bool = False) -> FaultyStore:
    """A store whose first writes fail with an error; with `after` although they happened (the answer was lost)."""

    def fail(number: int, key: str) -> None:
        if number <= times:
            raise error(f"made to fail: write {number} of {key}")

    return FaultyStore(store, **({"after": fail} if after else {"before": fail}))
