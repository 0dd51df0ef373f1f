"""Both arms of a rollout as this pod sees them: requests, errors, time and predictions in 64 hash slots.

Counting only; what the figures mean is decided by the operator. Cells of a new rollout start at zero.
"""

import zlib
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np

from perennial.api.records.arms import LATENCY_BINS, ArmCounts, ArmsReport, PredictionCounts, ShadowCounts, SlotCounts
from perennial.api.records.server import PREDICTION_BINS, SLOTS, RolloutPlan
from perennial.api.records.signature import Signature
from perennial.runtime.serving.cells import Cells
from perennial.runtime.serving.latency import latency_bin
from perennial.stats.bins import probability_codes

TOTALS = ("timeouts", "fallbacks", "mirrored", "ignored", "non_finite")
SHADOW = ("pairs", "rows", "disagreements", "incomparable", "absolute_nano", "largest_nano")
IGNORED_REQUESTS = 50
"""First requests of a candidate pod that are in no figure: caches and branch predictors are cold. Once in its life,
shared out among its workers: a rollout's identity is new with each step, the pod is not."""

MAX_CLASSES = 10
MAX_EDGES = 100
NANO = 1e-9


def sections() -> dict[str, tuple[int, ...]]:
    """The cells that the arms of any model need."""
    arm: dict[str, tuple[int, ...]] = {"slots": (SLOTS, 2 + LATENCY_BINS), "totals": (len(TOTALS),)}
    own = {f"own.{name}": shape for name, shape in arm.items()}
    candidate = {f"candidate.{name}": shape for name, shape in arm.items()}
    predictions = (MAX_CLASSES, max(PREDICTION_BINS, MAX_EDGES + 1), SLOTS)
    return {**own, **candidate, "own.predictions": predictions, "plan": (3,), "shadow": (len(SHADOW),)}


def names_of(signature: Signature) -> tuple[str, ...]:
    """What predictions are counted by: each class' probability (at most ten), or the one score."""
    outputs = {o.name for o in signature.outputs}
    if signature.classes and "predict_proba" in outputs:
        return tuple(str(c) for c in signature.classes[:MAX_CLASSES])
    return ("predict",) if signature.task == "Regression" else ("decision_function",)


