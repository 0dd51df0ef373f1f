"""Rows that leave the server as rows: the score log (id, time, score) and payload samples. Both off by default.

Appending is all that the loop does; Parquet is written in a thread. Memory, rate and bytes are bounded, what is not
written is counted.
"""

import asyncio
import contextlib
import hashlib
import io
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from perennial.api.records.server import PayloadSampling, ServerConfig
from perennial.api.records.signature import Signature
from perennial.runtime.serving.inputs import Rows
from perennial.runtime.serving.logs import log
from perennial.runtime.serving.metrics import Metrics
from perennial.runtime.serving.served import Outputs, Served
from perennial.store import ObjectStore
from perennial.store.errors import StorageError
from perennial.store.layout import WindowKeys

FLUSH_SECONDS = 60.0
KEEP_ROWS = 200_000
"""Rows that wait for storage at most."""

HOUR = 3600


@dataclass(frozen=True, slots=True)
class _Batch:
    rows: Rows
    outputs: Outputs
    at: float
    sampled: np.ndarray[Any, Any] | None  # rows of it that are payload samples


class Samples:
    """The score log and the payload samples of one worker.

    Args:
        writer: pod, boot and worker: no two processes write the same file.
    """

    def __init__(self, served: Served, store: ObjectStore, metrics: Metrics, writer: str) -> None:
        config = served.config
        self._served = served
        self._store = store
        self._metrics = metrics
        self._writer = writer
        self._monitoring = config.monitoring
        self._keys = WindowKeys(config.namespace, config.deployment_uid, config.artifact_digest)
        self._random = np.random.default_rng()
        self._waiting: list[_Batch] = []
        self._rows = 0
        self._sequence = 0
        self._hour = -1
        self._hour_bytes = 0

    @staticmethod
    def wanted(config: ServerConfig) -> bool:
        """Whether anything is to be written."""
        monitoring = config.monitoring
        return bool(config.deployment_uid) and (monitoring.score_log or monitoring.payloads.sample_rate > 0)

    def observe(self, rows: Rows, outputs: Outputs) -> None:
        """A batch was predicted."""
        rate = self._monitoring.payloads.sample_rate
        sampled = np.flatnonzero(self._random.random(rows.count) < rate) if rate else None
        logged = self._monitoring.score_log and rows.ids is not None
        if not logged and (sampled is None or not sampled.size):
            return
        if self._rows + rows.count > KEEP_ROWS:
            self._metrics.add("payload_dropped", rows.count)
            return
        self._waiting.append(_Batch(rows, outputs, time.time(), sampled))
        self._rows += rows.count

    async def run(self, stop: asyncio.Event) -> None:
        """Write once a minute, and once more at the end."""
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), FLUSH_SECONDS)
            batches, self._waiting, self._rows = self._waiting, [], 0
            if batches:
                await asyncio.to_thread(self._write, batches)

    def _write(self, batches: list[_Batch]) -> None:
        slot = int(batches[0].at) // self._monitoring.window_seconds * self._monitoring.window_seconds
        start = datetime.fromtimestamp(slot, UTC)
        self._sequence += 1
        if self._monitoring.score_log:
            key = self._keys.scores(start, self._writer, self._sequence)
            self._put(key, score_table(batches, self._served.signature))
        if self._monitoring.payloads.sample_rate:
            names = self._served.spec.names
            table = payload_table(batches, names, self._monitoring.payloads, self._keys.deployment_uid)
            self._put(self._keys.payload(start, self._writer, self._sequence), table, bounded=True)

    def _put(self, key: str, columns: Mapping[str, Any], *, bounded: bool = False) -> None:
        rows = len(next(iter(columns.values()), ()))
        if not rows:
            return
        body = parquet(columns)
        if bounded and not self._within_the_hour(len(body)):
            self._metrics.add("payload_dropped", rows)
            return
        try:
            self._store.put(key, body, content_type="application/vnd.apache.parquet")
            self._metrics.add("payload_rows", rows)
        except StorageError as error:
            self._metrics.add("payload_dropped", rows)
            log("rows could not be stored and are dropped", level=30, key=key, rows=rows, error=str(error))

    def _within_the_hour(self, size: int) -> bool:
        hour = int(time.time()) // HOUR
        if hour != self._hour:
            self._hour, self._hour_bytes = hour, 0
        self._hour_bytes += size
        return self._hour_bytes <= self._monitoring.payloads.max_bytes_per_hour


def score_table(batches: list[_Batch], signature: Signature) -> dict[str, Any]:
    """Columns id, time, score and label of every row that came with an id."""
    ids: list[str] = []
    times: list[float] = []
    scores: list[float] = []
    labels: list[str] = []
    for batch in batches:
        if batch.rows.ids is None:
            continue
        values = _score(batch.outputs, signature)
        for i, one in enumerate(batch.rows.ids):
            if one is not None:
                ids.append(str(one))
                times.append(batch.at)
                scores.append(float(values[i]))
                labels.append(str(batch.outputs["predict"][i]) if "predict" in batch.outputs else "")
    return {"id": ids, "time": _instants(times), "score": scores, "label": labels}


def _score(outputs: Outputs, signature: Signature) -> np.ndarray[Any, Any]:
    """The positive class' probability, the top one of more classes, else the value itself."""
    table = outputs.get("predict_proba")
    if table is None:
        name = "decision_function" if "decision_function" in outputs else "predict"
        values = outputs[name]
        return values if values.dtype.kind in "fiu" else np.full(len(values), np.nan)
    if signature.task == "Binary" and signature.classes:
        known = signature.positive_class in signature.classes
        column: np.ndarray[Any, Any] = table[:, signature.classes.index(signature.positive_class) if known else 1]
        return column
    top: np.ndarray[Any, Any] = table.max(axis=1)
    return top


def payload_table(batches: list[_Batch], names: tuple[str, ...], rules: PayloadSampling, salt: str) -> dict[str, Any]:
    """Columns of the sampled rows, their time and their prediction; excluded ones left out, hashed ones hashed."""
    columns: dict[str, list[Any]] = {name: [] for name in (*names, "prediction") if name not in rules.exclude}
    times: list[float] = []
    for batch in batches:
        if batch.sampled is None or not batch.sampled.size:
            continue
        times += [batch.at] * batch.sampled.size
        for position, name in enumerate(names):
            if name in columns:
                matrix = batch.rows.matrix
                values = matrix[:, position] if matrix is not None else (batch.rows.columns or {})[name]
                columns[name] += values[batch.sampled].tolist()
        columns["prediction"] += batch.outputs["predict"][batch.sampled].tolist()
    for name in rules.hash:
        if name in columns:
            columns[name] = [_hashed(value, salt) for value in columns[name]]
    return {"time": _instants(times), **columns}


def _hashed(value: Any, salt: str) -> str | None:
    return None if value is None else hashlib.sha256(f"{salt}\0{value}".encode()).hexdigest()[:32]


def _instants(seconds: list[float]) -> np.ndarray[Any, Any]:
    return (np.array(seconds, dtype=np.float64) * 1e6).astype("datetime64[us]")


def parquet(columns: Mapping[str, Any]) -> bytes:
    """The columns as a Parquet file. pyarrow is imported by the first one."""
    import pyarrow
    import pyarrow.parquet

    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(dict(columns)), file, compression="zstd")
    return file.getvalue()
