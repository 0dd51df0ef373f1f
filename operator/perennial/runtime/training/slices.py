"""Metrics by the levels of a column: where a model that is good on average is not."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from perennial.api.records.run import Measured, SliceMeasured, TaskType
from perennial.runtime.training.answers import Answers
from perennial.runtime.training.judging import is_possible, measure

MOST_LEVELS = 50
OTHER = "OTHER"
MISSING = "MISSING"
OF_SEVERAL = frozenset({"roc_auc", "roc_auc_ovr", "average_precision", "r2"})
"""Metrics that need more than one class or value to be defined."""


def measured_slices(
    table: pa.Table,
    columns: Sequence[str],
    metrics: Sequence[str],
    y: np.ndarray,
    answers: Answers,
    *,
    task: TaskType,
    confidence: float = 0.95,
    seed: int = 0,
) -> list[SliceMeasured]:
    """Every level of every column, largest first within a column.

    Args:
        table: the hold-out rows, in the order of `y` and `answers`.
        y: class codes or numbers, shape (rows,).
    """
    found = []
    for column in columns:
        names, codes = levels(table.column(column))
        counts = np.bincount(codes, minlength=len(names))
        for code in sorted(range(len(names)), key=lambda c: (-counts[c], names[c])):
            rows = np.flatnonzero(codes == code)
            if len(rows):
                figures = _figures(metrics, y[rows], answers.take(rows), confidence=confidence, seed=seed)
                rarer = None if task == "Regression" else int(min(np.bincount(y[rows], minlength=2)))
                found.append(
                    SliceMeasured(column=column, level=names[code], rows=len(rows), rarer=rarer, metrics=figures)
                )
    return found


def _figures(
    metrics: Sequence[str], y: np.ndarray, answers: Answers, *, confidence: float, seed: int
) -> dict[str, Measured]:
    figures = {}
    several = len(np.unique(y)) > 1
    for metric in metrics:
        if is_possible(metric, answers) and (several or metric not in OF_SEVERAL):
            value = measure(metric, y, answers, groups=None, confidence=confidence, seed=seed)
            if np.isfinite(value.value):
                figures[metric] = value
    return figures


def levels(column: pa.ChunkedArray) -> tuple[list[str], np.ndarray]:
    """Names of a column's levels and each row's code, int64 of shape (rows,).

    Numbers with more than 10 distinct values are cut at their quartiles; of anything else the 50 most frequent levels
    are kept and the rest is OTHER. Missing values are a level.
    """
    kind = column.type
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if numeric and pc.count_distinct(column).as_py() > 10:
        return _quartiles(np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64))
    return _frequent(["MISSING" if v is None else _text(v) for v in column.to_pylist()])


def _quartiles(values: np.ndarray) -> tuple[list[str], np.ndarray]:
    edges = np.unique(np.nanquantile(values, [0.25, 0.5, 0.75]))
    bounds = ["−∞", *(f"{edge:.6g}" for edge in edges), "∞"]
    names = [f"({low}, {high}]" for low, high in pairwise(bounds)]
    codes = np.searchsorted(edges, values, side="left")
    return [*names, MISSING], np.where(np.isnan(values), len(names), codes).astype(np.int64)


def _frequent(texts: Sequence[str]) -> tuple[list[str], np.ndarray]:
    distinct, inverse, counts = np.unique(np.array(texts, dtype=object), return_inverse=True, return_counts=True)
    order = sorted(range(len(distinct)), key=lambda i: (-counts[i], distinct[i]))
    kept = {index: place for place, index in enumerate(order[:MOST_LEVELS])}
    codes = np.array([kept.get(i, len(kept)) for i in range(len(distinct))], dtype=np.int64)
    names = [str(distinct[i]) for i in order[:MOST_LEVELS]]
    return (names if len(kept) == len(distinct) else [*names, OTHER]), codes[inverse.reshape(-1)]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