class Arms:
    """The counters of both arms, in shared cells."""

    def __init__(self, cells: Cells, signature: Signature) -> None:
        self._cells = cells
        self._names = names_of(signature)
        self._probabilities = self._names not in (("predict",), ("decision_function",))
        self._edges: np.ndarray[Any, Any] | None = None
        self._own = cells.offset("own.slots")
        self._candidate = cells.offset("candidate.slots")
        self._totals = {
            arm: {name: cells.offset(f"{arm}.totals") + i for i, name in enumerate(TOTALS)}
            for arm in ("own", "candidate")
        }
        self._mine = cells.mine
        self._to_ignore = ceil(IGNORED_REQUESTS / cells.workers)
        self._ignores = False

    def begin(self, plan: RolloutPlan) -> None:
        """A plan comes into force: a new rollout clears the counters; the cells say what this worker follows."""
        epoch = zlib.crc32(plan.rollout.encode())
        state = self._cells.view("plan")
        if epoch != int(state[0]):
            self._cells.clear("own.slots", "own.totals", "own.predictions", "candidate.slots", "candidate.totals")
            self._cells.clear("shadow")
        self._ignores = plan.role == "Candidate"
        self._edges = np.array(plan.prediction_edges[:MAX_EDGES]) if plan.prediction_edges else None
        state[:3] = epoch, round(plan.weight * 1e6), round(plan.mirror * 1e6)

    @property
    def is_cold(self) -> bool:
        """Whether this pod's first requests are still being ignored."""
        return self._ignores and self._to_ignore > 0

    def own(self, slot: int, seconds: float, *, error: bool = False, timeout: bool = False) -> None:
        """A request that this pod answered itself. A client's fault is no error."""
        if self.is_cold:
            self._to_ignore -= 1
            self._mine[self._totals["own"]["ignored"]] += 1
            return
        self._count(self._own, slot, seconds, error)
        if timeout:
            self._mine[self._totals["own"]["timeouts"]] += 1

    def candidate(self, slot: int, seconds: float, *, error: bool = False, **totals: bool) -> None:
        """A request that this pod sent to the candidate; `totals`: timeouts, fallbacks, mirrored."""
        self._count(self._candidate, slot, seconds, error)
        self.mark("candidate", **totals)

    def mark(self, arm: str, **totals: bool) -> None:
        """Raise some totals of an arm by one."""
        for name, holds in totals.items():
            if holds:
                self._mine[self._totals[arm][name]] += 1

    def _count(self, base: int, slot: int, seconds: float, error: bool) -> None:
        at = base + slot * (2 + LATENCY_BINS)
        self._mine[at] += 1
        if error:
            self._mine[at + 1] += 1
        self._mine[at + 2 + latency_bin(seconds)] += 1

    def predicted(self, outputs: Mapping[str, np.ndarray[Any, Any]], slots: np.ndarray[Any, Any]) -> None:
        """Count predictions in the rollout's bins.

        Args:
            outputs: arrays of n rows.
            slots: hash slot of each row, shape (n,).
        """
        for index, values in enumerate(self._scores(outputs)):
            finite = np.isfinite(values)
            if not finite.all():
                self._mine[self._totals["own"]["non_finite"]] += int(values.size - np.count_nonzero(finite))
            if not self._bin_count:
                continue
            bins = self._bins(np.where(finite, values, 0.0))
            np.add.at(self._cells.view("own.predictions")[index], (bins[finite], slots[finite]), 1)

    def _scores(self, outputs: Mapping[str, np.ndarray[Any, Any]]) -> Sequence[np.ndarray[Any, Any]]:
        if self._probabilities:
            table = outputs.get("predict_proba")
            return [] if table is None else [table[:, i] for i in range(len(self._names))]
        values = outputs.get(self._names[0])
        if values is None or values.dtype.kind not in "fiu":
            return []
        return [np.asarray(values, dtype=np.float64)]

    @property
    def _bin_count(self) -> int:
        """Bins of the rollout; none for scores whose edges are not known."""
        if self._probabilities:
            return PREDICTION_BINS
        return 0 if self._edges is None else len(self._edges) + 1

    def _bins(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if self._edges is not None and not self._probabilities:
            found: np.ndarray[Any, Any] = np.searchsorted(self._edges, values, side="left")
            return found
        return probability_codes(values, PREDICTION_BINS)

    def shadowed(self, rows: int, disagreements: int, absolute: float, largest: float, comparable: bool) -> None:
        """A pair of answers to the same rows."""
        state = self._cells.view("shadow")
        if not comparable:
            state[3] += 1
            return
        state[:3] += (1, rows, disagreements)
        state[4] += int(min(absolute / NANO, 2**62))
        state[5] = max(int(state[5]), int(min(largest / NANO, 2**62)))

    def report(self, plan: RolloutPlan, seen_at: str, identity: Mapping[str, Any]) -> ArmsReport:
        """The counters of every worker that follows this rollout."""
        states = self._cells.rows("plan")
        same = states[:, 0] == zlib.crc32(plan.rollout.encode())
        agreed = bool((states[:, :3] == states[self._cells.worker, :3]).all())
        candidate = self._arm("candidate", plan.candidate_version, same) if plan.candidate_url else None
        return ArmsReport(
            pod=identity["pod"],
            boot_id=identity["boot_id"],
            rollout=plan.rollout,
            role=plan.role,
            weight=plan.weight if agreed else None,
            mirror=plan.mirror if agreed else None,
            plan_seen_at=seen_at,
            plan_errors=identity["plan_errors"],
            own=self._arm("own", identity["version"], same),
            candidate=candidate,
            shadow=self._shadow(same) if plan.shadow else None,
        )

    def _arm(self, arm: str, version: str, same: np.ndarray[Any, Any]) -> ArmCounts:
        slots = self._cells.rows(f"{arm}.slots")[same].sum(axis=0)
        totals = dict(zip(TOTALS, self._cells.rows(f"{arm}.totals")[same].sum(axis=0).tolist(), strict=True))
        return ArmCounts(
            version=version,
            requests=int(slots[:, 0].sum()),
            errors=int(slots[:, 1].sum()),
            latency=_sparse(slots[:, 2:].sum(axis=0)),
            slots={
                number: SlotCounts(requests=int(row[0]), errors=int(row[1]), latency=_sparse(row[2:]))
                for number, row in enumerate(slots)
                if row[0]
            },
            predictions=self._predictions(same) if arm == "own" else {},
            **totals,
        )

    def _predictions(self, same: np.ndarray[Any, Any]) -> dict[str, PredictionCounts]:
        bins = self._bin_count
        table = self._cells.rows("own.predictions")[same].sum(axis=0)[:, :bins]
        return {name: _prediction_counts(table[i]) for i, name in enumerate(self._names) if bins}

    def _shadow(self, same: np.ndarray[Any, Any]) -> ShadowCounts:
        rows = self._cells.rows("shadow")[same]
        sums = dict(zip(SHADOW, rows.sum(axis=0).tolist(), strict=True))
        return ShadowCounts(
            pairs=sums["pairs"],
            rows=sums["rows"],
            disagreements=sums["disagreements"],
            incomparable=sums["incomparable"],
            absolute=sums["absolute_nano"] * NANO,
            largest=int(rows[:, 5].max(initial=0)) * NANO,
        )


def _sparse(counts: np.ndarray[Any, Any]) -> dict[int, int]:
    return {int(i): int(counts[i]) for i in np.flatnonzero(counts)}


def _prediction_counts(table: np.ndarray[Any, Any]) -> PredictionCounts:
    """Sums over slots of one output's [bins, slots] counts."""
    by_slot = table.sum(axis=0)
    return PredictionCounts(
        rows=int(by_slot.sum()),
        counts=table.sum(axis=1).tolist(),
        squares=(table.astype(float) ** 2).sum(axis=1).tolist(),
        cross=(table.astype(float) * by_slot).sum(axis=1).tolist(),
        slot_rows_squared=float((by_slot.astype(float) ** 2).sum()),
    )
