"""Which scores and labels of a model's outputs are watched, under which names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from perennial.api.records.signature import Signature

TOP_CLASSES = 10

OutputName = Literal["predict", "predict_proba", "decision_function"]


@dataclass(frozen=True, slots=True)
class WatchedOutput:
    """One watched score or label."""

    name: str
    output: OutputName
    column: int | None
    kind: Literal["numeric", "categorical"]

    def values(self, outputs: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Its values, shape (rows,)."""
        found = np.asarray(outputs[self.output])
        return found if self.column is None or found.ndim == 1 else found[:, self.column]


def watched_outputs(outputs: Mapping[str, NDArray[Any]], signature: Signature) -> list[WatchedOutput]:
    """Binary: the positive class' `score`. Multi-class: `score:<class>` of the 10 most frequent, and `label`.

    Regression: `value`. Outlier detection: `score`. Without probabilities: the decision function, else the label.
    """
    if signature.task == "Regression":
        return [WatchedOutput("value", "predict", None, "numeric")] if "predict" in outputs else []
    if signature.task == "Multiclass" and "predict_proba" in outputs:
        return [*_class_scores(np.asarray(outputs["predict_proba"]), signature), *_label(outputs)]
    if "predict_proba" in outputs:
        return [WatchedOutput("score", "predict_proba", positive_column(signature), "numeric")]
    if "decision_function" in outputs and np.asarray(outputs["decision_function"]).ndim == 1:
        return [WatchedOutput("score", "decision_function", None, "numeric")]
    return _label(outputs)


def positive_column(signature: Signature) -> int:
    """Column of `predict_proba` that belongs to the positive class; the last one when none is named."""
    classes = signature.classes or []
    return classes.index(signature.positive_class) if signature.positive_class in classes else max(len(classes) - 1, 1)


def _class_scores(table: NDArray[Any], signature: Signature) -> list[WatchedOutput]:
    top = sorted(np.argsort(-table.mean(axis=0), kind="stable")[:TOP_CLASSES].tolist())
    names = signature.classes or list(range(table.shape[1]))
    return [WatchedOutput(f"score:{names[i]}", "predict_proba", i, "numeric") for i in top]


def _label(outputs: Mapping[str, NDArray[Any]]) -> list[WatchedOutput]:
    return [WatchedOutput("label", "predict", None, "categorical")] if "predict" in outputs else []
