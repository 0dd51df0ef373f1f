"""Tensors of any protocol → rows that the model predicts. The signature is enforced here, once for all protocols.

Not for values inside a column (categories, dates): `canonicalise` of the artifact knows those.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from perennial.api.records.signature import Signature
from perennial.runtime.artifacts import InputProblem, concatenate
from perennial.runtime.serving.errors import Invalid, TooLarge

Values = np.ndarray[Any, Any] | list[Any]
Columns = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input tensor: `values` is flat, of as many elements as `shape` says."""

    name: str
    shape: tuple[int, ...]
    values: Values


@dataclass(frozen=True, slots=True)
class Rows:
    """Canonical rows of one request: `matrix` [n, features] float64 in signature order, or canonical `columns`."""

    count: int
    matrix: np.ndarray[Any, Any] | None = None
    columns: Columns | None = None
    ids: Values | None = None


class RefusedColumn(Invalid):
    """A column whose values are not of its type; counted in the window's type rate."""

    def __init__(self, message: str, column: str, rows: int) -> None:
        super().__init__(message)
        self.column = column
        self.rows = rows


class InputSpec:
    """What a signature accepts, in the form that checking a request needs."""

    def __init__(self, signature: Signature, canonicaliser: Callable[[Any], Columns], max_rows: int) -> None:
        self.names = tuple(c.name for c in signature.inputs)
        self.known = frozenset(self.names)
        self.required = tuple(c.name for c in signature.inputs if c.required)
        self.numeric = frozenset(c.name for c in signature.inputs if c.kind == "numeric")
        self.all_numeric = len(self.numeric) == len(self.names)
        self.id_column = signature.id_column
        self.max_rows = max_rows
        self._canonicalise = canonicaliser
        self._never_null = any(not c.nullable for c in signature.inputs)

    def rows_of(self, tensors: Sequence[Tensor]) -> Rows:
        """Check tensors against the signature.

        Raises:
            Invalid: an unknown, missing, repeated or misshapen tensor, with its name.
            TooLarge: more rows than one request may have.
        """
        if len(tensors) == 1 and len(tensors[0].shape) == 2 and self._is_matrix(tensors[0]):
            return self._rows_of_matrix_tensor(tensors[0])
        columns = self._by_name(tensors)
        count = self._common_length(tensors)
        self._check_present(columns)
        ids = columns.pop(self.id_column, None) if self.id_column and self.id_column not in self.known else None
        canonical = self._canonical(columns, count)
        return Rows(count, getattr(canonical, "matrix", None), canonical, ids)

    def rows_of_matrix(self, matrix: np.ndarray[Any, Any]) -> Rows:
        """Rows of a [n, features] float64 array in signature order."""
        self._check_count(len(matrix))
        if not np.isfinite(matrix).all() and (self._never_null or np.isinf(matrix).any()):
            self._canonical(matrix, len(matrix))  # it names the column
        return Rows(len(matrix), matrix=matrix)

    def canonical_example(self, example: dict[str, Any]) -> Rows:
        """The one row that a signature gives as its example."""
        canonical = self._canonical([example], 1)
        return Rows(1, getattr(canonical, "matrix", None), canonical)

    def _canonical(self, data: Any, rows: int) -> Columns:
        try:
            return self._canonicalise(data)
        except InputProblem as problem:
            raise RefusedColumn(
                f"input '{problem.column}': expected {problem.expected}, got {problem.got}", problem.column, rows
            ) from None

    def _is_matrix(self, tensor: Tensor) -> bool:
        return not (tensor.shape[1] == 1 and tensor.name in self.known)

    def _rows_of_matrix_tensor(self, tensor: Tensor) -> Rows:
        width = len(self.names)
        if not self.all_numeric:
            textual = [n for n in self.names if n not in self.numeric]
            raise Invalid(
                f"input '{tensor.name}' is one 2-D tensor, but columns {some(textual)} are not numeric; "
                "send one tensor of shape [rows] per column, named like the column"
            )
        if tensor.shape[1] != width:
            raise Invalid(
                f"input '{tensor.name}' has shape {list(tensor.shape)}; expected [rows, {width}] with the columns "
                f"{some(self.names)} in this order, or one tensor of shape [rows] per column"
            )
        if isinstance(tensor.values, list) and any(isinstance(v, str) for v in tensor.values):
            raise Invalid(f"input '{tensor.name}' has datatype BYTES; expected a numeric datatype such as FP64")
        return self.rows_of_matrix(np.asarray(tensor.values, dtype=np.float64).reshape(tensor.shape))

    def _by_name(self, tensors: Sequence[Tensor]) -> dict[str, Values]:
        columns: dict[str, Values] = {}
        for tensor in tensors:
            name, shape = tensor.name, tensor.shape
            if name not in self.known and name != self.id_column:
                raise Invalid(f"input '{name[:64]}' is not a column of this model; expected {some(self.names)}")
            if name in columns:
                raise Invalid(f"input '{name}' was sent twice; expected one tensor per column")
            if len(shape) == 2 and shape[1] != 1:
                raise Invalid(f"input '{name}' has shape {list(shape)}; expected [rows] or [rows, 1]")
            columns[name] = tensor.values
        return columns

    def _common_length(self, tensors: Sequence[Tensor]) -> int:
        if not tensors:
            raise Invalid(f"'inputs' is empty; expected one tensor per column: {some(self.names)}")
        count = tensors[0].shape[0]
        for tensor in tensors:
            if tensor.shape[0] != count:
                raise Invalid(
                    f"input '{tensor.name}' has {tensor.shape[0]} rows, input '{tensors[0].name}' has {count}; "
                    "expected the same number in every input"
                )
        self._check_count(count)
        return count

    def _check_count(self, count: int) -> None:
        if count == 0:
            raise Invalid("the request has no rows; expected at least one")
        if count > self.max_rows:
            raise TooLarge(f"the request has {count} rows; this server takes up to {self.max_rows} at once: split it")

    def _check_present(self, columns: dict[str, Values]) -> None:
        missing = [n for n in self.required if n not in columns]
        if missing:
            raise Invalid(
                f"inputs {some(missing)} are missing; expected one tensor per column (values may be null): "
                f"{some(self.names)}"
            )


def merged(parts: Sequence[Rows]) -> Rows:
    """Rows of several requests of one model as one, in order."""
    if len(parts) == 1:
        return parts[0]
    count = sum(p.count for p in parts)
    ids = None
    if any(p.ids is not None for p in parts):
        ids = [one for p in parts for one in (p.ids if p.ids is not None else [None] * p.count)]
    if parts[0].matrix is not None:
        return Rows(count, matrix=np.concatenate([p.matrix for p in parts if p.matrix is not None]), ids=ids)
    return Rows(count, columns=concatenate([p.columns for p in parts if p.columns is not None]), ids=ids)


def some(names: Sequence[str], limit: int = 10) -> str:
    """Quoted names for a message, the first ten."""
    shown = ", ".join(f"'{n}'" for n in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
