"""What this pod tells Prometheus: requests, errors, duration, batches, queue, plan. Summed over its workers.

Written by hand into shared cells, because a client library's locks and label lookups cost more than a prediction.
"""

import time
from collections.abc import Iterator, Mapping

from perennial.api.records.arms import LATENCY_BINS, latency_edge
from perennial.runtime.serving.cells import Cells
from perennial.runtime.serving.latency import latency_bin

PROTOCOLS = ("v1", "v2", "grpc", "other")
CODES = (200, 204, 400, 404, 405, 408, 411, 413, 415, 429, 431, 499, 500, 503, 504)
GAUGES = ("in_flight", "queued", "ready", "running_since_ms")
COUNTS = (
    "rows",
    "batches",
    "late",
    "shed",
    "plan_errors",
    "window_flushes",
    "window_flush_errors",
    "forwarded",
    "fallbacks",
    "mirrored",
    "mirror_dropped",
    "payload_rows",
    "payload_dropped",
)
HELP = {
    "rows": "Rows predicted",
    "batches": "Calls of the model",
    "late": "Requests answered with 504 because their deadline passed",
    "shed": "Requests refused because the queue was full",
    "plan_errors": "Rollout plans that could not be read; the last good one stays in force",
    "window_flushes": "Window files written",
    "window_flush_errors": "Window files that could not be written",
    "forwarded": "Requests sent to the candidate",
    "fallbacks": "Requests of the candidate's share that the stable version answered",
    "mirrored": "Requests copied to the candidate",
    "mirror_dropped": "Requests not copied because too many copies were under way",
    "payload_rows": "Rows written to payload samples",
    "payload_dropped": "Sampled rows not written because of the hourly limit or a storage error",
}
SECTIONS: Mapping[str, tuple[int, ...]] = {
    "requests": (len(PROTOCOLS), len(CODES)),
    "duration": (LATENCY_BINS,),
    "duration_us": (1,),
    "counts": (len(COUNTS),),
    "gauges": (len(GAUGES),),
    "heartbeat_ms": (1,),
}
_BUCKETS = tuple(range(6, LATENCY_BINS - 1, 14))  # every 14th edge: each about twice the one before
_CODE = {code: i for i, code in enumerate(CODES)}


class Metrics:
    """Increments for the hot path, and the text for `/metrics`."""

    def __init__(self, cells: Cells, labels: Mapping[str, str]) -> None:
        self._cells = cells
        self._labels = ",".join(f'{k}="{_escaped(v)}"' for k, v in labels.items())
        self._requests = cells.offset("requests")
        self._duration = cells.offset("duration")
        self._duration_us = cells.offset("duration_us")
        self._counts = {name: cells.offset("counts") + i for i, name in enumerate(COUNTS)}
        self._gauges = {name: cells.offset("gauges") + i for i, name in enumerate(GAUGES)}
        self._heartbeat = cells.offset("heartbeat_ms")
        self._mine = cells.mine

    def request(self, protocol: int, status: int, seconds: float) -> None:
        """One answered request. `protocol` is an index of PROTOCOLS."""
        mine = self._mine
        mine[self._requests + protocol * len(CODES) + _CODE.get(status, _CODE[500])] += 1
        mine[self._duration + latency_bin(seconds)] += 1
        mine[self._duration_us] += int(seconds * 1e6)

    def add(self, name: str, amount: int = 1) -> None:
        """Raise a counter."""
        self._mine[self._counts[name]] += amount

    def set(self, name: str, value: int) -> None:
        """Set a gauge of this worker."""
        self._mine[self._gauges[name]] = value

    def count(self, name: str) -> int:
        """A counter's total over the workers."""
        return int(self._cells.total("counts")[COUNTS.index(name)])

    def beat(self) -> None:
        """Say that this worker's loop turns."""
        self._mine[self._heartbeat] = int(time.monotonic() * 1000)

    def stalest_beat(self) -> float:
        """Seconds since the oldest heartbeat of any worker that ever beat."""
        beats = [int(b) for b in self._cells.rows("heartbeat_ms")[:, 0] if b]
        return time.monotonic() - min(beats) / 1000 if beats else 0.0

    def longest_prediction(self) -> float:
        """Seconds that the longest prediction under way in any worker has run."""
        index = GAUGES.index("running_since_ms")
        since = [int(s) for s in self._cells.rows("gauges")[:, index] if s]
        return time.monotonic() - min(since) / 1000 if since else 0.0

    def text(self) -> bytes:
        """The Prometheus text format, version 0.0.4."""
        lines = [*self._request_lines(), *self._duration_lines(), *self._count_lines(), *self._gauge_lines()]
        return ("\n".join(lines) + "\n").encode()

    def _request_lines(self) -> Iterator[str]:
        yield from _head("perennial_server_requests_total", "Requests by protocol and status", "counter")
        for p, row in enumerate(self._cells.total("requests")):
            for c, value in enumerate(row):
                if value:
                    labels = f'{self._labels},protocol="{PROTOCOLS[p]}",code="{CODES[c]}"'
                    yield f"perennial_server_requests_total{{{labels}}} {value}"

    def _duration_lines(self) -> Iterator[str]:
        name = "perennial_server_request_duration_seconds"
        yield from _head(name, "Server-side time of inference requests, queue and compute", "histogram")
        counts = self._cells.total("duration").cumsum()
        for index in _BUCKETS:
            yield f'{name}_bucket{{{self._labels},le="{latency_edge(index):.4g}"}} {counts[index]}'
        yield f'{name}_bucket{{{self._labels},le="+Inf"}} {counts[-1]}'
        yield f"{name}_sum{{{self._labels}}} {self._cells.total('duration_us')[0] / 1e6:.6f}"
        yield f"{name}_count{{{self._labels}}} {counts[-1]}"

    def _count_lines(self) -> Iterator[str]:
        for name, value in zip(COUNTS, self._cells.total("counts"), strict=True):
            yield from _head(f"perennial_server_{name}_total", HELP[name], "counter")
            yield f"perennial_server_{name}_total{{{self._labels}}} {value}"

    def _gauge_lines(self) -> Iterator[str]:
        totals = dict(zip(GAUGES, self._cells.total("gauges"), strict=True))
        for name, text in (("in_flight", "Requests being answered"), ("queued", "Requests waiting for the model")):
            yield from _head(f"perennial_server_{name}", text, "gauge")
            yield f"perennial_server_{name}{{{self._labels}}} {totals[name]}"
        yield from _head("perennial_server_ready", "1 when every worker is ready", "gauge")
        yield f"perennial_server_ready{{{self._labels}}} {int(totals['ready'] == self._cells.workers)}"


def _head(name: str, text: str, kind: str) -> tuple[str, str]:
    return f"# HELP {name} {text}.", f"# TYPE {name} {kind}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
