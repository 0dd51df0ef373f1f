"""JSON records in a store: read, create once, replace what was read. Every write may be repeated after a crash."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import ValidationError

from perennial.api.records.record import Record
from perennial.store.errors import Conflict, Corrupt, NotFound, PreconditionFailed
from perennial.store.objects import JSON, ObjectStore

TRIES = 20
"""Of a conditional write that meets another one. Twenty writers at once need at most as many rounds."""
PAUSE = 0.05  # seconds, times the number of the try, with jitter


@dataclass(frozen=True, slots=True)
class Read[R: Record]:
    """A record and the etag it had."""

    record: R
    etag: str


def read[R: Record](store: ObjectStore, key: str, kind: type[R]) -> Read[R] | None:
    """The record under a key; None if there is none.

    Raises:
        Corrupt: the object is not such a record.
    """
    try:
        found = store.get(key)
    except NotFound:
        return None
    try:
        return Read(kind.from_json(found.body), found.etag)
    except ValidationError as wrong:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in wrong.errors()[:3])
        raise Corrupt(f"{store.uri}/{key} is no {kind.__name__}: {problems}") from wrong


def create(store: ObjectStore, key: str, body: bytes) -> bool:
    """Write an object unless the key exists. False if it does.

    It may then be of this very call, whose first answer was lost: what counts is what is there, so read it back.
    """
    for attempt in range(TRIES):
        try:
            store.put(key, body, if_none_match=True, content_type=JSON)
        except PreconditionFailed:
            return False
        except Conflict:
            _pause(attempt)
        else:
            return True
    raise _contended(store, key)


def update[R: Record](store: ObjectStore, key: str, kind: type[R], change: Callable[[R], R]) -> R:
    """Replace a record by what `change` makes of it, however many others do the same. Returns what is stored.

    `change` must return its argument unchanged when it finds its change made already: after a lost answer it is
    asked again.

    Raises:
        NotFound: no such record.
    """
    for attempt in range(TRIES):
        before = read(store, key, kind)
        if before is None:
            raise NotFound(f"{store.uri}/{key} does not exist: expected a {kind.__name__} to change")
        after = change(before.record)
        if after == before.record:
            return after
        try:
            store.put(key, after.to_json(), if_match=before.etag, content_type=JSON)
        except (Conflict, PreconditionFailed):
            _pause(attempt)
        else:
            return after
    raise _contended(store, key)


def _pause(attempt: int) -> None:
    time.sleep(PAUSE * (attempt + 1) * random.uniform(0.2, 1))  # noqa: S311 - spreads writers, guards nothing


def _contended(store: ObjectStore, key: str) -> Conflict:
    return Conflict(f"{store.uri}/{key} was being written by others in each of {TRIES} tries; try again later")
