"""Parquet from object storage: footers first, then only the columns and row groups that are needed, in parallel.

Not for CSV or JSON lines, which have no footer and are read whole (`lines.py`).
"""

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from perennial.api.identities import InputObject
from perennial.runtime.training.failures import DataRefused
from perennial.store.objects import ObjectStore

READERS = 8
"""Requests in flight: enough to hide the latency of a store, few enough for a small pod."""

UNIT = 32 * 1024 * 1024
"""Bytes of row groups that one reader takes at a time."""


class RangedFile(io.RawIOBase):
    """A stored object as a seekable file; each read is one ranged request."""

    def __init__(self, store: ObjectStore, key: str, size: int) -> None:
        self._store, self._key, self._size, self._at = store, key, size, 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Where the next read starts."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the place of the next read."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = start + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes from here."""
        left = max(0, self._size - self._at)
        length = left if size is None or size < 0 else min(size, left)
        body = self._store.get_range(self._key, self._at, length) if length else b""
        self._at += len(body)
        return body


@dataclass(frozen=True)
class Part:
    """One object with its footer."""

    source: InputObject
    metadata: pq.FileMetaData

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of this object."""
        return self.metadata.schema.to_arrow_schema()


def open_parts(store: ObjectStore, objects: Sequence[InputObject]) -> list[Part]:
    """Read all footers.

    Raises:
        DataRefused: an object is not a Parquet file; the message names it.
    """
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(lambda o: _footer(store, o), objects))


def _footer(store: ObjectStore, source: InputObject) -> Part:
    try:
        metadata = pq.read_metadata(pa.PythonFile(RangedFile(store, source.key, source.size), mode="r"))
        metadata.schema.to_arrow_schema()
    except (pa.ArrowException, OSError) as error:
        raise _corrupt(source.key, error) from error
    return Part(source, metadata)


def _corrupt(key: str, error: Exception) -> DataRefused:
    detail = str(error).splitlines()[0][:200]
    return DataRefused(
        f"data.train: the object {key!r} cannot be read as Parquet ({detail}); "
        f"write it again, or leave it out with data.train.include",
        reason="CorruptObject",
    )


def table_bytes(parts: Sequence[Part], columns: Sequence[str]) -> int:
    """Bytes the columns will take in memory, from the footers alone (text is counted at its encoded size + 12)."""
    wanted = set(columns)
    total = 0
    for part in parts:
        for group in range(part.metadata.num_row_groups):
            total += _group_bytes(part.metadata.row_group(group), wanted)
    return total


def _group_bytes(group: pq.RowGroupMetaData, wanted: set[str]) -> int:
    total = 0
    for index in range(group.num_columns):
        column = group.column(index)
        if column.path_in_schema.split(".")[0] in wanted:
            width = 12 if column.physical_type == "BYTE_ARRAY" else 8
            total += max(column.total_uncompressed_size, 0) + width * column.num_values
    return total


def read(store: ObjectStore, parts: Sequence[Part], columns: Sequence[str]) -> list[pa.Table]:
    """The columns of every part, in the order of the parts and of their rows.

    Raises:
        DataRefused: the data pages of an object are damaged.
    """
    units = [(part, groups) for part in parts for groups in _units(part.metadata)]
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(lambda unit: _read_groups(store, unit[0], unit[1], list(columns)), units))


def _units(metadata: pq.FileMetaData) -> list[list[int]]:
    """Row groups in bundles of about `UNIT` bytes, so that one large object is read by several readers."""
    bundles: list[list[int]] = []
    size = 0
    for index in range(metadata.num_row_groups):
        bytes_here = metadata.row_group(index).total_byte_size
        if not bundles or size + bytes_here > UNIT:
            bundles.append([])
            size = 0
        bundles[-1].append(index)
        size += bytes_here
    return bundles


def _read_groups(store: ObjectStore, part: Part, groups: list[int], columns: list[str]) -> pa.Table:
    try:
        file = pa.PythonFile(RangedFile(store, part.source.key, part.source.size), mode="r")
        reader = pq.ParquetFile(file, metadata=part.metadata, pre_buffer=True)
        return reader.read_row_groups(groups, columns=columns, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise _corrupt(part.source.key, error) from error
