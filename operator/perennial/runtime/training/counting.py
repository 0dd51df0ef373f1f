"""CountRows: how many rows, with a target, after a moment. Parquet is answered from footers where no value matters."""

import os
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from perennial.api.identities import data_digest
from perennial.api.records.findings import CountRequest, RowCount
from perennial.api.records.task import Task
from perennial.runtime.training import parquet
from perennial.runtime.training.bounds import moment, nanoseconds
from perennial.runtime.training.failures import DataRefused
from perennial.runtime.training.fetch import read_columns, shared_format
from perennial.runtime.training.resolve import data_access
from perennial.store import open_store
from perennial.store.errors import EmptyDataSet
from perennial.store.inputs import Inputs, find_inputs
from perennial.store.registry import Registry


def count_rows(task: Task) -> RowCount:
    """Count as the task's parameters say.

    Raises:
        DataRefused: unreadable objects, a column that is not there, or a time column without times.
        StorageError: storage did not answer.
    """
    asked = _asked(task)
    uri = asked.uri or ""
    try:
        inputs = _unread(_inputs(asked), task, asked.unread_by)
    except EmptyDataSet:
        return RowCount(uri=uri, objects=0, rows=0, labelled=0 if asked.target else None)
    digest = data_digest(inputs.objects)
    kind = shared_format(uri, asked.format, inputs.objects)
    columns = [name for name in (asked.time_column, asked.target) if name]
    if kind == "parquet" and not columns:
        rows = sum(part.metadata.num_rows for part in parquet.open_parts(inputs.store, inputs.objects))
        return RowCount(uri=uri, objects=len(inputs.objects), rows=rows, data_digest=digest)
    table = read_columns(inputs, kind, columns)
    found = _counted(table, asked)
    return found.model_copy(update={"uri": uri, "objects": len(inputs.objects), "data_digest": digest})


def _asked(task: Task) -> CountRequest:
    data = task.spec.get("data") or {}
    train, features = data.get("train") or {}, data.get("features") or {}
    fallback = {
        "uri": train.get("uri"),
        "format": train.get("format"),
        "include": train.get("include"),
        "timeColumn": features.get("timeColumn"),
        "target": data.get("target"),
    }
    try:
        return CountRequest.model_validate({**fallback, **task.parameters})
    except ValidationError as error:
        raise DataRefused(f"parameters: {error.errors(include_url=False)[0]['msg']}", reason="SpecInvalid") from error


def _inputs(asked: CountRequest) -> Inputs:
    return find_inputs(asked.uri or "", asked.include, asked.format, data_access(os.environ))


def _unread(inputs: Inputs, task: Task, run_digest: str | None) -> Inputs:
    """Without the objects that a run has read. An object that was changed since is another one."""
    if run_digest is None:
        return inputs
    request = Registry(open_store(task.registry), task.namespace, task.model).runs.request(run_digest)
    read = {tuple(identity) for identity in request.objects} if request else set()
    kept = tuple(o for o in inputs.objects if tuple(o.identity) not in read)
    if not kept:
        raise EmptyDataSet(f"every object was read by the run {run_digest}")
    return replace(inputs, objects=kept)


def _counted(table: pa.Table, asked: CountRequest) -> RowCount:
    keep = np.ones(table.num_rows, dtype=bool)
    oldest = newest = None
    if asked.time_column:
        times = nanoseconds(table, asked.time_column)
        if asked.after:
            keep = times > moment(asked.after, "after")
        known = times[keep & ~np.isnat(times)]
        if len(known):
            oldest, newest = (f"{np.datetime_as_string(t, unit='us')}Z" for t in (known.min(), known.max()))
    labelled = None
    if asked.target:
        labelled = int((keep & ~np.asarray(pc.is_null(table.column(asked.target), nan_is_null=True))).sum())
    return RowCount(uri="", objects=0, rows=int(keep.sum()), labelled=labelled, oldest=oldest, newest=newest)
