"""Runs of a model: immutable, addressed by their digest, found by runKey. A run without run.json does not exist."""

from collections.abc import Iterator
from pathlib import Path

from perennial.api.identities import bare, sha256_digest
from perennial.api.records.run import FrozenRequest, RunPointer, RunRecord, StoredFile
from perennial.store import files
from perennial.store.errors import Corrupt, NotFound, PreconditionFailed
from perennial.store.layout import ModelKeys
from perennial.store.objects import JSON, ObjectStore


class Runs:
    """The runs of one model."""

    def __init__(self, store: ObjectStore, keys: ModelKeys) -> None:
        self._store = store
        self._keys = keys

    def read(self, run_digest: str) -> RunRecord | None:
        """run.json; None if the run does not exist. Raises Corrupt."""
        found = files.read(self._store, self._keys.run(run_digest), RunRecord)
        return found.record if found else None

    def exists(self, run_digest: str) -> bool:
        """Whether run.json is there."""
        return self._store.head(self._keys.run(run_digest)) is not None

    def find(self, run_key: str) -> RunRecord | None:
        """The run that a runKey led to; None if there is none or it was never finished."""
        pointer = files.read(self._store, self._keys.run_pointer(run_key), RunPointer)
        return self.read(pointer.record.run_digest) if pointer else None

    def freeze_request(self, run_digest: str, body: bytes) -> None:
        """Keep a run's input; the first attempt's stays."""
        files.create(self._store, self._keys.request(run_digest), body)

    def request(self, run_digest: str) -> FrozenRequest | None:
        """What a run was asked and what it read; None if it was never begun. Raises Corrupt."""
        found = files.read(self._store, self._keys.request(run_digest), FrozenRequest)
        return found.record if found else None

    def publish(self, record: RunRecord) -> RunRecord:
        """Make a run exist: its pointer first, run.json last. Returns the run that exists now.

        If another attempt was first, that one is returned, and the files of this attempt are waste.
        """
        self.point(record.run_key, record.run_digest)
        if files.create(self._store, self._keys.run(record.run_digest), record.to_json()):
            return record
        winner = self.read(record.run_digest)
        if winner is None:
            raise NotFound(f"{self._uri(record.run_digest)} existed and was deleted while the run was published")
        return winner

    def point(self, run_key: str, run_digest: str) -> str:
        """Let a runKey lead to a run, unless it leads to a finished one already. Returns where it leads."""
        key = self._keys.run_pointer(run_key)
        body = RunPointer(run_digest=run_digest).to_json()
        if files.create(self._store, key, body):
            return run_digest
        while found := files.read(self._store, key, RunPointer):
            if found.record.run_digest == run_digest or self.exists(found.record.run_digest):
                return found.record.run_digest
            try:
                # An attempt that never finished had other data: its pointer leads nowhere.
                self._store.put(key, body, if_match=found.etag, content_type=JSON)
            except PreconditionFailed:
                continue
            return run_digest
        return self.point(run_key, run_digest)

    def digests(self) -> Iterator[str]:
        """Digests (`sha256:<hex>`) of all runs begun, finished or not."""
        for folder in self._store.prefixes(self._keys.runs):
            name = folder.removeprefix(self._keys.runs).rstrip("/")
            if name != "keys":
                yield f"sha256:{name}"

    def upload(self, run_digest: str, pod_uid: str, name: str, path: Path) -> StoredFile:
        """Store one file of an attempt; its entry for run.json."""
        key = self._keys.attempt(bare(run_digest), pod_uid, name)
        stored = self._store.put_file(key, path)
        return StoredFile(key=self._keys.relative(key), sha256=stored.sha256, bytes=stored.size)

    def download(self, file: StoredFile, path: Path) -> None:
        """Read a file that a run.json names; its SHA-256 is verified. Raises NotFound, Corrupt."""
        self._store.download(self._keys.absolute(file.key), path, sha256=file.sha256)

    def content(self, file: StoredFile) -> bytes:
        """A small file that a run.json names; its SHA-256 is verified. Raises NotFound, Corrupt."""
        key = self._keys.absolute(file.key)
        body = self._store.get(key).body
        if sha256_digest(body) != file.sha256:
            raise Corrupt(f"{self._store.uri}/{key} has SHA-256 {sha256_digest(body)}, run.json says {file.sha256}")
        return body

    def _uri(self, run_digest: str) -> str:
        return f"{self._store.uri}/{self._keys.run(run_digest)}"
