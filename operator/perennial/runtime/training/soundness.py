"""CheckData: does the data that a retraining would read pass its own checks, while requests are broken? Fits nothing.

Its checks are `data.expectations`, and for the columns in question the missing and type rates of the windows' test.
"""

import os
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from perennial.api.fields import parse_duration
from perennial.api.records.findings import CheckRequest, DataCheck
from perennial.api.records.profile import Profile, Reference
from perennial.api.records.task import Task
from perennial.runtime.training import expectations
from perennial.runtime.training.bounds import moment, nanoseconds
from perennial.runtime.training.failures import DataRefused
from perennial.runtime.training.fetch import read_columns, shared_format
from perennial.runtime.training.request import Request, request_of
from perennial.runtime.training.resolve import data_access
from perennial.stats.quality import ALPHA, MIN_RISE
from perennial.stats.rates import rise_p_value
from perennial.store import open_store
from perennial.store.inputs import find_inputs
from perennial.store.registry import Registry

PROFILE = "profile.json"


def check_data(task: Task) -> DataCheck:
    """Check as the task's parameters say.

    Raises:
        DataRefused: unreadable objects, or a column that is not there.
        StorageError: storage did not answer, or nothing matches.
    """
    try:
        asked = CheckRequest.model_validate(task.parameters)
    except ValidationError as error:
        raise DataRefused(f"parameters: {error.errors(include_url=False)[0]['msg']}", reason="SpecInvalid") from error
    request = request_of(task.spec)
    references = _references(task, asked)
    table = _table(request, asked, references)
    table, fresh = _bounded(table, asked)
    checks = [check for e in request.expectations for check in expectations.checks(table, e)]
    faults = [f"{c.subject}: expected {c.wanted}, found {c.found}" for c in checks if not c.passed]
    faults += [fault for r in references for fault in _rates(fresh, r, len(references))]
    return DataCheck(rows=table.num_rows, fresh=fresh.num_rows, passes=not faults, faults=faults)


def _references(task: Task, asked: CheckRequest) -> list[Reference]:
    runs = Registry(open_store(task.registry), task.namespace, task.model).runs
    run = runs.read(asked.run_digest)
    file = run.files.get(PROFILE) if run else None
    profile = Profile.from_json(runs.content(file)) if file else None
    return [r for r in profile.features if r.name in asked.features] if profile else []


def _table(request: Request, asked: CheckRequest, references: list[Reference]) -> pa.Table:
    source = request.train
    inputs = find_inputs(source.uri, source.include, source.format, data_access(os.environ))
    expected = [e.column for e in request.expectations if e.column]
    timed = [asked.time_column] if asked.time_column else []
    names = list(dict.fromkeys([*timed, *expected, *(r.name for r in references)]))
    return read_columns(inputs, shared_format(source.uri, source.format, inputs.objects), names)


def _bounded(table: pa.Table, asked: CheckRequest) -> tuple[pa.Table, pa.Table]:
    """The rows of the data window, and of them those that came since requests are broken; without such all."""
    if not asked.time_column:
        return table, table
    times = nanoseconds(table, asked.time_column)
    known = times[~np.isnat(times)]
    if asked.last and known.size:
        seconds = parse_duration(asked.last).total_seconds()
        keep = times > known.max() - np.timedelta64(int(seconds * 1e9), "ns")
        table, times = table.filter(pa.array(keep)), times[keep]
    fresh = times >= moment(asked.since, "since")
    return table, table.filter(pa.array(fresh)) if fresh.any() else table


def _rates(table: pa.Table, reference: Reference, columns: int) -> Iterator[str]:
    """Which of a column's rates are up against the reference, by at least a point, at mid-p ≤ 0.001/(2K)."""
    column = table.column(reference.name)
    missing = int(pc.sum(pc.is_null(column, nan_is_null=True)).as_py() or 0)
    rates = (
        ("missing", missing, reference.missing),
        ("of another type", _strange(column, reference), 0),
    )
    for name, events, before in rates:
        rows, base = np.array([float(table.num_rows)]), np.array([float(max(reference.rows, 1))])
        p = rise_p_value(np.array([float(events)]), rows, np.array([float(before)]), base)
        share, usual = events / max(table.num_rows, 1), before / base[0]
        if p[0] <= ALPHA / (2 * columns) and share - usual >= MIN_RISE:
            yield f"{reference.name}: {share:.2%} {name}, {usual:.2%} in the reference"


def _strange(column: pa.ChunkedArray, reference: Reference) -> int:
    """Values that are no numbers where the reference has numbers: texts, infinities."""
    if reference.kind != "numeric":
        return 0
    if pa.types.is_floating(column.type):
        return int(pc.sum(pc.is_inf(column)).as_py() or 0)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return 0
    numbers = pc.match_substring_regex(pc.utf8_trim_whitespace(column), r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")
    return int(pc.sum(pc.invert(numbers)).as_py() or 0)
