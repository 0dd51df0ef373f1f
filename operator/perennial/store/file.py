"""An `ObjectStore` in a folder, with the semantics of S3: for laptops and tests, one machine, any number of processes.

Not for shared network folders: conditions rest on hard links and flock of one kernel.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

from perennial.api.identities import bare
from perennial.store.checksums import sha256_of_file, verify_file
from perennial.store.errors import AccessDenied, NotFound, PreconditionFailed, StorageError
from perennial.store.objects import BINARY, ObjectInfo, StoredObject, Uploaded, checked_key

OURS = ".perennial"
"""Folder in the root that holds the lock and unfinished files; never listed."""


class FileStore:
    """Objects as files under one folder, which appears with the first write (empty until then).

    ETags are content hashes.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def uri(self) -> str:
        """`file:///folder`."""
        return self.root.absolute().as_uri()

    def get(self, key: str, *, etag: str = "") -> StoredObject:
        """See `ObjectStore.get`."""
        with self._told("read", key):
            body = self._path(key).read_bytes()
        now = hashlib.sha256(body).hexdigest()
        if etag and now != etag:
            raise PreconditionFailed(f"{self._path(key)} has etag {now}, expected {etag}: it was replaced")
        return StoredObject(body, now)

    def get_range(self, key: str, start: int, length: int, *, etag: str = "") -> bytes:
        """See `ObjectStore.get_range`."""
        with self._told("read", key), self._path(key).open("rb") as file:
            file.seek(start)
            return file.read(max(length, 0))

    def head(self, key: str) -> ObjectInfo | None:
        """See `ObjectStore.head`. Reads the file to make its etag."""
        try:
            with self._told("look at", key):
                etag = bare(sha256_of_file(self._path(key)))
                return self._info(key, etag)
        except NotFound:
            return None

    def list(self, prefix: str = "", delimiter: str = "") -> Iterator[ObjectInfo]:
        """See `ObjectStore.list`. Gives no etags: they would mean reading every file."""
        for key in self._keys(prefix, deep=not delimiter):
            with suppress(FileNotFoundError):  # deleted since it was listed
                yield self._info(key)

    def prefixes(self, prefix: str = "") -> Iterator[str]:
        """See `ObjectStore.prefixes`."""
        folders = {prefix + rest.partition("/")[0] + "/" for rest in self._rests(prefix) if "/" in rest}
        yield from sorted(folders)

    def put(
        self,
        key: str,
        body: bytes,
        *,
        if_none_match: bool = False,
        if_match: str | None = None,
        content_type: str = BINARY,
    ) -> str:
        """See `ObjectStore.put`. The content type is not kept."""
        with self._staged(key) as stage:
            stage.write_bytes(body)
            self._publish(stage, key, if_none_match, if_match)
        return hashlib.sha256(body).hexdigest()

    def put_file(self, key: str, path: Path) -> Uploaded:
        """See `ObjectStore.put_file`."""
        with self._staged(key) as stage:
            shutil.copyfile(path, stage)
            digest, size = sha256_of_file(stage), stage.stat().st_size
            self._publish(stage, key, False, None)
        return Uploaded(key, size, digest, bare(digest))

    def download(self, key: str, path: Path, *, etag: str = "", sha256: str = "") -> None:
        """See `ObjectStore.download`."""
        part = path.with_name(path.name + ".part")
        try:
            with self._told("read", key):
                shutil.copyfile(self._path(key), part)
            if etag and (now := bare(sha256_of_file(part))) != etag:
                raise PreconditionFailed(f"{self._path(key)} has etag {now}, expected {etag}: it was replaced")
            verify_file(part, sha256, str(self._path(key)))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        path = self._path(key)
        with self._told("delete", key), suppress(FileNotFoundError, NotADirectoryError), self._locked():
            path.unlink()

    def clock(self) -> datetime:
        """See `ObjectStore.clock`."""
        return datetime.now(UTC)

    def _path(self, key: str) -> Path:
        return self.root / checked_key(key)

    def _info(self, key: str, etag: str = "") -> ObjectInfo:
        stat = self._path(key).stat()
        return ObjectInfo(key, stat.st_size, etag, last_modified=datetime.fromtimestamp(stat.st_mtime, UTC))

    def _keys(self, prefix: str, deep: bool) -> tuple[str, ...]:
        return tuple(prefix + rest for rest in self._rests(prefix) if deep or "/" not in rest)

    def _rests(self, prefix: str) -> tuple[str, ...]:
        """What follows the prefix in every key under it, in order."""
        above = prefix.rpartition("/")[0]
        found: set[str] = set()
        for folder, below, files in os.walk(self.root / above):
            if Path(folder) == self.root and OURS in below:
                below.remove(OURS)
            found |= {(Path(folder) / name).relative_to(self.root).as_posix() for name in files}
        return tuple(sorted(key.removeprefix(prefix) for key in found if key.startswith(prefix)))

    @contextmanager
    def _staged(self, key: str) -> Iterator[Path]:
        """A file beside the store's own, to be filled and published; removed if it was not."""
        with self._told("write", key):
            self._path(key).parent.mkdir(parents=True, exist_ok=True)
            (self.root / OURS).mkdir(exist_ok=True)
            with NamedTemporaryFile(dir=self.root / OURS, prefix="stage-", delete=False) as file:
                stage = Path(file.name)
            try:
                yield stage
            finally:
                stage.unlink(missing_ok=True)

    def _publish(self, stage: Path, key: str, if_none_match: bool, if_match: str | None) -> None:
        target = self._path(key)
        with self._locked():
            if if_match is not None:
                now = bare(sha256_of_file(target)) if target.is_file() else "of no file"
                if now != if_match:
                    raise PreconditionFailed(f"{target} has etag {now}, expected {if_match}: somebody wrote it")
            if not if_none_match:
                stage.replace(target)
                return
            try:
                os.link(stage, target)
            except FileExistsError:
                raise PreconditionFailed(f"{target} exists already") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time changes what keys mean; what they hold is written before."""
        with (self.root / OURS / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _told(self, action: str, key: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as missing:
            raise NotFound(f"cannot {action} {self._path(key)}: there is no such file") from missing
        except PermissionError as denied:
            raise AccessDenied(f"cannot {action} {self._path(key)}: permission denied; check its owner") from denied
        except OSError as other:
            raise StorageError(f"cannot {action} {self._path(key)}: {other.strerror or other}") from other
