"""Points of the report's curves, thinned so that a page stays small. Pure."""

import numpy as np

MOST_POINTS = 200
CALIBRATION_BINS = 10

Points = tuple[np.ndarray, np.ndarray]


def roc_points(y: np.ndarray, score: np.ndarray) -> Points:
    """False and true positive rates over falling thresholds, from (0, 0) to (1, 1); at most 200 points."""
    true, false = _counts(y, score)
    rates = np.r_[0.0, false / max(false[-1], 1)], np.r_[0.0, true / max(true[-1], 1)]
    return _thinned(*rates)


def precision_recall_points(y: np.ndarray, score: np.ndarray) -> Points:
    """Recall and precision over falling thresholds; at most 200 points."""
    true, false = _counts(y, score)
    return _thinned(true / max(true[-1], 1), true / (true + false))


def calibration_points(y: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean prediction, observed share and rows in ten bins of (nearly) equal size; equal predictions stay together."""
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1]))
    codes = np.searchsorted(edges, probability, side="right")
    counts = np.bincount(codes, minlength=len(edges) + 1)
    full = counts > 0
    predicted = np.bincount(codes, weights=probability, minlength=len(counts))[full] / counts[full]
    observed = np.bincount(codes, weights=y, minlength=len(counts))[full] / counts[full]
    return predicted, observed, counts[full]


def _counts(y: np.ndarray, score: np.ndarray) -> Points:
    """True and false positives at each distinct score, highest first."""
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    hits = np.cumsum(y[order] == 1)[last].astype(np.float64)
    return hits, last + 1.0 - hits


def _thinned(x: np.ndarray, y: np.ndarray) -> Points:
    if len(x) <= MOST_POINTS:
        return x, y
    kept = np.unique(np.linspace(0, len(x) - 1, MOST_POINTS).astype(int))
    return x[kept], y[kept]
