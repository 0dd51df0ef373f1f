"""The canonical columnar form of a table: one conversion, used before fitting and by the server.

Not for choosing column types (signatures.py) nor for encoding them (encoder.py, pipeline.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from perennial.api.records.signature import InputColumn, Signature
from perennial.runtime.artifacts.errors import InputProblem
from perennial.runtime.artifacts.values import as_flags, as_instants, as_labels, as_numbers

if TYPE_CHECKING:
    import pyarrow

type Columns = dict[str, np.ndarray]
"""Column name → array of shape (rows,).

numeric: float64, NaN is missing. boolean: float64 of 0 and 1, NaN is missing. datetime: datetime64[us] in UTC, NaT is
missing. categorical and text: object array of str, None is missing.
"""

CONVERSIONS = {
    "numeric": as_numbers,
    "boolean": as_flags,
    "datetime": as_instants,
    "categorical": as_labels,
    "text": as_labels,
}


class NumericColumns(dict[str, np.ndarray]):
    """Columns of an all-numeric signature: views into one (rows, inputs) float64 matrix in signature order."""

    def __init__(self, names: Sequence[str], matrix: np.ndarray) -> None:
        super().__init__(zip(names, matrix.T, strict=True))
        self.matrix = matrix


class Canonicaliser:
    """`canonicalise` compiled for one signature: what a server keeps, so that a row costs microseconds."""

    def __init__(self, signature: Signature, *, partial: bool = False) -> None:
        """With `partial`, columns that are absent are left out instead of refused."""
        self._inputs = signature.inputs
        self._names = [column.name for column in signature.inputs]
        self._partial = partial
        self._numeric = bool(self._inputs) and all(column.kind == "numeric" for column in self._inputs)
        self._finite_only = [column for column in self._inputs if not column.nullable]

    def __call__(self, data: Any) -> Columns:
        """See `canonicalise`."""
        if isinstance(data, np.ndarray):
            return self._of_matrix(data)
        if not isinstance(data, Mapping):
            data = _by_column(data, self._names)
        if self._numeric and not self._partial and (matrix := self._stacked(data)) is not None:
            return self._checked(NumericColumns(self._names, matrix))
        return self._checked(self._of_mapping(data))

    def _of_matrix(self, data: np.ndarray) -> Columns:
        if not self._numeric:
            kinds = sorted({column.kind for column in self._inputs})
            raise InputProblem("*", f"one tensor per column, for the columns are {', '.join(kinds)}", "one 2-D tensor")
        if data.ndim != 2 or data.shape[1] != len(self._names):
            raise InputProblem("*", f"shape [rows, {len(self._names)}]", f"shape {list(data.shape)}")
        if data.dtype.kind not in "fiub":
            raise InputProblem("*", "numbers", f"a tensor of {data.dtype}")
        matrix = np.ascontiguousarray(data, dtype=np.float64)
        if np.isinf(matrix).any():
            _blame_infinity(self._names, matrix)
        return self._checked(NumericColumns(self._names, matrix))

    def _stacked(self, data: Mapping[str, Any]) -> np.ndarray | None:
        """All columns as one matrix in one call, or None where a column needs a closer look."""
        try:
            stacked = np.array([data[name] for name in self._names])
        except (KeyError, ValueError, TypeError, OverflowError):
            return None
        if stacked.ndim != 2 or stacked.dtype.kind not in "fiub":
            return None
        matrix = stacked.T.astype(np.float64, order="C")
        return None if np.isinf(matrix).any() else matrix

    def _of_mapping(self, data: Mapping[str, Any]) -> Columns:
        columns: Columns = {}
        rows = -1
        absent: list[InputColumn] = []
        for column in self._inputs:
            if column.name not in data:
                absent.append(column)
                continue
            values = CONVERSIONS[column.kind](column.name, data[column.name])
            if rows not in (-1, len(values)):
                raise InputProblem(column.name, f"{rows} values, as in the columns before", f"{len(values)}")
            rows = len(values)
            columns[column.name] = values
        if not absent or self._partial:
            return columns
        return self._filled(columns, absent, max(rows, 0))

    def _filled(self, columns: Columns, absent: list[InputColumn], rows: int) -> Columns:
        for column in absent:
            if column.required:
                raise InputProblem(column.name, f"a {column.kind} column", "no such column")
            columns[column.name] = CONVERSIONS[column.kind](column.name, [None] * rows)
        return {name: columns[name] for name in self._names}

    def _checked(self, columns: Columns) -> Columns:
        for column in self._finite_only:
            if column.name in columns and missing(columns[column.name]).any():
                raise InputProblem(column.name, "no missing value", "null")
        return columns


def canonicalise(data: Any, signature: Signature, *, partial: bool = False) -> Columns:
    """Turn a table into its canonical columns; idempotent.

    Args:
        data: a pyarrow.Table or RecordBatch; a mapping of column name to array or list; a list of rows, each an object
            by column name or a list in signature order; or one 2-D array if every input is numeric.
        signature: which columns, and of which kind. Further columns of `data` are ignored.
        partial: leave absent columns out instead of refusing them.

    Returns:
        one array of shape (rows,) per input, in signature order.

    Raises:
        InputProblem: a column is absent, of the wrong type, of the wrong length, or holds a value that cannot be read.
    """
    return Canonicaliser(signature, partial=partial)(data)


def concatenate(parts: Sequence[Columns]) -> Columns:
    """The rows of several canonical tables of one signature, in order."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    if all(isinstance(part, NumericColumns) for part in parts):
        return NumericColumns(list(first), np.concatenate([cast(NumericColumns, part).matrix for part in parts]))
    return {name: np.concatenate([part[name] for part in parts]) for name in first}


