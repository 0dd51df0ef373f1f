"""Counters of both arms as servers would report them, drawn from stated distributions; vectorised over hash slots."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import ndtr
from scipy.stats import beta

from perennial.api.records.arms import (
    LATENCY_BINS,
    LATENCY_FIRST,
    LATENCY_GROWTH,
    ArmCounts,
    PredictionCounts,
    SlotCounts,
)
from perennial.api.records.server import PREDICTION_BINS, SLOTS
from perennial.policy.rollout.arms import Arms

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Model:
    """How one version behaves."""

    error_rate: float = 0.01
    seconds: float = 0.004  # median latency
    spread: float = 0.5  # of its logarithm
    scores: tuple[float, float] = (2.0, 5.0)  # Beta parameters of P(positive)


@dataclass
class Arm:
    """One arm of one step, cumulative.

    Args:
        sticky: clients stay in their slot and differ, so that a slot's requests are alike.
    """

    model: Model
    rng: np.random.Generator
    sticky: bool = False
    requests: Floats = field(default_factory=lambda: np.zeros(SLOTS))
    errors: Floats = field(default_factory=lambda: np.zeros(SLOTS))
    latency: Floats = field(default_factory=lambda: np.zeros((SLOTS, LATENCY_BINS)))
    predictions: Floats = field(default_factory=lambda: np.zeros((SLOTS, PREDICTION_BINS)))

    def __post_init__(self) -> None:
        draw, model, differ = self.rng, self.model, 1.0 if self.sticky else 0.0
        self._slot = draw.dirichlet(np.full(SLOTS, 10.0)) if self.sticky else np.full(SLOTS, 1 / SLOTS)
        self._error = np.minimum(
            model.error_rate * (draw.gamma(16.0, 1 / 16, SLOTS) if self.sticky else np.ones(SLOTS)), 1
        )
        slower = np.exp(0.1 * differ * draw.standard_normal(SLOTS))
        edges = np.log(LATENCY_FIRST * LATENCY_GROWTH ** np.arange(LATENCY_BINS - 1))
        middle = np.log(model.seconds * slower)[:, None]
        inner = ndtr((edges[None, :] - middle) / model.spread)
        self._latency = np.diff(inner, axis=1, prepend=0.0, append=1.0)
        inner = beta.cdf(np.arange(PREDICTION_BINS + 1) / PREDICTION_BINS, *model.scores)
        self._scores = np.diff(inner)[None, :] * np.exp(
            0.3 * differ * draw.standard_normal((SLOTS, 1)) * np.linspace(-1, 1, PREDICTION_BINS)
        )
        self._scores /= self._scores.sum(axis=1, keepdims=True)

    def serve(self, many: int) -> None:
        """So many more requests of one row."""
        new = self.rng.multinomial(many, self._slot)
        self.requests += new
        self.errors += self.rng.binomial(new, self._error)
        self.latency += self.rng.multinomial(new, self._latency)
        self.predictions += self.rng.multinomial(new, self._scores)

    def counts(self) -> ArmCounts:
        """The arm as a server reports it."""
        held, where = np.nonzero(self.latency)
        ends = np.searchsorted(held, np.arange(SLOTS + 1)).tolist()
        bins, counts = where.tolist(), self.latency[held, where].astype(int).tolist()
        slots = {
            number: SlotCounts(
                requests=int(self.requests[number]),
                errors=int(self.errors[number]),
                latency=dict(zip(bins[start:end], counts[start:end], strict=True)),
            )
            for number, (start, end) in enumerate(pairwise(ends))
            if end > start
        }
        return ArmCounts(
            requests=int(self.requests.sum()),
            errors=int(self.errors.sum()),
            latency=_sparse(self.latency.sum(axis=0)),
            slots=slots,
            predictions={"0": _prediction(self.predictions[:, ::-1]), "1": _prediction(self.predictions)},
        )


def arms(stable: Arm, candidate: Arm) -> Arms:
    """Both arms as the operator adds them up."""
    return Arms(stable.counts(), candidate.counts(), reports=1, predicting=1)


def _sparse(counts: Floats) -> dict[int, int]:
    return {i: int(counts[i]) for i in np.flatnonzero(counts).tolist()}


def _prediction(table: Floats) -> PredictionCounts:
    rows = table.sum(axis=1)
    return PredictionCounts(
        rows=int(rows.sum()),
        counts=table.sum(axis=0).astype(int).tolist(),
        squares=(table**2).sum(axis=0).tolist(),
        cross=(table * rows[:, None]).sum(axis=0).tolist(),
        slot_rows_squared=float((rows**2).sum()),
    )
