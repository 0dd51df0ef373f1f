"""Checkpoints of own code: the folder output/checkpoint/ as one archive a time, saved whole and restored whole.

Code writes a file under another name and renames it; an archive is made only of a folder that held still meanwhile.
"""

import logging
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from perennial.api.records.contract import CHECKPOINT, OUTPUT
from perennial.runtime.training.own.foreign_files import plain_files
from perennial.runtime.training.own.places import Places
from perennial.store.errors import StorageError
from perennial.store.layout import ModelKeys
from perennial.store.objects import ObjectInfo, ObjectStore

UNFINISHED = ".tmp"
KEPT = 2
LOG = logging.getLogger("perennial.training")

Marks = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Shelf:
    """Where the checkpoints of one run lie."""

    store: ObjectStore
    keys: ModelKeys
    run_digest: str

    def all(self) -> list[ObjectInfo]:
        """Of all attempts, newest first by the store's clock."""
        found = self.store.list(self.keys.checkpoint(self.run_digest))
        return sorted(found, key=lambda info: (info.last_modified, info.key), reverse=True)


@dataclass
class Saver:
    """Saves what one pod's code leaves, when it has changed."""

    shelf: Shelf
    places: Places
    attempt: str
    saved: Marks = ()  # the state that is in storage already
    _sequence: int = 0
    _mine: list[str] = field(default_factory=list)

    def save(self) -> bool:
        """Save the folder if it has changed and holds still; whether it was saved.

        Raises:
            StorageError: storage did not take it.
        """
        before = marks(self.places)
        if not before or before == self.saved:
            return False
        archive = self.places.private / "checkpoint.tar"
        try:
            _pack(self.places, archive)
        except OSError as error:
            LOG.info("the checkpoint changed while it was read, later then: %s", error)
            return False
        if marks(self.places) != before:
            return False
        self._sequence += 1
        key = self.shelf.keys.checkpoint(self.shelf.run_digest, self.attempt, f"{self._sequence:08d}")
        self.shelf.store.put_file(key, archive)
        archive.unlink()
        self.saved = before
        self._mine.append(key)
        LOG.info("checkpoint %d saved: %d files", self._sequence, len(before))
        while len(self._mine) > KEPT:
            forgotten(self.shelf.store, [self._mine.pop(0)])
        return True


def marks(places: Places) -> Marks:
    """What tells one state of the folder from another; empty for a folder that cannot be read."""
    try:
        return tuple((name, info.st_size, info.st_mtime_ns) for name, info, _ in _files(places))
    except OSError:
        return ()


def restored(shelf: Shelf, places: Places) -> str | None:
    """Put the newest whole checkpoint into its folder; its key, None if there is none.

    Raises:
        StorageError: storage did not answer.
    """
    archive = places.private / "restore.tar"
    for info in shelf.all():
        shelf.store.download(info.key, archive)
        try:
            places.checkpoint.mkdir(parents=True, exist_ok=True)
            with tarfile.open(archive) as tar:
                tar.extractall(places.checkpoint, filter="data")
        except (tarfile.TarError, OSError) as error:
            LOG.warning("checkpoint %s cannot be read, an earlier one is tried: %s", info.key, error)
            continue
        finally:
            archive.unlink(missing_ok=True)
        LOG.info("checkpoint %s restored", info.key)
        return info.key
    return None


def forgotten(store: ObjectStore, keys: list[str]) -> None:
    """Delete checkpoints that nobody will want; what cannot be deleted waits for `perennial gc`."""
    for key in keys:
        try:
            store.delete(key)
        except StorageError as error:
            LOG.info("checkpoint %s stays for now: %s", key, error)


def _files(places: Places) -> Iterator[tuple[str, os.stat_result, BinaryIO]]:
    for name, info, file in plain_files(places.run, OUTPUT, CHECKPOINT):
        if not name.endswith(UNFINISHED):
            yield name, info, file


def _pack(places: Places, archive: Path) -> None:
    with tarfile.open(archive, "w") as tar:
        for name, info, file in _files(places):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = info.st_size, int(info.st_mtime), 0o644
            tar.addfile(entry, file)
