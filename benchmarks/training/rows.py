"""The table that both sides train on: numbers and text with missing values and a time, as several Parquet objects."""

from io import BytesIO
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

TEXT = 3
OBJECTS = 8


def objects(rows: int, columns: int, seed: int = 0) -> list[bytes]:
    """Parquet objects in order of time.

    Args:
        rows: of all of them together.
        columns: features; the first three are text, the rest float64 with 2 % missing.
        seed: of the numbers.
    """
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(rows, columns - TEXT))
    words = rng.integers(0, 40, size=(rows, TEXT))
    signal = numbers[:, 0] + 0.5 * numbers[:, 1] * numbers[:, 2] + 0.02 * words[:, 0] - 0.4
    outcome = rng.random(rows) < 1 / (1 + np.exp(-signal))
    numbers[rng.random(numbers.shape) < 0.02] = np.nan
    times = np.datetime64("2026-01-01T00:00:00", "us") + np.arange(rows) * np.timedelta64(1, "s")
    table = pa.table(
        {
            "time": pa.array(times, pa.timestamp("us", tz="UTC")),
            **{f"text{i}": pa.array([f"level-{w:02d}" for w in words[:, i]]) for i in range(TEXT)},
            **{f"number{i}": pa.array(numbers[:, i], from_pandas=True) for i in range(columns - TEXT)},
            "outcome": pa.array(outcome),
        }
    )
    cuts = np.linspace(0, rows, OBJECTS + 1).astype(int)
    return [_parquet(table.slice(a, b - a)) for a, b in pairwise(cuts)]


def _parquet(table: pa.Table) -> bytes:
    sink = BytesIO()
    pq.write_table(table, sink, row_group_size=50_000)
    return sink.getvalue()
