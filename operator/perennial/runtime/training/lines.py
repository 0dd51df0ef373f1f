"""CSV and JSON lines, plain or gzipped: read as text, then typed once for the whole data set.

Typing sees every row of every object, so that a column has one type whatever the order of the objects. Only an empty
unquoted CSV field and JSON null are missing. Text with a leading zero or a plus sign stays text.
"""

import gzip
import io
import json
import zlib
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from perennial.runtime.training.failures import DataRefused

NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
WHOLE = r"^-?(0|[1-9][0-9]*)$"
BOOLEAN = r"^([Tt]rue|[Ff]alse|TRUE|FALSE)$"
MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?$"
INT64_DIGITS = 18
"""Whole numbers of at most this many digits fit a 64-bit integer for sure; longer ones become floats."""


def read_csv(key: str, body: bytes) -> pa.Table:
    """One CSV object, every column as text.

    Raises:
        DataRefused: no header, columns named twice, ragged rows, not UTF-8.
    """
    if not body.strip():
        return pa.table({})
    plain = _plain(key, body)
    names = _header(key, plain)
    convert = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    try:
        return pa.csv.read_csv(
            io.BytesIO(plain), convert_options=convert, parse_options=pa.csv.ParseOptions(newlines_in_values=True)
        )
    except pa.ArrowException as error:
        raise _unreadable(key, "CSV", str(error).splitlines()[0][:200]) from error


def _header(key: str, plain: bytes) -> list[str]:
    text = pa.csv.ConvertOptions(null_values=[], strings_can_be_null=False)
    try:
        first = pa.csv.read_csv(
            io.BytesIO(plain.lstrip(b"\r\n").split(b"\n", 1)[0] + b"\n"),
            read_options=pa.csv.ReadOptions(autogenerate_column_names=True),
            convert_options=text,
        )
        names = [str(column[0].as_py()) for column in first.columns]
    except (pa.ArrowException, IndexError) as error:
        raise _unreadable(key, "CSV", f"no header line: {str(error).splitlines()[0][:120]}") from error
    refuse_repeated(key, names)
    if "" in names:
        raise _unreadable(key, "CSV", f"column {names.index('') + 1} of the header has no name")
    return names


def refuse_repeated(key: str, names: Sequence[str]) -> None:
    """Refuse a table in which two columns share a name: nobody could say which one a model was trained on."""
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataRefused(
            f"data.train: {key!r} has more than one column called {', '.join(map(repr, repeated))}; "
            f"give every column a name of its own",
            reason="DuplicateColumn",
        )


def read_jsonl(key: str, body: bytes) -> pa.Table:
    """One JSON-lines object: an object a line; numbers, text, booleans and null as values.

    Raises:
        DataRefused: a line is no JSON object, or a value is a list or an object; the message names the line.
    """
    columns: dict[str, list[Any]] = {}
    count = 0
    for number, line in enumerate(_text(key, _plain(key, body)).splitlines(), start=1):
        if line.strip():
            row = _row(key, number, line)
            for name in row.keys() - columns.keys():
                columns[name] = [None] * count
            for name, values in columns.items():
                values.append(row.get(name))
            count += 1
    return pa.table({name: _as_text(values) for name, values in sorted(columns.items())})


def _row(key: str, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line, object_pairs_hook=lambda pairs: _unrepeated(key, number, pairs))
    except ValueError as error:
        raise _unreadable(key, "JSON lines", f"line {number}: {error}") from error
    if not isinstance(row, dict):
        raise _unreadable(key, "JSON lines", f"line {number} holds {type(row).__name__}, not an object")
    return row


def _unrepeated(key: str, number: int, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        refuse_repeated(f"{key} line {number}", [name for name, _ in pairs])
    for name, value in pairs:
        if isinstance(value, list | dict):
            raise _unreadable(key, "JSON lines", f"line {number}: {name!r} holds a nested value; flatten it")
    return row


def _as_text(values: list[Any]) -> pa.Array:
    """Values of one JSON column; numbers and booleans keep their type when the whole column agrees."""
    kinds = {type(v) for v in values if v is not None}
    if kinds <= {bool}:
        return pa.array(values, pa.bool_())
    if kinds <= {int} and all(v is None or abs(v) < 10**INT64_DIGITS for v in values):
        return pa.array(values, pa.int64())
    if kinds <= {int, float}:
        return pa.array([None if v is None else _float(v) for v in values], pa.float64())
    return pa.array([None if v is None else v if isinstance(v, str) else json.dumps(v) for v in values], pa.string())


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _plain(key: str, body: bytes) -> bytes:
    if not key.endswith(".gz"):
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(key, "gzip", str(error)) from error


def _text(key: str, plain: bytes) -> str:
    try:
        return plain.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(key, "UTF-8 text", f"byte {error.start}") from error


def _unreadable(key: str, kind: str, detail: str) -> DataRefused:
    return DataRefused(
        f"data.train: the object {key!r} cannot be read as {kind} ({detail}); "
        f"write it again, or leave it out with data.train.include",
        reason="CorruptObject",
    )


def typed(table: pa.Table, *, numbers: bool) -> pa.Table:
    """Give every text column the narrowest type that all its values have.

    Args:
        table: columns of the whole data set.
        numbers: whether text can stand for numbers and booleans: in CSV yes; in JSON text is text, dates apart.
    """
    arrays = [_typed(column, numbers) if pa.types.is_string(column.type) else column for column in table.columns]
    return pa.table(arrays, names=table.column_names)


def _typed(column: pa.ChunkedArray, numbers: bool) -> pa.ChunkedArray:
    distinct = pc.unique(column.drop_null())
    if len(distinct) == 0:
        return column
    if not numbers:
        return _moments(column) if _all_match(distinct, MOMENT) else column
    if _all_match(distinct, BOOLEAN):
        return pc.equal(pc.utf8_lower(column), "true")
    if _all_match(distinct, NUMBER):
        short = pc.max(pc.utf8_length(distinct)).as_py() <= INT64_DIGITS
        return column.cast(pa.int64() if short and _all_match(distinct, WHOLE) else pa.float64())
    return _moments(column) if _all_match(distinct, MOMENT) else column


def _all_match(values: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, pattern)).as_py())


def _moments(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """ISO 8601 text to UTC timestamps; a time without zone is taken as UTC. Impossible dates leave it text."""
    import pandas as pd

    try:
        parsed = pd.to_datetime(column.to_pandas(), utc=True, format="ISO8601")
    except (ValueError, OverflowError):
        return column
    return pa.chunked_array([pa.array(parsed, pa.timestamp("us", tz="UTC"))])
