"""Small tables and fitted pipelines that the tests of this package share."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from perennial.api.records.run import TaskType
from perennial.api.records.signature import Signature
from perennial.runtime.artifacts import (
    Columns,
    build_pipeline,
    canonicalise,
    classes_of,
    encode_target,
    frame,
    infer_signature,
)

TARGETS: dict[TaskType, str | None] = {"Binary": "late", "Multiclass": "grade", "Regression": "delay", "Outlier": None}


def mixed_table(rows: int = 600, seed: int = 0) -> pa.Table:
    """Numbers, a category, a category of many levels, a flag and instants, each with missing values; three targets."""
    rng = np.random.default_rng(seed)
    distance = rng.normal(1000, 300, rows)
    distance[::17] = np.nan
    carrier = np.array(["AA", "DL", "UA", None], dtype=object)[rng.integers(0, 4, rows)]
    levels = min(280, int(rows * 0.47))
    tail = np.array([f"N{i}" for i in range(levels)], dtype=object)[rng.permutation(np.arange(rows) % levels)]
    start = dt.datetime(2013, 1, 1)
    when = [start + dt.timedelta(hours=int(h)) if h % 19 else None for h in rng.integers(0, 9000, rows)]
    score = np.nan_to_num(distance, nan=1000.0) / 300 + (carrier == "AA") + rng.normal(size=rows)
    return pa.table(
        {
            "distance": pa.array(distance, from_pandas=True),
            "seats": rng.integers(10, 300, rows),
            "carrier": carrier.tolist(),
            "tail": tail.tolist(),
            "heavy": [None if i % 23 == 0 else bool(i % 3) for i in range(rows)],
            "when": when,
            "late": np.where(score > np.median(score), "yes", "no").tolist(),
            "grade": np.digitize(score, np.quantile(score, [0.33, 0.66])),
            "delay": score,
        }
    )


@dataclass(frozen=True)
class Case:
    """A table made ready for one task."""

    signature: Signature
    columns: Columns
    target: np.ndarray | None

    def fitted(self, estimator: str, parameters: dict[str, Any] | None = None, **options: Any) -> Any:
        """A fitted pipeline."""
        pipeline = build_pipeline(self.signature, estimator, parameters, **options)
        return pipeline.fit(frame(self.columns, self.signature), self.target)


def case(task: TaskType, table: pa.Table | None = None) -> Case:
    """The mixed table for a task; the targets of the other tasks are no features."""
    table = mixed_table() if table is None else table
    target = TARGETS[task]
    table = table.drop_columns(
        [name for name in TARGETS.values() if name and name != target and name in table.column_names]
    )
    classes = classes_of(table[target]) if target and task in ("Binary", "Multiclass") else None
    signature = infer_signature(table, target=target, task=task, classes=classes).signature
    columns = canonicalise(table, signature)
    return Case(signature, columns, encode_target(table[target], signature) if target else None)
