"""What the container before the code leaves for those beside it and after it: facts as JSON, rows as an Arrow file."""

import os
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from perennial.api.identities import InputObject
from perennial.api.records.record import Record
from perennial.runtime.training.fetch import Fetched
from perennial.runtime.training.own.places import Places
from perennial.runtime.training.resolve import Resolved
from perennial.store.inputs import Inputs
from perennial.store.objects import ObjectStore


class Handover(Record):
    """Everything but the rows."""

    run_digest: str
    data_digest: str
    environment_digest: str
    versions: dict[str, str]
    train: list[dict[str, Any]]
    holdout: list[dict[str, Any]] | None = None
    bytes: int
    columns: int
    holdout_rows: int
    kind: str
    timings: dict[str, float]
    begun: float  # seconds since 1970, when the pod's first stage began
    ended: float  # when the code could start
    restored: tuple[tuple[str, int, int], ...] = ()  # state of output/checkpoint/ that storage has


def handed_over(
    places: Places, resolved: Resolved, fetched: Fetched, *, timings: dict[str, float], **facts: Any
) -> Handover:
    """Leave rows and facts; the facts appear last and whole."""
    with pa.OSFile(str(places.table), "wb") as sink, pa.ipc.new_file(sink, fetched.table.schema) as writer:
        writer.write_table(fetched.table)
    told = Handover(
        run_digest=resolved.run_digest,
        data_digest=resolved.data_digest,
        environment_digest=resolved.environment_digest,
        versions=resolved.versions,
        train=[asdict(o) for o in resolved.train.objects],
        holdout=[asdict(o) for o in resolved.holdout.objects] if resolved.holdout else None,
        bytes=fetched.bytes,
        columns=fetched.columns,
        holdout_rows=fetched.holdout_rows,
        timings=timings,
        **facts,
    )
    unfinished = places.handover.with_suffix(".new")
    unfinished.write_bytes(told.to_json())
    os.replace(unfinished, places.handover)
    return told


def read_handover(places: Places) -> Handover | None:
    """The facts; None while they are not there."""
    try:
        return Handover.from_json(places.handover.read_bytes())
    except FileNotFoundError:
        return None


def resolved_of(told: Handover, store: ObjectStore) -> Resolved:
    """What the run reads and what it is called. Its objects are only counted any more, not read."""
    parts = [
        None if objects is None else Inputs(store, tuple(InputObject(**o) for o in objects))
        for objects in (told.train, told.holdout)
    ]
    train, holdout = parts
    assert train is not None  # noqa: S101  told.train is a list
    return Resolved(train, holdout, told.data_digest, told.run_digest, told.environment_digest, told.versions)


def fetched_of(told: Handover, places: Places) -> Fetched:
    """The rows as they were fetched."""
    with pa.memory_map(str(places.table)) as source:
        table = pa.ipc.open_file(source).read_all()
    return Fetched(table, told.bytes, told.columns, told.holdout_rows)
