"""Drift of one table against another, on this machine: the windows that a server would have counted, judged alike."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv, json, parquet

from perennial.api.records.profile import Profile
from perennial.api.records.window import ColumnCounts, WindowRecord
from perennial.runtime.artifacts import FeatureChoice, InputProblem, canonicalise, infer_signature
from perennial.runtime.monitoring.blocks import time_block_sums
from perennial.runtime.monitoring.build import build_profile
from perennial.runtime.monitoring.columns import Coder, as_numbers, coder
from perennial.runtime.monitoring.times import iso
from perennial.stats.drift import evaluate_window, typical_effects
from perennial.stats.drift_state import drift_state
from perennial.stats.verdicts import DriftOptions, DriftState, WindowVerdict

LOCAL = "sha256:" + "0" * 64
HISTORY = 12

Columns = Mapping[str, NDArray[Any]]


class TableRefused(Exception):
    """A table that cannot be read or compared; the message says what to do."""


@dataclass(frozen=True)
class Replayed:
    """One window: what was counted, what that means by itself, and the state after it (2 of 3 windows)."""

    record: WindowRecord
    verdict: WindowVerdict
    state: DriftState


@dataclass(frozen=True)
class Replay:
    """The reference and all windows, oldest first."""

    profile: Profile
    windows: tuple[Replayed, ...]

    @property
    def until_alarm(self) -> tuple[Replayed, ...]:
        """The last windows up to the first that drifted, or up to the end."""
        drifted = next((i for i, w in enumerate(self.windows) if w.state.state == "Drifted"), len(self.windows) - 1)
        return self.windows[max(0, drifted + 1 - HISTORY) : drifted + 1]


def replay(reference: Path, data: Path, *, time_column: str | None, window: timedelta, options: DriftOptions) -> Replay:
    """Each window of `data`, judged.

    Without a time column all of `data` is one window, and its state is that window's own.

    Raises:
        TableRefused: a file or column is missing or holds something else.
    """
    first, second = read_table(reference), read_table(data)
    try:
        features = FeatureChoice(time_column=time_column)
        signature = infer_signature(first, target=None, task="Regression", features=features).signature
        columns = canonicalise(first, signature)
        others = canonicalise(second, signature)
    except InputProblem as problem:
        raise TableRefused(f"{data} against {reference}: {problem}") from problem
    profile = build_profile(columns, signature, times=_times(first, time_column, reference))
    seconds = _times(second, time_column, data)
    found: list[Replayed] = []
    for record in windows_of(profile, others, seconds, window.total_seconds()):
        past = [w.verdict for w in found[-HISTORY:]]
        verdict = evaluate_window(profile, record, options, usual_effects=typical_effects(past))
        found.append(Replayed(record, verdict, _state([*past, verdict], options, alone=seconds is None)))
    return Replay(profile, tuple(found))


def read_table(path: Path) -> pa.Table:
    """A Parquet, CSV or JSONL file, or a folder of such files, read in the order of their names.

    Raises:
        TableRefused: it is none of them, damaged, or the files of a folder do not fit together.
    """
    readers = {".parquet": parquet.read_table, ".csv": csv.read_csv, ".jsonl": json.read_json}
    files = sorted(f for f in path.iterdir() if f.suffix in readers) if path.is_dir() else [path]
    if not files or files[0].suffix not in readers:
        kinds = ", ".join(readers)
        raise TableRefused(
            f"{path}: no file in it ends in {kinds}" if path.is_dir() else f"{path}: the suffix must be one of {kinds}"
        )
    try:
        return pa.concat_tables([readers[f.suffix](f) for f in files], promote_options="permissive")
    except (OSError, pa.ArrowException) as error:
        raise TableRefused(f"{path}: {error}") from error


def windows_of(
    profile: Profile,
    columns: Columns,
    seconds: NDArray[np.float64] | None,
    length: float,
    *,
    outputs: Columns | None = None,
) -> Iterator[WindowRecord]:
    """The windows of a table, aligned to the epoch, oldest first; rows without a time are left out.

    Args:
        columns: canonical columns, shape (rows,).
        seconds: time of each row, seconds since 1970 UTC; None: one window of all rows.
        length: seconds.
        outputs: scores or labels by the names of the profile's output references, shape (rows,).
    """
    tables = (
        [_coded(coder(r), columns[r.name]) for r in profile.features],
        [_coded(coder(r), (outputs or {})[r.name]) for r in profile.outputs if r.name in (outputs or {})],
    )
    rows = len(next(iter(columns.values()), ()))
    if seconds is None:
        yield _window(tables, np.arange(rows), None, 0.0, length)
        return
    known = np.flatnonzero(np.isfinite(seconds))
    order = known[np.argsort(seconds[known], kind="stable")]
    slots, begins = np.unique(np.floor(seconds[order] / length), return_index=True)
    for slot, part in zip(slots.tolist(), np.split(order, begins[1:]), strict=True):
        yield _window(tables, part, seconds[part], slot * length, length)


Coded = tuple[Coder, NDArray[Any], NDArray[np.int64]]


def _coded(one: Coder, values: NDArray[Any]) -> Coded:
    numbers = values if one.index is not None else as_numbers(values)
    return one, numbers, one.codes(numbers)


def _window(
    tables: tuple[list[Coded], list[Coded]],
    part: NDArray[np.int64],
    seconds: NDArray[np.float64] | None,
    start: float,
    length: float,
) -> WindowRecord:
    moments = np.full(part.size, np.nan) if seconds is None else seconds
    features, outputs = ({c[0].name: _counts(c, part, moments) for c in table} for table in tables)
    return WindowRecord(
        artifact=LOCAL,
        profile=LOCAL,
        start=iso(start),
        end=iso(start + length),
        rows=part.size,
        features=features,
        outputs=outputs,
        complete=True,
    )


def _counts(coded: Coded, part: NDArray[np.int64], seconds: NDArray[np.float64]) -> ColumnCounts:
    one, values, codes = coded[0], coded[1][part], coded[2][part]
    return ColumnCounts(
        counts=np.bincount(codes, minlength=one.bins).tolist(),
        blocks=time_block_sums(codes, one.bins, seconds),
        outside=one.outside(values, codes),
    )


def _times(table: pa.Table, name: str | None, path: Path) -> NDArray[np.float64] | None:
    if name is None:
        return None
    if name not in table.column_names:
        raise TableRefused(f"{path}: there is no column {name}; it has {', '.join(table.column_names[:20])}")
    column = table.column(name)
    try:
        return as_numbers(column.cast(pa.timestamp("us")).to_numpy())
    except pa.ArrowException as error:
        raise TableRefused(f"{path}: column {name} holds {column.type}, which is no time: {error}") from error


def _state(verdicts: list[WindowVerdict], options: DriftOptions, *, alone: bool) -> DriftState:
    if not alone:
        return drift_state(verdicts, options)
    once = DriftOptions(options.threshold, options.alpha, options.min_samples, failing=1, of=1)
    return drift_state(verdicts, once)
