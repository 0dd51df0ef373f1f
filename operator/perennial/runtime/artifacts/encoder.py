"""The fast encoder: canonical columns to the estimator's numeric matrix by numpy alone, without DataFrame or pipeline.

It is a record (encoder.json) of what a fitted ColumnTransformer does (compile.py), proven equal at packaging.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from perennial.api.records.record import Record
from perennial.runtime.artifacts.columns import Columns, NumericColumns, rows_of
from perennial.runtime.artifacts.errors import HostileArtifact
from perennial.runtime.artifacts.instants import PARTS, date_parts

MAX_WIDTH = 100_000
"""Columns of the encoded matrix; a record that claims more would cost memory for every row."""


class Affine(Record):
    """Per output column, in this order and each left out if null: − subtract, ÷ divide, × multiply, + add, clip."""

    subtract: list[float] | None = None
    divide: list[float] | None = None
    multiply: list[float] | None = None
    add: list[float] | None = None
    clip: tuple[float, float] | None = None


class Numbers(Record):
    """Numeric and boolean columns, or the parts of dates: missing values filled, then scaled."""

    columns: list[str]
    dates: bool = False
    fill: list[float] | None = None  # per output column
    scale: Affine | None = None


class Lookup(Record):
    """One text column: each category stands for a row of numbers, anything else for `unknown`. Null is NaN."""

    column: str
    categories: list[str | None]
    fill: str | None = None  # instead of a missing value
    values: list[list[float | None]] | None = None  # per category
    slots: list[int] | None = None  # per category: the one position that is 1, instead of `values`
    unknown: list[float | None]


class EncoderRecord(Record):
    """encoder.json: blocks in the order of the matrix' columns."""

    format_version: int = 1
    blocks: list[Numbers | Lookup]


def read_record(body: bytes) -> EncoderRecord:
    """The record in encoder.json.

    Raises:
        HostileArtifact: it is none.
    """
    try:
        return EncoderRecord.from_json(body)
    except ValueError as error:
        raise HostileArtifact(f"encoder.json: {error}"[:500]) from None


class FastEncoder:
    """An encoder ready to run."""

    def __init__(self, record: EncoderRecord) -> None:
        self._blocks = [_NumberBlock(b) if isinstance(b, Numbers) else _LookupBlock(b) for b in record.blocks]
        self.width = sum(block.width for block in self._blocks)
        if self.width > MAX_WIDTH:
            raise HostileArtifact(f"encoder.json: {self.width} columns, expected at most {MAX_WIDTH}")
        first = record.blocks[0] if len(record.blocks) == 1 else None
        self._whole = first.columns if isinstance(first, Numbers) and not first.dates else None

    def encode(self, columns: Columns) -> np.ndarray:
        """The matrix of shape (rows, width), float64, C order. The caller must not write to it."""
        if self._whole is not None and isinstance(columns, NumericColumns) and list(columns) == self._whole:
            return cast(_NumberBlock, self._blocks[0]).finished(columns.matrix)
        matrix = np.empty((rows_of(columns), self.width))
        start = 0
        for block in self._blocks:
            matrix[:, start : start + block.width] = block.encode(columns)
            start += block.width
        return matrix


class _NumberBlock:
    def __init__(self, record: Numbers) -> None:
        self._columns = record.columns
        self._dates = record.dates
        self.width = len(record.columns) * (len(PARTS) if record.dates else 1)
        self._fill = None if record.fill is None else _row(record.fill, self.width)
        self._scale = _Scale(record.scale, self.width) if record.scale else None

    def encode(self, columns: Columns) -> np.ndarray:
        if self._dates:
            parts = [part for name in self._columns for part in date_parts(columns[name])]
        else:
            parts = [columns[name] for name in self._columns]
        return self.finished(np.array(parts).T)

    def finished(self, matrix: np.ndarray) -> np.ndarray:
        """Fill and scale, never in place."""
        if self._fill is not None:
            lost = np.isnan(matrix)
            if lost.any():
                matrix = np.where(lost, self._fill, matrix)
        return matrix if self._scale is None else self._scale.of(matrix)


class _LookupBlock:
    def __init__(self, record: Lookup) -> None:
        self._column = record.column
        self.width = len(record.unknown)
        rows = [_null_is_nan(row) for row in record.values] if record.values is not None else _one_hot(record)
        self._rows = np.array([*rows, _null_is_nan(record.unknown)], dtype=np.float64).reshape(-1, self.width)
        if len(self._rows) != len(record.categories) + 1:
            raise HostileArtifact(
                f'encoder.json: "{record.column}" has {len(record.categories)} categories, other rows'
            )
        self._index = {category: number for number, category in enumerate(record.categories)}
        if record.fill is not None:
            self._index[None] = self._index.get(record.fill, len(record.categories))
        self._unknown = len(record.categories)

    def encode(self, columns: Columns) -> np.ndarray:
        index, unknown = self._index, self._unknown
        return self._rows[[index.get(label, unknown) for label in columns[self._column].tolist()]]


class _Scale:
    def __init__(self, record: Affine, width: int) -> None:
        steps = (("subtract", np.subtract), ("divide", np.divide), ("multiply", np.multiply), ("add", np.add))
        given = ((operation, getattr(record, name)) for name, operation in steps)
        self._steps = [(operation, _row(values, width)) for operation, values in given if values is not None]
        self._clip = record.clip

    def of(self, matrix: np.ndarray) -> np.ndarray:
        for operation, row in self._steps:
            matrix = operation(matrix, row)
        return matrix if self._clip is None else np.clip(matrix, *self._clip)


def scaled(values: np.ndarray, record: Affine) -> np.ndarray:
    """An affine step applied to a (rows, width) table: what a lookup followed by a scaler is folded with."""
    return _Scale(record, values.shape[1]).of(values)


def _row(values: list[float], width: int) -> np.ndarray:
    row = np.array(values, dtype=np.float64)
    if row.shape != (width,):
        raise HostileArtifact(f"encoder.json: {len(values)} numbers for {width} columns")
    return row


def _null_is_nan(row: list[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in row]


def _one_hot(record: Lookup) -> Any:
    slots = record.slots or []
    if any(not 0 <= slot < len(record.unknown) for slot in slots):
        raise HostileArtifact(f'encoder.json: "{record.column}" names a position that is not there')
    return np.eye(len(record.unknown))[slots]
