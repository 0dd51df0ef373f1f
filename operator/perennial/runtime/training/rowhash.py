"""A stable 64-bit hash of rows: which side of a split a row is on, and which rows a hold-out holds.

Not cryptographic, and not `hash()`: the same row has the same hash in every process, version and column order.
Mixing: the finaliser of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Hashes = np.ndarray
MISSING = np.uint64(0x9E3779B97F4A7C15)


def of_rows(table: pa.Table, columns: Sequence[str], *, salt: str) -> Hashes:
    """uint64 of shape (rows,). The order of `columns` does not matter; their names do.

    Args:
        table: rows.
        columns: which columns are the row's identity.
        salt: what makes two models split the same rows differently, e.g. the model's name.
    """
    total = np.full(table.num_rows, _of_text(salt), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for name in columns:
            total += _mixed(_of_column(table.column(name)) ^ _of_text(name))
        return _mixed(total)


def fraction(hashes: Hashes) -> np.ndarray:
    """Hashes as numbers in [0, 1), uniform; float64 of shape (rows,)."""
    return (hashes >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def digest(hashes: Hashes) -> str:
    """`sha256:<64 hex>` of a set of rows, whatever their order."""
    return "sha256:" + hashlib.sha256(np.sort(hashes).astype("<u8").tobytes()).hexdigest()


def _of_column(column: pa.ChunkedArray) -> Hashes:
    """Equal values hash alike whatever their width: 1, 1.0 and an int8 1 are one value."""
    kind = column.type
    if (
        pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    ):
        return _of_numbers(column)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _of_numbers(_microseconds(column))
    return _of_distinct(column.cast(pa.string()) if not pa.types.is_string(kind) else column)


def _microseconds(column: pa.ChunkedArray) -> pa.ChunkedArray:
    plain = column.cast(pa.timestamp("us"), safe=False) if pa.types.is_date(column.type) else column
    if plain.type.tz is not None:
        plain = plain.cast(pa.timestamp(plain.type.unit, tz="UTC"))
    return plain.cast(pa.timestamp("us", tz=plain.type.tz), safe=False).cast(pa.int64())


def _of_numbers(column: pa.ChunkedArray) -> Hashes:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    missing = np.asarray(pc.is_null(column, nan_is_null=True))
    numbers = column.cast(pa.float64(), safe=False).fill_null(0.0).to_numpy() + 0.0  # + 0.0: −0 becomes 0
    return np.where(missing, MISSING, _mixed(numbers.view(np.uint64)))


def _of_distinct(column: pa.ChunkedArray) -> Hashes:
    coded = column.combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    table = np.array([_of_text(value) for value in coded.dictionary.to_pylist()] + [MISSING], dtype=np.uint64)
    hashes: Hashes = table[coded.indices.fill_null(len(table) - 1).to_numpy()]
    return hashes


def _of_text(text: str) -> np.uint64:
    return np.uint64(
        int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "little")
    )


def _mixed(values: Hashes) -> Hashes:
    z = values + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
