"""Stage 2, fetch: from the listed objects to one Arrow table with the needed columns and rows.

Memory is estimated before anything large is read. Typing of features is not done here (runtime.artifacts does it).
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from perennial.api.data import TrainSource
from perennial.api.identities import InputObject
from perennial.runtime.training import columns, lines, memory, parquet
from perennial.runtime.training.bounds import within
from perennial.runtime.training.failures import DataRefused, nearest
from perennial.runtime.training.request import Request
from perennial.runtime.training.resolve import Resolved
from perennial.store.inputs import Inputs, format_of
from perennial.store.objects import ObjectStore

TEXT_EXPANSION = {"csv": 2.5, "jsonl": 4.0}
"""Memory over file size of text while it is typed (measured on the flights: 2.1 and 3.4)."""
GZIP_EXPANSION = 6.0
"""Text over its gzipped size (flights: 5.2)."""


@dataclass(frozen=True)
class Fetched:
    """A data set in memory."""

    table: pa.Table
    bytes: int  # of the objects in storage
    columns: int  # in the data set, read or not
    holdout_rows: int = 0  # at the table's end, of a hold-out of its own


def fetch_all(resolved: Resolved, request: Request) -> Fetched:
    """Training data, followed by the rows of a separate hold-out where there is one.

    Raises:
        DataRefused, StorageError: as `fetch`.
    """
    train = fetch(resolved.train, request.train, request)
    if resolved.holdout is None or request.holdout.uri is None:
        return train
    source = TrainSource(uri=request.holdout.uri, format=request.train.format, include=request.train.include)
    held = fetch(resolved.holdout, source, request)
    table = _joined([train.table, held.table.select(train.table.column_names)], lenient=False)
    return Fetched(table, train.bytes + held.bytes, train.columns, held.table.num_rows)


def fetch(inputs: Inputs, source: TrainSource, request: Request) -> Fetched:
    """Read one data set.

    Raises:
        DataRefused: unreadable or contradictory objects, columns missing, more than memory can hold, no rows.
        StorageError: storage did not answer.
    """
    store, objects = inputs.store, inputs.objects
    kind = shared_format(source.uri, source.format, objects)
    table, width = (_parquet if kind == "parquet" else _text)(store, kind, objects, request)
    table = within(table, request.features.time_column, source.start, source.end)
    if table.num_rows == 0:
        raise DataRefused(_empty(source), reason="EmptyDataSet")
    return Fetched(table, sum(o.size for o in objects), width)


def read_columns(inputs: Inputs, kind: str, names: Sequence[str]) -> pa.Table:
    """Some columns of a data set, without any role: for counting and joining. Of text none is the first one, for a
    table without columns has no rows.

    Raises:
        DataRefused: an object cannot be read, or a column is not there.
    """
    store, objects = inputs.store, inputs.objects
    if kind == "parquet":
        parts = parquet.open_parts(store, objects)
        for part in parts:
            _require(names, part.schema.names, part.source.key)
        memory.require(parquet.table_bytes(parts, names), what=store.uri, available=memory.limit())
        return _joined(parquet.read(store, parts, names), lenient=False)
    table = _joined(_tables(store, kind, objects), lenient=True)
    _require(names, table.column_names, store.uri)
    return lines.typed(table.select(list(names) or table.column_names[:1]), numbers=kind == "csv")


def _require(names: Sequence[str], there: Sequence[str], where: str) -> None:
    for name in names:
        if name not in there:
            raise DataRefused(f"{where} has no column {name!r}; {nearest(name, there)}", reason="ColumnMissing")


def shared_format(uri: str, named: str | None, objects: Sequence[InputObject]) -> str:
    """`parquet`, `csv` or `jsonl`: what the spec says, else what all suffixes say.

    Raises:
        DataRefused: the suffixes say nothing, or several things.
    """
    if named:
        return named
    found = {format_of(o.key) for o in objects}
    if len(found) == 1 and (kind := found.pop()):
        return kind
    examples = ", ".join(sorted(o.key for o in objects)[:3])
    raise DataRefused(
        f"data.train: the suffixes of the objects under {uri} do not say one format (for example {examples}); "
        f"set data.train.format to parquet, csv or jsonl, or data.train.include to one pattern",
        reason="FormatUnknown",
    )


def _parquet(store: ObjectStore, _: str, objects: Sequence[InputObject], request: Request) -> tuple[pa.Table, int]:
    parts = parquet.open_parts(store, objects)
    names = list(dict.fromkeys(name for part in parts for name in part.schema.names))
    for part in parts:
        lines.refuse_repeated(part.source.key, part.schema.names)
        columns.check_named(request, part.schema.names)
    wanted = columns.needed(request, names)
    size = parquet.table_bytes(parts, wanted)
    memory.require(size, what=f"data.train ({len(wanted)} columns)", available=memory.limit())
    tables = parquet.read(store, parts, wanted)
    return _joined(tables or [part.schema.empty_table() for part in parts[:1]], lenient=False), len(names)


def _text(store: ObjectStore, kind: str, objects: Sequence[InputObject], request: Request) -> tuple[pa.Table, int]:
    size = sum(o.size * (GZIP_EXPANSION if o.key.endswith(".gz") else 1) for o in objects) * TEXT_EXPANSION[kind]
    memory.require(int(size), what=f"data.train ({kind})", available=memory.limit())
    tables = _tables(store, kind, objects)
    if not tables:
        return pa.table({}), 0
    table = _joined(tables, lenient=True)
    wanted = columns.needed(request, table.column_names)
    return lines.typed(table.select(wanted), numbers=kind == "csv"), table.num_columns


def _tables(store: ObjectStore, kind: str, objects: Sequence[InputObject]) -> list[pa.Table]:
    """One table an object, as text; empty objects are left out."""
    read = lines.read_csv if kind == "csv" else lines.read_jsonl
    with ThreadPoolExecutor(parquet.READERS) as pool:
        bodies = list(pool.map(lambda o: store.get(o.key).body, objects))
    return [table for o, body in zip(objects, bodies, strict=True) if (table := read(o.key, body)).num_columns]


def _joined(tables: Sequence[pa.Table], *, lenient: bool) -> pa.Table:
    """One table of several; whole numbers and fractions may mix, text and numbers only where `lenient`."""
    tables = [_plain_text(table) for table in tables]
    try:
        return pa.concat_tables(tables, promote_options="permissive").combine_chunks()
    except pa.ArrowException as error:
        clash = _clash(tables)
        if not lenient or not clash:
            raise DataRefused(
                f"data.train: the column {clash or '?'!r} has another type in each of several objects "
                f"({', '.join(sorted({str(t.schema.field(clash).type) for t in tables if clash in t.schema.names}))}); "
                f"write it with one type, or leave it out with data.features.exclude",
                reason="TypesDiffer",
            ) from error
    return _joined([_cast(table, clash, pa.string()) for table in tables], lenient=lenient)


def _clash(tables: Sequence[pa.Table]) -> str:
    names = dict.fromkeys(name for table in tables for name in table.column_names)
    for name in names:
        fields = [pa.schema([t.schema.field(name)]) for t in tables if name in t.schema.names]
        try:
            pa.unify_schemas(fields, promote_options="permissive")
        except pa.ArrowException:
            return str(name)
    return ""


def _plain_text(table: pa.Table) -> pa.Table:
    """Dictionary and large text as plain text, so that objects written by different tools agree."""
    for field in table.schema:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) or kind is not field.type:
            plain = pa.string() if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) else kind
            table = _cast(table, field.name, plain)
    return table


def _cast(table: pa.Table, name: str, kind: pa.DataType) -> pa.Table:
    if name not in table.column_names:
        return table
    index = table.column_names.index(name)
    return table.set_column(index, name, pc.cast(table.column(name), kind))


def _empty(source: TrainSource) -> str:
    bounds = f" between {source.start or 'the beginning'} and {source.end or 'the end'}"
    where = bounds if source.start or source.end else ""
    return f"data.train.uri: no row under {source.uri}{where}; put data there, or widen data.train.from/to"
