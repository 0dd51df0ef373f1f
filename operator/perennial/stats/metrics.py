"""Metric values as functions of weighted rows, so that bootstrap replicates are only other weights.

Which metrics exist, for which task and which way is better, is the API's; this is their arithmetic.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from perennial.stats.delong import components

Floats = NDArray[np.float64]
Needs = Literal["label", "score", "value"]

CLIP = 1e-15
"""Probabilities are kept this far from 0 and 1 in log loss (scikit-learn keeps the type's epsilon)."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Truth and answer of the rows a metric is computed on.

    Attributes:
        truth: class numbers 0 … classes−1 (binary: 1 is the positive class), or the true values; shape (rows,).
        label: predicted class numbers, or predicted values; shape (rows,).
        score: probability of the positive class, shape (rows,), or of each class, shape (rows, classes).
    """

    truth: NDArray[Any]
    label: NDArray[Any] | None = None
    score: Floats | None = None

    def take(self, index: NDArray[np.int64]) -> "Rows":
        """Some of the rows."""
        label = None if self.label is None else self.label[index]
        return Rows(self.truth[index], label, None if self.score is None else self.score[index])

    @property
    def answer(self) -> NDArray[Any]:
        """The predicted labels or values; binary and multi-class ones from scores when they were not given."""
        if self.label is not None:
            return self.label
        if self.score is None:
            raise ValueError("metric: neither predicted labels nor scores were given")
        return self.score.argmax(axis=1) if self.score.ndim == 2 else (self.score >= 0.5).astype(np.int64)

    @property
    def probability(self) -> Floats:
        """The scores.

        Raises:
            ValueError: the metric needs scores and none were given.
        """
        if self.score is None:
            raise ValueError("metric: it needs scores (predict_proba or decision_function), and the model has none")
        return self.score


Weighted = Callable[[Rows, Floats], float]


def row_losses(metric: str, rows: Rows) -> Floats | None:
    """Per-row terms of metrics that are means over rows, shape (rows,); None for the others."""
    terms = _TERMS.get(metric)
    return None if terms is None else terms(rows)


def value(metric: str, rows: Rows, weights: Floats | None = None) -> float:
    """The metric's value; NaN where it is not defined (one class only, no rows).

    Raises:
        KeyError: there is no such metric.
    """
    weights = np.ones(rows.truth.shape[0]) if weights is None else weights
    if weights.sum() == 0:
        return float("nan")
    terms = row_losses(metric, rows)
    if terms is None:
        return float(_OTHERS[metric](rows, weights))
    mean = float(terms @ weights / weights.sum())
    return mean**0.5 if metric == "rmse" else mean


def _log_loss(rows: Rows) -> Floats:
    p = rows.probability
    table = p if p.ndim == 2 else np.column_stack([1 - p, p])
    table = table / table.sum(axis=1, keepdims=True)
    chosen = table[np.arange(rows.truth.size), rows.truth.astype(np.int64)]
    loss: Floats = -np.log(np.clip(chosen, CLIP, 1.0))
    return loss


def _brier(rows: Rows) -> Floats:
    p = rows.probability
    if p.ndim == 1:
        squares: Floats = np.square(p - rows.truth)
        return squares
    hot = np.eye(p.shape[1])[rows.truth.astype(np.int64)]
    total: Floats = np.square(p - hot).sum(axis=1)
    return total


def _relative(rows: Rows) -> Floats:
    relative: Floats = np.abs(rows.answer - rows.truth) / np.maximum(np.abs(rows.truth), np.finfo(np.float64).eps)
    return relative


_TERMS: dict[str, Callable[[Rows], Floats]] = {
    "accuracy": lambda r: (r.answer == r.truth).astype(np.float64),
    "log_loss": _log_loss,
    "brier_score": _brier,
    "mae": lambda r: np.abs(r.answer - r.truth).astype(np.float64),
    "mse": lambda r: (r.answer - r.truth).astype(np.float64) ** 2,
    "rmse": lambda r: (r.answer - r.truth).astype(np.float64) ** 2,
    "mape": _relative,
    "alert_rate": lambda r: (r.answer == 1).astype(np.float64),
}


@dataclass(frozen=True, slots=True)
class Confusion:
    """Weighted rows by true and predicted class, shape (classes, classes)."""

    table: Floats

    @classmethod
    def of(cls, rows: Rows, weights: Floats) -> "Confusion":
        """Count."""
        truth, label = rows.truth.astype(np.int64), rows.answer.astype(np.int64)
        classes = max(int(truth.max()), int(label.max()), 1) + 1
        cells = np.bincount(truth * classes + label, weights=weights, minlength=classes * classes)
        return cls(cells.reshape(classes, classes))

    def per_class(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Precision, recall, F1 (0 where undefined) and support of each class, shape (classes,)."""
        hit, truth, label = np.diag(self.table), self.table.sum(axis=1), self.table.sum(axis=0)
        return _ratio(hit, label), _ratio(hit, truth), _ratio(2 * hit, truth + label), truth


def _ratio(above: Any, below: Any) -> Any:
    return np.divide(above, below, out=np.zeros_like(np.asarray(below, dtype=np.float64)), where=np.asarray(below) > 0)


def _of_class(which: int) -> Weighted:
    return lambda rows, weights: Confusion.of(rows, weights).per_class()[which][1]


def _macro(which: int) -> Weighted:
    def mean(rows: Rows, weights: Floats) -> float:
        confusion = Confusion.of(rows, weights)
        seen = (confusion.table.sum(axis=0) + confusion.table.sum(axis=1)) > 0
        return float(confusion.per_class()[which][seen].mean())

    return mean


def _weighted_f1(rows: Rows, weights: Floats) -> float:
    _, _, f1, support = Confusion.of(rows, weights).per_class()
    return float(f1 @ support / support.sum())


def _balanced_accuracy(rows: Rows, weights: Floats) -> float:
    _, recall, _, support = Confusion.of(rows, weights).per_class()
    return float(recall[support > 0].mean())


def _matthews(rows: Rows, weights: Floats) -> float:
    """B. W. Matthews 1975; for more classes J. Gorodkin, Comput. Biol. Chem. 28 (2004)."""
    table = Confusion.of(rows, weights).table
    truth, label, n = table.sum(axis=1), table.sum(axis=0), table.sum()
    below = np.sqrt((n * n - label @ label) * (n * n - truth @ truth))
    return float((np.trace(table) * n - truth @ label) / below) if below > 0 else 0.0


def roc_auc_parts(rows: Rows) -> list[tuple[float, Floats]]:
    """AUC and influences of the positive class, or of each class against the rest."""
    p = rows.probability
    if p.ndim == 1:
        return [components(rows.truth == 1, p)]
    return [components(rows.truth == k, p[:, k]) for k in range(p.shape[1])]


def _roc_auc(rows: Rows, weights: Floats) -> float:
    p = rows.probability
    if p.ndim == 1:
        return _weighted_auc(rows.truth == 1, p, weights)
    return float(np.mean([_weighted_auc(rows.truth == k, p[:, k], weights) for k in range(p.shape[1])]))


def _weighted_auc(positive: NDArray[np.bool_], score: Floats, weights: Floats) -> float:
    """P(score of a positive > score of a negative) + ½ P(equal), with weighted rows."""
    order = np.argsort(score, kind="stable")
    score, up, down = score[order], (weights * positive)[order], (weights * ~positive)[order]
    first = np.flatnonzero(np.append(True, np.diff(score) > 0))
    ups, downs = np.add.reduceat(up, first), np.add.reduceat(down, first)
    total = ups.sum() * downs.sum()
    below = np.cumsum(downs) - downs
    return float(ups @ (below + downs / 2) / total) if total > 0 else float("nan")


def _average_precision(rows: Rows, weights: Floats) -> float:
    p = rows.probability
    if p.ndim == 1:
        return _binary_average_precision(rows.truth == 1, p, weights)
    parts = [_binary_average_precision(rows.truth == k, p[:, k], weights) for k in range(p.shape[1])]
    return float(np.mean(parts))


def _binary_average_precision(positive: NDArray[np.bool_], score: Floats, weights: Floats) -> float:
    """Σ (R_k − R_{k−1})·P_k over distinct scores, highest first."""
    order = np.argsort(-score, kind="stable")
    score, up, both = score[order], (weights * positive)[order], weights[order]
    last = np.flatnonzero(np.append(np.diff(score) != 0, True))
    hits, taken = np.cumsum(up)[last], np.cumsum(both)[last]
    if hits[-1] == 0:
        return float("nan")
    return float(np.diff(hits, prepend=0.0) @ _ratio(hits, taken) / hits[-1])


def _r2(rows: Rows, weights: Floats) -> float:
    mean = rows.truth @ weights / weights.sum()
    spread = float(((rows.truth - mean) ** 2) @ weights)
    return 1.0 - float(((rows.answer - rows.truth) ** 2) @ weights) / spread if spread > 0 else float("nan")


def _median_error(rows: Rows, weights: Floats) -> float:
    error = np.abs(rows.answer - rows.truth).astype(np.float64)
    order = np.argsort(error, kind="stable")
    cumulative = np.cumsum(weights[order])
    half = cumulative[-1] / 2
    lower = np.searchsorted(cumulative, half, side="left")
    upper = np.searchsorted(cumulative, half, side="right")
    return float((error[order][lower] + error[order][min(upper, error.size - 1)]) / 2)


_OTHERS: dict[str, Weighted] = {
    "roc_auc": _roc_auc,
    "roc_auc_ovr": _roc_auc,
    "average_precision": _average_precision,
    "balanced_accuracy": _balanced_accuracy,
    "precision": _of_class(0),
    "recall": _of_class(1),
    "f1": _of_class(2),
    "precision_macro": _macro(0),
    "recall_macro": _macro(1),
    "f1_macro": _macro(2),
    "f1_weighted": _weighted_f1,
    "matthews_corrcoef": _matthews,
    "r2": _r2,
    "median_absolute_error": _median_error,
}

METRICS = frozenset(_TERMS) | frozenset(_OTHERS)