def rows_of(columns: Columns) -> int:
    """How many rows; 0 for a table without columns."""
    return next((len(values) for values in columns.values()), 0)


def missing(values: np.ndarray) -> np.ndarray:
    """Which values of a canonical column are missing, as a boolean array of the same shape."""
    if values.dtype.kind == "O":
        return np.fromiter((value is None for value in values.tolist()), dtype=bool, count=len(values))
    return np.isnat(values) if values.dtype.kind == "M" else np.isnan(values)


def _by_column(data: Any, names: list[str]) -> Mapping[str, Any]:
    if hasattr(data, "column_names"):
        return _of_arrow(data)
    if not isinstance(data, Sequence) or isinstance(data, str | bytes):
        raise InputProblem("*", "a table, a list of rows, or a mapping of columns", type(data).__name__)
    if all(isinstance(row, Mapping) for row in data):
        return _of_objects(data, names)
    for number, row in enumerate(data):
        if isinstance(row, str | bytes) or not isinstance(row, Sequence) or len(row) != len(names):
            got = f"{len(row)} values" if isinstance(row, Sequence) and not isinstance(row, str) else type(row).__name__
            raise InputProblem("*", f"rows of {len(names)} values in signature order", f"{got} in row {number}")
    return {name: [row[index] for row in data] for index, name in enumerate(names)}


def _of_objects(rows: Sequence[Mapping[str, Any]], names: list[str]) -> Mapping[str, Any]:
    columns: dict[str, Any] = {}
    for name in names:
        present = [name in row for row in rows]
        if not any(present) and rows:
            continue
        if not all(present):
            raise InputProblem(name, "a value or null in every row", f"no such key in row {present.index(False)}")
        columns[name] = [row[name] for row in rows]
    return columns


def _of_arrow(table: pyarrow.Table) -> Mapping[str, Any]:
    duplicates = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if duplicates:
        raise InputProblem(duplicates[0], "one column of this name", f"{table.column_names.count(duplicates[0])}")
    return {name: table.column(name) for name in table.column_names}


def _blame_infinity(names: Sequence[str], matrix: np.ndarray) -> None:
    row, column = np.argwhere(np.isinf(matrix))[0]
    raise InputProblem(names[column], "finite numbers or null", f"{matrix[row, column]} in row {row}")
