"""Performance without labels, from calibrated scores alone. It assumes that P(y|x) is unchanged, and says so.

Confidence-based performance estimation (W. Kuberski, J. Perdomo et al., NannyML, 2021-2023): with calibrated
probabilities the expected confusion matrix of a window is known before its labels are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perennial.api.records.profile import Calibration
from perennial.stats.calibration import isotonic

MIN_ROWS = 1000
MAX_ERROR = 0.03
REPLICATES = 300
ASSUMPTION = "assumes that P(y|x) is unchanged"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimated metric with its two-sided interval; None and a reason where it is not available."""

    value: float | None
    lower: float | None
    upper: float | None
    message: str


def estimate(
    calibration: Calibration | None, scores: list[int], metric: str, *, confidence: float = 0.95, seed: int = 0
) -> Estimate:
    """The metric that a window would show if the scores are as well calibrated as on the hold-out.

    Args:
        calibration: of the profile; binary, or top score for more classes (accuracy only).
        scores: window rows per 100 equal score bins.
        metric: roc_auc, accuracy, precision, recall, f1, log_loss or brier_score.
    """
    reason = _unavailable(calibration, scores, metric)
    if reason or calibration is None:
        return Estimate(None, None, None, reason)
    window = np.asarray(scores, dtype=np.float64)
    counts, hits = (np.asarray(x, dtype=np.float64) for x in (calibration.counts, calibration.hits))
    value = _metric(metric, window, isotonic(counts, hits), calibration.threshold)
    rng = np.random.default_rng(seed)
    draws = [_metric(metric, *_redrawn(rng, window, counts, hits), calibration.threshold) for _ in range(REPLICATES)]
    tail = (1 - confidence) / 2
    lower, upper = np.nanquantile(draws, [tail, 1 - tail]).tolist()
    return Estimate(value, min(lower, value), max(upper, value), ASSUMPTION)


def _unavailable(calibration: Calibration | None, scores: list[int], metric: str) -> str:
    if calibration is None:
        return "not available: the model has no calibrated scores (classifiers with predict_proba only)"
    if calibration.rows < MIN_ROWS:
        return f"not available: {calibration.rows} hold-out rows, {MIN_ROWS} are needed to calibrate"
    if calibration.error > MAX_ERROR:
        return f"not available: calibration error {calibration.error:.3f}, at most {MAX_ERROR} is accepted"
    if sum(scores) < 1:
        return "not available: the window has no scores"
    if metric not in (_BINARY if calibration.threshold is not None else ("accuracy",)):
        return f"not available for {metric}"
    return ""


_BINARY = ("roc_auc", "accuracy", "precision", "recall", "f1", "log_loss", "brier_score")


def _redrawn(rng: np.random.Generator, window: Floats, counts: Floats, hits: Floats) -> tuple[Floats, Floats]:
    """Another window and another calibration of the same sizes: sampling error of both sides, and of labels."""
    n = int(window.sum())
    again = rng.multinomial(n, window / n).astype(np.float64)
    rate = isotonic(counts, hits)
    refitted = isotonic(counts, rng.binomial(counts.astype(np.int64), rate).astype(np.float64))
    realised = rng.binomial(again.astype(np.int64), refitted) / np.maximum(again, 1.0)
    return again, np.where(again > 0, realised, refitted)


def _metric(metric: str, window: Floats, rate: Floats, threshold: float | None) -> float:
    positive, negative = window * rate, window * (1 - rate)
    if metric == "roc_auc":
        total = positive.sum() * negative.sum()
        below = np.cumsum(negative) - negative
        return float(positive @ (below + negative / 2) / total) if total > 0 else float("nan")
    if threshold is None:
        return float(positive.sum() / window.sum())
    if metric in ("log_loss", "brier_score"):
        score = (np.arange(window.size) + 0.5) / window.size
        loss = -(positive * np.log(score) + negative * np.log1p(-score))
        squared = positive * (1 - score) ** 2 + negative * score**2
        return float((loss if metric == "log_loss" else squared).sum() / window.sum())
    called = _called(window.size, threshold)
    tp, fp = float(positive @ called), float(negative @ called)
    fn, tn = float(positive.sum()) - tp, float(negative.sum()) - fp
    ratios = {"precision": (tp, tp + fp), "recall": (tp, tp + fn), "f1": (2 * tp, 2 * tp + fp + fn)}
    above, under = ratios.get(metric, (tp + tn, float(window.sum())))
    return above / under if under > 0 else float("nan")


def _called(bins: int, threshold: float) -> Floats:
    """Share of each score bin that lies at or above the threshold."""
    share: Floats = np.clip((np.arange(bins) + 1) - threshold * bins, 0.0, 1.0)
    return share
