"""Aliases of a model: `approved` is the version that is wanted, `champion` the one that gates compare with.

An alias is moved once a transition, named by `by`: whoever repeats a transition moves nothing.
"""

from typing import Literal

from perennial.api.records.run import AliasMove, AliasRecord
from perennial.store import files
from perennial.store.layout import ModelKeys
from perennial.store.objects import ObjectStore

AliasName = Literal["approved", "champion"]
HISTORY = 500
"""Former values kept in an alias: more than a model retrained daily makes in a year."""


class Aliases:
    """The aliases of one model."""

    def __init__(self, store: ObjectStore, keys: ModelKeys) -> None:
        self._store = store
        self._keys = keys

    def read(self, name: AliasName) -> AliasRecord | None:
        """Where an alias points, and where it pointed; None if it never was set."""
        found = files.read(self._store, self._keys.alias(name), AliasRecord)
        return found.record if found else None

    def state(self, name: AliasName) -> tuple[AliasRecord | None, str]:
        """What an alias holds, and its etag (two reads with one etag saw the same); None and empty if never set."""
        found = files.read(self._store, self._keys.alias(name), AliasRecord)
        return (found.record, found.etag) if found else (None, "")

    def move(
        self, name: AliasName, *, number: int, run_digest: str, by: str, at: str, started: str = ""
    ) -> AliasRecord:
        """Let an alias point to a version, because of the transition `by`.

        Nothing moves if that transition moved it before, even if others moved it since, nor if it began before the
        transition that moved it last: a slow old training does not undo a newer one. Returns what is stored.

        Args:
            name: which alias.
            number: the version.
            run_digest: the version's run.
            by: identity of the transition, such as `<UID of the ModelTraining>/<runKey>`; never empty.
            at: now, ISO 8601 UTC.
            started: when the transition began, ISO 8601 UTC; empty: it is never too old.
        """
        if not by:
            raise ValueError(f"alias {name} of {self._keys.prefix}: a move needs the transition's identity in `by`")
        first = AliasRecord(number=number, run_digest=run_digest, at=at, by=by, started=started)

        def change(now: AliasRecord) -> AliasRecord:
            if by == now.by or any(by == move.by for move in now.history):
                return now
            if started and now.started > started:
                return now
            former = AliasMove(number=now.number, run_digest=now.run_digest, at=now.at, by=now.by)
            return first.model_copy(update={"history": [*now.history, former][-HISTORY:]})

        if files.create(self._store, self._keys.alias(name), first.to_json()):
            return first
        return files.update(self._store, self._keys.alias(name), AliasRecord, change)
