"""Tells the window counters and the rollout's arms what was predicted. Costs a request an append."""

import time
from typing import Any

import numpy as np

from perennial.api.records.server import ServerMonitoring
from perennial.runtime.monitoring import Counters
from perennial.runtime.serving.arms import Arms
from perennial.runtime.serving.errors import RequestError
from perennial.runtime.serving.inputs import RefusedColumn, Rows
from perennial.runtime.serving.metrics import Metrics
from perennial.runtime.serving.samples import Samples
from perennial.runtime.serving.served import Outputs, Served

PENDING_ROWS = 2048
"""Predictions that wait for the arms' bins; they are binned together, and at the latest every second."""


class Watcher:
    """What happens after each predicted batch, and after each refused column.

    Args:
        counters: of the version's profile; None: the version has none, or monitoring is off.
        samples: when rows are to be written.
    """

    def __init__(
        self, served: Served, counters: Counters | None, arms: Arms, metrics: Metrics, samples: Samples | None = None
    ) -> None:
        self._served = served
        self._counters = counters
        self._arms = arms
        self._metrics = metrics
        self._samples = samples
        self._pending: list[tuple[Outputs, list[int], list[int]]] = []
        self._pending_rows = 0

    def observe(self, rows: Rows, outputs: Outputs, slots: list[int], counts: list[int]) -> None:
        """A batch was predicted."""
        self._metrics.add("batches")
        self._metrics.add("rows", rows.count)
        if not self._arms.is_cold:
            self._pending.append((outputs, slots, counts))
            self._pending_rows += rows.count
        if self._pending_rows >= PENDING_ROWS:
            self.settle()
        if self._samples is not None:
            self._samples.observe(rows, outputs)
        if self._counters is not None:
            observed = rows.matrix if rows.matrix is not None else rows.columns
            assert observed is not None  # noqa: S101 - one of them is there
            self._counters.observe(observed, outputs, time.time())

    def refused(self, error: RequestError) -> None:
        """A request was refused; values that are not of their column's type are a figure of the window."""
        if self._counters is not None and isinstance(error, RefusedColumn):
            self._counters.reject(error.column, error.rows, time.time())

    def settle(self) -> None:
        """Bin the predictions that wait."""
        if not self._pending:
            return
        pending, self._pending, self._pending_rows = self._pending, [], 0
        shared = set.intersection(*(set(outputs) for outputs, _, _ in pending))
        outputs: dict[str, np.ndarray[Any, Any]] = {
            name: np.concatenate([outputs[name] for outputs, _, _ in pending]) for name in shared
        }
        slots = np.repeat([s for _, part, _ in pending for s in part], [c for _, _, part in pending for c in part])
        self._arms.predicted(outputs, slots)


def counters_of(served: Served, monitoring: ServerMonitoring) -> Counters | None:
    """The window counters of a served model, when there is something to count."""
    if served.profile is None or not monitoring.enabled:
        return None
    version = served.config.version
    return Counters(
        served.profile,
        artifact=served.config.artifact_digest,
        version=int(version) if version.isdigit() else None,
        inputs=served.spec.names,
        slot_seconds=monitoring.window_seconds,
        max_features=monitoring.features.max,
        exclude=monitoring.features.exclude,
    )
