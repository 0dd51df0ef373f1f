"""What a server counts of its traffic: bins per watched column, in memory independent of traffic.

Requests only append references to a bounded buffer; binning happens a few thousand rows at a time. Not thread-safe:
use it from one thread (the event loop's). Uploading is in `perennial.runtime.monitoring.flusher`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from perennial.api.identities import sha256_digest
from perennial.api.records.profile import Profile, Reference
from perennial.api.records.window import WindowRecord
from perennial.runtime.monitoring.columns import Coder, Layout, as_numbers, coder
from perennial.runtime.monitoring.sums import SlotSums
from perennial.runtime.monitoring.thinning import Thinning
from perennial.runtime.monitoring.times import iso

BUFFER_ROWS = 4096
"""Rows that wait for binning at most; their memory is the requests' own arrays."""
MINUTE_ROWS = 240_000
"""Above this rate (4,000 rows/s) only every k-th row is counted, so that counting stays below a percent of a core."""
BLOCK_SECONDS = 60

Columns = Mapping[str, NDArray[Any]] | NDArray[np.float64]


class Counters:
    """Counts rows and their predictions in the bins of a profile, slot by slot.

    Args:
        profile: of the version that is served.
        artifact: its artifact digest, `sha256:…`, written into windows.
        version: its number, when it has one.
        inputs: names of the columns of a 2-D matrix given to `observe`, in order (the signature's).
        slot_seconds: `monitoring.window`; a multiple of 60.
        max_features: watch only so many features, the most important first.
        exclude: features not to count.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        artifact: str = "",
        version: int | None = None,
        inputs: Sequence[str] = (),
        slot_seconds: int = 3600,
        max_features: int = 50,
        exclude: Sequence[str] = (),
    ) -> None:
        """See the class."""
        self.layout = Layout(
            features=tuple(coder(r) for r in watched(profile, max_features, exclude)),
            outputs=tuple(coder(r) for r in profile.outputs),
        )
        self.slot_seconds = slot_seconds
        self._identity = {"artifact": artifact, "version": version, "profile": sha256_digest(profile.to_json())}
        self._positions = {name: i for i, name in enumerate(inputs)}
        self._probability = next((c for c in self.layout.outputs if c.output == "predict_proba"), None)
        self._slots: dict[int, SlotSums] = {}
        self._pending: list[tuple[Columns, Mapping[str, NDArray[Any]]]] = []
        self._pending_rows = 0
        self._thinning = Thinning(MINUTE_ROWS)
        self._block = -1
        self._first = self._last = 0.0

    def observe(self, columns: Columns, outputs: Mapping[str, NDArray[Any]], at: float) -> None:
        """Count a predicted batch. The arrays must not be changed afterwards.

        Above 4,000 rows/s every k-th row is counted and the others show as the window's `dropped`.

        Args:
            columns: canonical columns of shape (rows,), or a float64 matrix of shape (rows, inputs).
            outputs: what the model answered, `predict`, `predict_proba` …; a score that is not there is not counted.
            at: seconds since 1970 UTC.
        """
        block = int(at // BLOCK_SECONDS)
        if block != self._block or self._pending_rows >= BUFFER_ROWS:
            self._settle(block)
        rows = _rows(columns, outputs)
        kept = self._thinning.keep(rows)
        if kept is not None:
            columns, outputs, rows = self._thin(columns, outputs, rows, kept)
        if not rows:
            return
        if not self._pending:
            self._first = at
        self._last = at
        self._pending.append((columns, outputs))
        self._pending_rows += rows

    def reject(self, column: str, rows: int, at: float) -> None:
        """Count values of a column that validation refused as not of its type (the type rate)."""
        for i, watched_column in enumerate(self.layout.features):
            if watched_column.name == column:
                self._slot(int(at // BLOCK_SECONDS)).invalid[i] += rows

    def drop(self, rows: int, at: float) -> None:
        """Count rows that were answered but not observed, so that a window says that it is incomplete."""
        self._slot(int(at // BLOCK_SECONDS)).dropped += rows

    @property
    def slots(self) -> list[int]:
        """Starts of the slots that hold counts, seconds since 1970 UTC, oldest first."""
        self._bin_pending()
        return sorted(self._slots)

    def to_window(self, slot: int, *, complete: bool = False) -> WindowRecord:
        """The cumulative counts of one slot. The open minute counts as a block of its own."""
        self._bin_pending()
        sums = self._slots.get(slot) or SlotSums(self.layout)
        end = slot + self.slot_seconds
        return sums.to_record(self.layout, start=iso(slot), end=iso(end), complete=complete, **self._identity)

    def forget(self, slot: int) -> None:
        """Drop a slot whose final file is stored."""
        self._bin_pending()
        self._slots.pop(slot, None)

    def merge(self, other: "Counters") -> None:
        """Add another worker's counts of the same profile. Its open minutes stay blocks of their own.

        Raises:
            ValueError: the other counts in other bins.
        """
        if other.layout.offsets.tolist() != self.layout.offsets.tolist() or other._identity != self._identity:
            raise ValueError("Counters.merge: the other counters belong to another profile; merge per version")
        self._bin_pending()
        for slot in other.slots:
            self._slots.setdefault(slot, SlotSums(self.layout)).add(other._slots[slot])

    def _slot(self, block: int) -> SlotSums:
        start = block * BLOCK_SECONDS // self.slot_seconds * self.slot_seconds
        found = self._slots.get(start)
        if found is None:
            found = self._slots[start] = SlotSums(self.layout)
        return found

    def _settle(self, block: int) -> None:
        self._bin_pending()
        if block == self._block:
            return
        if self._block >= 0:
            self._slot(self._block).close_block()
        self._block = block
        self._thinning.next_minute()

    def _thin(
        self, columns: Columns, outputs: Mapping[str, NDArray[Any]], rows: int, kept: slice
    ) -> tuple[Columns, Mapping[str, NDArray[Any]], int]:
        taken = len(range(rows)[kept])
        self._slot(self._block).dropped += rows - taken
        if not taken:
            return columns, outputs, 0
        thin = columns[kept] if isinstance(columns, np.ndarray) else {k: v[kept] for k, v in columns.items()}
        return thin, {k: v[kept] for k, v in outputs.items()}, taken

    def _bin_pending(self) -> None:
        """Bin what waits. All of it is of one minute, so of one slot."""
        if not self._pending:
            return
        sums = self._slot(self._block)
        pending, rows = self._pending, self._pending_rows
        self._pending, self._pending_rows = [], 0
        gathered = self._gather([c for c, _ in pending])
        for i, (one, values) in enumerate(zip(self.layout.features, gathered, strict=True)):
            self._count(sums, i, one, values)
        for i, one in enumerate(self.layout.outputs, start=len(self.layout.features)):
            parts = [_output(o, one) for _, o in pending if one.output in o]
            if parts:
                self._count(sums, i, one, np.concatenate(parts))
        self._count_scores(sums, [o["predict_proba"] for _, o in pending if "predict_proba" in o])
        sums.rows += rows
        sums.first, sums.last = min(sums.first, self._first), max(sums.last, self._last)

    def _gather(self, batches: list[Columns]) -> Iterator[NDArray[Any]]:
        """The values of each watched feature, one after another."""
        if all(isinstance(c, np.ndarray) for c in batches):
            by_column = np.ascontiguousarray(np.concatenate(cast(list[NDArray[np.float64]], batches)).T)
            yield from (by_column[self._positions[one.name]] for one in self.layout.features)
            return
        for one in self.layout.features:
            position = self._positions.get(one.name, -1)
            yield np.concatenate([c[:, position] if isinstance(c, np.ndarray) else c[one.name] for c in batches])

    def _count(self, sums: SlotSums, i: int, one: Coder, values: NDArray[Any]) -> None:
        if one.index is None:
            values = as_numbers(values)
            sums.invalid[i] += np.count_nonzero(np.isinf(values))
        codes = one.codes(values)
        begin, end = self.layout.offsets[i : i + 2]
        sums.open[begin:end] += np.bincount(codes, minlength=one.bins)
        sums.outside[i] += one.outside(values, codes)

    def _count_scores(self, sums: SlotSums, parts: list[NDArray[Any]]) -> None:
        if not parts or self._probability is None:
            return
        table = np.concatenate(parts)
        binary = self._probability.name == "score"
        score = table[:, self._probability.column or 0] if binary else table.max(axis=1)
        sums.scores += score_counts(score)


def score_counts(score: NDArray[Any]) -> NDArray[np.int64]:
    """Rows per 100 equal bins on [0, 1], shape (100,); scores that are not numbers are left out."""
    known = score[np.isfinite(score)]
    return np.bincount(np.clip((known * 100).astype(np.int64), 0, 99), minlength=100)


def watched(profile: Profile, max_features: int = 50, exclude: Sequence[str] = ()) -> list[Reference]:
    """The features to count: the most important ones, in the profile's order."""
    candidates = [r for r in profile.features if r.name not in set(exclude)]
    kept = {r.name for r in sorted(candidates, key=lambda r: -r.importance)[:max_features]}
    return [r for r in candidates if r.name in kept]


def _rows(columns: Columns, outputs: Mapping[str, NDArray[Any]]) -> int:
    if isinstance(columns, np.ndarray):
        return int(columns.shape[0])
    return len(next(iter(columns.values()), next(iter(outputs.values()), ())))


def _output(outputs: Mapping[str, NDArray[Any]], one: Coder) -> NDArray[Any]:
    values = outputs[one.output or ""]
    return values if one.column is None or values.ndim == 1 else values[:, one.column]
