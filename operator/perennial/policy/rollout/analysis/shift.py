"""Does the candidate predict differently from stable, beyond what a good retrain does? Pure."""

from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy.special import chdtri

from perennial.api.records.arms import PredictionCounts
from perennial.api.records.profile import Profile
from perennial.api.rollout import Analysis
from perennial.policy.rollout.analysis.finding import Finding
from perennial.policy.rollout.arms import Arms
from perennial.stats.effective import design_effect
from perennial.stats.psi import merge_small, psi

LARGEST = 0.2
"""PSI that is accepted where `max` is not given."""

EXPECTED = 1.5
"""A model retrained after drift may shift its predictions by so many times what it did on the same hold-out rows."""

NOISE = 0.01
"""Sampling alone exceeds its part of the limit with this probability."""

NOISE_PART = 0.5
"""Evidence is complete when the limit's sampling part is at most this share of the accepted shift."""


@dataclass(frozen=True, slots=True)
class _Shift:
    """One output's shift."""

    output: str
    psi: float
    noise: float  # PSI that sampling alone stays below
    needed_rows: float  # candidate rows that complete the evidence

    def beyond(self, effect: float) -> float:
        """How far it is beyond the limit."""
        return self.psi - effect - self.noise


def prediction_shift(rule: Analysis, arms: Arms, expected: float | None) -> Finding:
    """The finding on predictionShift: PSI ≤ max(`max`, 1.5 × expected) + (1/n_c + 1/n_s)·χ²(B − 1; 0.99), for the
    output that is furthest beyond it; n are rows over their design effect, B bins that are left after merging.

    Args:
        expected: PSI of champion against challenger on the same hold-out rows; None: not known.
    """
    candidate, stable = arms.candidate.predictions, arms.stable.predictions
    samples = arms.candidate.requests
    if samples and arms.predicting and not candidate and not stable:
        return Finding("predictionShift", samples=samples, blind="the servers count no predictions of this model")
    shared = [name for name in stable if name in candidate and len(stable[name].counts) == len(candidate[name].counts)]
    effect = max(LARGEST if rule.max is None else rule.max, EXPECTED * (expected or 0.0))
    found = [_shift(name, arms, effect) for name in shared if stable[name].rows and candidate[name].rows]
    if not found:
        return Finding("predictionShift", samples=samples)
    worst = max(found, key=lambda one: one.beyond(effect))
    rows = candidate[worst.output].rows
    return Finding(
        "predictionShift",
        candidate=worst.psi,
        samples=samples,
        needed=ceil(max(one.needed_rows for one in found) * samples / rows),
        is_beyond=worst.beyond(effect) > 0,
        excludes=f"a shift above {worst.psi + worst.noise:.2f}",
        message=f"the predictions ({worst.output}) of {rows} rows shifted by {worst.psi:.2f}; at most {effect:.2f} "
        f"and {worst.noise:.2f} for sampling is accepted" + ("" if expected is None else f" (expected {expected:.2f})"),
    )


def _shift(name: str, arms: Arms, effect: float) -> _Shift:
    stable, candidate = arms.stable.predictions[name], arms.candidate.predictions[name]
    loss = clustering(candidate, arms.predicting)
    n_c, n_s = candidate.rows / loss, stable.rows / clustering(stable, arms.reports)
    before, now = (np.array([one.counts], dtype=np.float64) for one in (stable, candidate))
    merged = merge_small(before, now, np.ones_like(before, dtype=bool), np.array([min(n_c, n_s)]))
    bins = int(merged.bins[0])
    quantile = float(chdtri(max(bins - 1, 1), NOISE))
    ratio = min(max(n_s / n_c, 0.05), 100.0)
    needed = (1 + 1 / ratio) * quantile / (NOISE_PART * max(effect, 1e-3)) * loss
    return _Shift(name, float(psi(merged)[0]), (1 / n_c + 1 / n_s) * quantile, needed)


def clustering(one: PredictionCounts, pods: int) -> float:
    """Design effect of an output's rows over hash slots.

    Each pod has its own slots, and the sums are added up over pods; a client's rows are spread over P pods, so that
    the correlated part of the variance is P times what the sums show.
    """
    counts = np.array(one.counts, dtype=np.float64)
    effect = design_effect(counts, np.array(one.squares), np.array(one.cross), one.slot_rows_squared)
    return 1.0 + max(1, pods) * (float(effect) - 1.0)


def score_edges(profile: Profile) -> tuple[float, ...]:
    """The bins that both arms count predictions in which are no probabilities: those of stable's reference.

    They are the bins in which the expected shift was measured.
    """
    scores = [o for o in profile.outputs if o.kind == "numeric" and o.output in ("decision_function", "predict")]
    # a classifier without probabilities has both; its servers count the score
    scores.sort(key=lambda o: o.output)
    return tuple(scores[0].edges) if scores else ()
