"""Which metrics there are: name, direction, tasks, what they are computed from. Data only; nothing is computed here."""

from dataclasses import dataclass
from typing import Literal

from perennial.api.records.run import TaskType

Direction = Literal["score", "loss", "rate"]
Needs = Literal["labels", "scores", "probabilities", "values"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. A score is better when larger, a loss when smaller, a rate is neither."""

    name: str
    title: str
    direction: Direction
    tasks: frozenset[TaskType]
    needs: Needs

    @property
    def maximize(self) -> bool:
        """Whether larger is better."""
        return self.direction == "score"


def _metric(name: str, title: str, direction: Direction, needs: Needs, *tasks: TaskType) -> Metric:
    return Metric(name, title, direction, frozenset(tasks), needs)


METRICS: dict[str, Metric] = {
    m.name: m
    for m in (
        _metric("roc_auc", "area under the ROC curve", "score", "scores", "Binary", "Outlier"),
        _metric("average_precision", "average precision", "score", "scores", "Binary", "Outlier"),
        _metric("log_loss", "log loss", "loss", "probabilities", "Binary", "Multiclass"),
        _metric("brier_score", "Brier score", "loss", "probabilities", "Binary"),
        _metric("accuracy", "share of right answers", "score", "labels", "Binary", "Multiclass"),
        _metric("balanced_accuracy", "mean recall over classes", "score", "labels", "Binary", "Multiclass"),
        _metric("f1", "F1 of the positive class", "score", "labels", "Binary", "Outlier"),
        _metric("precision", "precision of the positive class", "score", "labels", "Binary", "Outlier"),
        _metric("recall", "recall of the positive class", "score", "labels", "Binary", "Outlier"),
        _metric("matthews_corrcoef", "Matthews correlation", "score", "labels", "Binary", "Multiclass"),
        _metric("f1_macro", "mean F1 over classes", "score", "labels", "Multiclass"),
        _metric("f1_weighted", "mean F1 weighted by class size", "score", "labels", "Multiclass"),
        _metric("precision_macro", "mean precision over classes", "score", "labels", "Multiclass"),
        _metric("recall_macro", "mean recall over classes", "score", "labels", "Multiclass"),
        _metric("roc_auc_ovr", "mean one-against-rest ROC AUC", "score", "probabilities", "Multiclass"),
        _metric("r2", "explained share of variance", "score", "values", "Regression"),
        _metric("rmse", "root mean squared error", "loss", "values", "Regression"),
        _metric("mae", "mean absolute error", "loss", "values", "Regression"),
        _metric("mape", "mean absolute relative error", "loss", "values", "Regression"),
        _metric("median_absolute_error", "median absolute error", "loss", "values", "Regression"),
        _metric("alert_rate", "share of rows called outliers", "rate", "labels", "Outlier"),
    )
}

USUAL: dict[TaskType, tuple[str, ...]] = {
    "Binary": ("roc_auc", "log_loss", "average_precision", "accuracy", "f1"),
    "Multiclass": ("accuracy", "log_loss", "balanced_accuracy", "f1_macro"),
    "Regression": ("rmse", "mae", "r2"),
    "Outlier": ("alert_rate",),
}
"""What is measured where `evaluation.metrics` is empty; the first is the key metric."""

SCORES = tuple(m.name for m in METRICS.values() if m.direction == "score")
LOSSES = tuple(m.name for m in METRICS.values() if m.direction == "loss")
