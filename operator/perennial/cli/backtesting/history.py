"""The table that is replayed: read once, sorted by time, canonical. It fits and asks nothing."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv, json, parquet

from perennial.api.data import Features
from perennial.api.records.signature import Signature
from perennial.api.training import ModelTraining
from perennial.runtime.artifacts import (
    Columns,
    FeatureChoice,
    InputProblem,
    canonicalise,
    classes_of,
    encode_target,
    estimator_task,
    frame,
    infer_signature,
)
from perennial.store.inputs import find_inputs, format_of

READERS = {"parquet": parquet.read_table, "csv": csv.read_csv, "jsonl": json.read_json}


class HistoryRefused(Exception):
    """Data that cannot be replayed; the message names what is missing and where."""


@dataclass(frozen=True)
class History:
    """All rows, oldest first.

    Attributes:
        columns, frame: canonical columns, and the same as the DataFrame that pipelines read.
        y: class codes (binary: 1 is positive) or values, shape (rows,).
        seconds: time of each row, seconds since 1970 UTC, ascending, shape (rows,).
    """

    signature: Signature
    columns: Columns
    frame: pd.DataFrame
    y: np.ndarray
    seconds: np.ndarray

    def between(self, start: float, end: float) -> np.ndarray:
        """Row numbers with start ≤ time < end."""
        first, last = np.searchsorted(self.seconds, [start, end], side="left")
        return np.arange(first, last)


def load_history(training: ModelTraining, uri: str, time_column: str) -> History:
    """Read what lies under a URI or path, as the training describes it.

    Raises:
        HistoryRefused: no algorithm or target, no such column, or times that cannot be read.
        perennial.store.errors.StorageError: the data cannot be reached.
    """
    spec = training.spec
    if spec.algorithm is None or spec.algorithm.estimator is None or spec.data.target is None:
        raise HistoryRefused("backtest needs a ModelTraining with spec.algorithm.estimator and spec.data.target")
    if estimator_task(spec.algorithm.estimator) == "outlier_detector":
        raise HistoryRefused(f"backtest judges by labels, and {spec.algorithm.estimator} is not fitted on any")
    table = _table(uri, spec.data.train.include)
    for name in (time_column, spec.data.target):
        if name not in table.column_names:
            raise HistoryRefused(f"{uri} has no column {name}; it has {', '.join(table.column_names[:20])}")
    seconds = _seconds(table, time_column)
    kept = np.flatnonzero(np.isfinite(seconds) & ~table.column(spec.data.target).is_null().to_numpy())
    order = kept[np.argsort(seconds[kept], kind="stable")]
    return _prepared(training, table.take(pa.array(order)), seconds[order], time_column)


def _prepared(training: ModelTraining, table: pa.Table, seconds: np.ndarray, time_column: str) -> History:
    spec = training.spec
    features, target = spec.data.features or Features(), spec.data.target
    assert spec.algorithm is not None  # noqa: S101  load_history looked
    assert spec.algorithm.estimator is not None  # noqa: S101
    choice = FeatureChoice(
        include=features.include,
        exclude=features.exclude,
        types=features.types,
        time_column=time_column,
        id_column=features.id_column,
        weight_column=features.sample_weight_column,
    )
    regression = estimator_task(spec.algorithm.estimator) == "regressor"
    try:
        labels = None if regression else _classes(table.column(target), spec.data.positive_class)
        found = infer_signature(
            table,
            target=target,
            task="Regression" if regression else "Binary" if len(labels or ()) == 2 else "Multiclass",
            features=choice,
            classes=labels,
            positive_class=spec.data.positive_class,
        )
        columns = canonicalise(table, found.signature)
        y = encode_target(table.column(target), found.signature)
    except InputProblem as problem:
        raise HistoryRefused(str(problem)) from problem
    return History(found.signature, columns, frame(columns, found.signature), y, seconds)


def _classes(column: pa.ChunkedArray, positive: Any) -> list[Any]:
    """The labels in the order of their codes; the positive one of two is the second."""
    found = classes_of(column, "target")
    return found[::-1] if len(found) == 2 and str(positive) == str(found[0]) else found


def _table(uri: str, include: str | None) -> pa.Table:
    inputs = find_inputs(uri if "://" in uri else Path(uri).absolute().as_uri(), include)
    tables = []
    for found in inputs.objects:
        reader = READERS.get(format_of(found.key) or "")
        if reader is None:
            raise HistoryRefused(f"{found.key}: the suffix must be one of .parquet, .csv, .jsonl")
        tables.append(reader(io.BytesIO(inputs.store.get(found.key).body)))
    return pa.concat_tables(tables, promote_options="permissive")


def _seconds(table: pa.Table, name: str) -> np.ndarray:
    column = table.column(name)
    try:
        moments = column.cast(pa.timestamp("us")).to_numpy()
    except pa.ArrowException as error:
        raise HistoryRefused(f"column {name} holds {column.type}, which is no time: {error}") from error
    return np.where(np.isnat(moments), np.nan, moments.astype("datetime64[us]").astype(np.int64) / 1e6)
