"""Numbered versions of a model: claimed once a run, judged later. What the numbers mean to serving is elsewhere.

Claiming writes versions/N.json with a token, then runs/<digest>/version.json; both only if absent. The second file
decides: a record that it does not name is Abandoned. A claim that finds a record of the same run, its own or another
claimer's, goes on with that number; so a crash at any point leaves nothing that the next claim does not put right.
"""

from collections.abc import Iterator
from datetime import timedelta

from perennial.api.records.run import VersionEvent, VersionPointer, VersionRecord, VersionState
from perennial.store import files
from perennial.store.errors import NotFound, StorageError
from perennial.store.layout import ModelKeys
from perennial.store.objects import ObjectInfo, ObjectStore

CLOCK_GRAIN = timedelta(seconds=2)
"""Stores stamp objects with whole seconds."""


class Versions:
    """The versions of one model."""

    def __init__(self, store: ObjectStore, keys: ModelKeys) -> None:
        self._store = store
        self._keys = keys

    def read(self, number: int) -> VersionRecord | None:
        """One version, in whatever state."""
        found = files.read(self._store, self._keys.version(number), VersionRecord)
        return found.record if found else None

    def of_run(self, run_digest: str) -> VersionRecord | None:
        """The version of a run; None if it has none yet."""
        number = self._pointed(run_digest)
        return self.read(number) if number is not None else None

    def numbers(self) -> list[int]:
        """All numbers ever claimed, ascending."""
        return sorted(number for number, _ in self._listed())

    def all(self) -> Iterator[VersionRecord]:
        """All versions, newest first; one request each."""
        for number in reversed(self.numbers()):
            if found := self.read(number):
                yield found

    def claim(self, run_digest: str, token: str, *, at: str, image: str = "") -> VersionRecord:
        """The one version of a finished run, made if need be.

        Args:
            run_digest: of a run whose run.json exists.
            token: names the claimer in the record.
            at: now, ISO 8601 UTC, for the history.
            image: what the run's code was run from, where that is known; a version that exists keeps its own.

        Raises:
            NotFound: the run does not exist.
        """
        number = self._pointed(run_digest)
        if number is not None:
            return self._require(number)
        run = self._store.head(self._keys.run(run_digest))
        if run is None:
            raise NotFound(f"no {self._store.uri}/{self._keys.run(run_digest)}: only a finished run gets a version")
        listed = list(self._listed())
        claimed = self._begun(run_digest, run, listed)
        if claimed is None:
            free = max((n for n, _ in listed), default=0) + 1
            history = [VersionEvent(at=at, state="Pending", reason="Claimed")]
            ours = VersionRecord(number=free, run_digest=run_digest, token=token, image=image, history=history)
            claimed = self._write_record(ours)
        number = self._decide(run_digest, claimed)
        if number != claimed:
            self._abandon(claimed, run_digest, number, at)
        return self._require(number)

    def set_state(
        self, number: int, state: VersionState, *, reasons: list[str], at: str, message: str = "", by: str = ""
    ) -> VersionRecord:
        """Judge a version. Asked again with the same state, reasons and `by` it changes nothing.

        Raises:
            NotFound: no such version.
            StorageError: it is Abandoned, which is final.
        """

        def change(record: VersionRecord) -> VersionRecord:
            last_by = record.history[-1].by if record.history else ""
            if record.state == state and record.reasons == reasons and last_by == by:
                return record
            if record.state == "Abandoned":
                raise StorageError(
                    f"version {number} of {self._keys.prefix} is Abandoned and cannot become {state}: "
                    f"its run {record.run_digest} has another version"
                )
            event = VersionEvent(at=at, state=state, reason=", ".join(reasons), message=message, by=by)
            return record.model_copy(update={"state": state, "reasons": reasons, "history": [*record.history, event]})

        return files.update(self._store, self._keys.version(number), VersionRecord, change)

    def _pointed(self, run_digest: str) -> int | None:
        found = files.read(self._store, self._keys.version_of_run(run_digest), VersionPointer)
        return found.record.number if found else None

    def _listed(self) -> Iterator[tuple[int, ObjectInfo]]:
        for info in self._store.list(self._keys.versions, "/"):
            if (number := self._keys.version_number(info.key)) is not None:
                yield number, info

    def _begun(self, run_digest: str, run: ObjectInfo, listed: list[tuple[int, ObjectInfo]]) -> int | None:
        """The number of a claim of this run that was begun and not ended; None if there is none.

        A claim comes after run.json, so only records written since then are read, not the whole history.
        """
        for number, info in listed:
            if run.last_modified and info.last_modified and info.last_modified < run.last_modified - CLOCK_GRAIN:
                continue
            record = self.read(number)
            if record and record.run_digest == run_digest and record.state != "Abandoned":
                return number
        return None

    def _write_record(self, ours: VersionRecord) -> int:
        """Write versions/N.json for the first free N at or after ours; N, or that of another claimer of the run."""
        while not files.create(self._store, self._keys.version(ours.number), ours.to_json()):
            there = self._require(ours.number)
            # Ours, after a lost answer, or a claim of the same run by somebody else: as good as ours.
            if there.run_digest == ours.run_digest and there.state != "Abandoned":
                break
            ours = ours.model_copy(update={"number": ours.number + 1})
        return ours.number

    def _decide(self, run_digest: str, number: int) -> int:
        """Write version.json unless it is there; the number that it holds."""
        pointer = VersionPointer(number=number)
        if files.create(self._store, self._keys.version_of_run(run_digest), pointer.to_json()):
            return number
        decided = self._pointed(run_digest)
        if decided is None:
            raise NotFound(f"{self._store.uri}/{self._keys.version_of_run(run_digest)} was deleted during a claim")
        return decided

    def _abandon(self, number: int, run_digest: str, other: int, at: str) -> None:
        message = f"the run {run_digest} has version {other}"
        self.set_state(number, "Abandoned", reasons=["AnotherClaimWon"], at=at, message=message)

    def _require(self, number: int) -> VersionRecord:
        found = self.read(number)
        if found is None:
            raise NotFound(f"{self._store.uri}/{self._keys.version(number)} was deleted during a claim")
        return found
