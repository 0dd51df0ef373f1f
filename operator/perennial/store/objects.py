"""What an object store is to us: a protocol with conditional writes, and the values it answers with.

No implementation is here; `s3` and `file` hold them, `open_store` of the package chooses.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

from perennial.store.errors import InvalidLocation

JSON = "application/json"
BINARY = "application/octet-stream"
MAX_KEY_BYTES = 1024  # of the S3 protocol


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object's bytes and the mark that if-match compares."""

    body: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a store says of an object without reading it."""

    key: str
    size: int  # bytes
    etag: str = ""  # empty where the store gives none in a listing
    version_id: str = ""
    last_modified: datetime | None = None  # by the store's clock, UTC


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What was stored of a file, after the store has confirmed it."""

    key: str
    size: int  # bytes
    sha256: str  # sha256:<64 hex>
    etag: str


@runtime_checkable
class ObjectStore(Protocol):
    """Objects under one prefix. Keys are relative to it. All calls block; all may raise `StorageError`s.

    A conditional put that raises `Unreachable` may have happened: read the key back before trying again.
    """

    @property
    def uri(self) -> str:
        """Where this store's keys begin, without a slash at the end."""
        ...

    def get(self, key: str, *, etag: str = "") -> StoredObject:
        """The whole object, its checksum verified where the store keeps one.

        Raises:
            NotFound: no such object.
            PreconditionFailed: it is not the one with `etag` any more.
        """
        ...

    def get_range(self, key: str, start: int, length: int, *, etag: str = "") -> bytes:
        """At most `length` bytes from `start`; fewer at the end, none behind it.

        Raises:
            NotFound: no such object.
            PreconditionFailed: it is not the one with `etag` any more (a folder does not notice).
        """
        ...

    def head(self, key: str) -> ObjectInfo | None:
        """What the store says of the object; None if there is none."""
        ...

    def list(self, prefix: str = "", delimiter: str = "") -> Iterator[ObjectInfo]:
        """Objects whose keys begin with prefix; with delimiter "/" not those in deeper folders. Any order."""
        ...

    def prefixes(self, prefix: str = "") -> Iterator[str]:
        """The folders right under prefix ("a/b/"), each once."""
        ...

    def put(
        self,
        key: str,
        body: bytes,
        *,
        if_none_match: bool = False,
        if_match: str | None = None,
        content_type: str = BINARY,
    ) -> str:
        """Store bytes and return their etag.

        Raises:
            PreconditionFailed: `if_none_match` and the key exists; or its etag is not `if_match`.
            Conflict: another conditional write of the key was under way.
        """
        ...

    def put_file(self, key: str, path: Path) -> Uploaded:
        """Store a file, in parts if it is large; returns after the store has confirmed size and checksums."""
        ...

    def download(self, key: str, path: Path, *, etag: str = "", sha256: str = "") -> None:
        """Read an object into a file, in parallel ranges if it is large. The file appears whole or not at all.

        Raises:
            NotFound: no such object.
            PreconditionFailed: it is not the one with `etag` any more.
            Corrupt: its content is not that of `sha256` (`sha256:<64 hex>`).
        """
        ...

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens if there is none."""
        ...

    def clock(self) -> datetime:
        """Now, by the clock that stamps `last_modified`, UTC."""
        ...


def checked_key(key: str) -> str:
    """The key itself.

    Raises:
        InvalidLocation: it is empty, too long, or could lead out of the store.
    """
    parts = key.split("/")
    if not key or len(key.encode()) > MAX_KEY_BYTES or any(p in ("", ".", "..") for p in parts) or "\0" in key:
        raise InvalidLocation(
            f"{key!r} is no object key: expected 1 to {MAX_KEY_BYTES} bytes of parts joined by '/', "
            "none of them empty, '.' or '..'"
        )
    return key
