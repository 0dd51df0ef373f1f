"""From scores to the outputs that a signature promises: labels by threshold, probabilities, values.

Not for computing scores: the modules under `scoring` do, one a path.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

import numpy as np

from perennial.api.records.signature import Datatype, OutputTensor, Signature


class Answers:
    """The outputs of one model, compiled from its signature."""

    def __init__(self, signature: Signature) -> None:
        self._outputs = {output.name: output for output in signature.outputs}
        self._defaults = frozenset(output.name for output in signature.outputs if output.default)
        self._regression = signature.task in ("Regression", "Outlier")
        self._outlier = signature.task == "Outlier"
        classes = signature.classes or []
        self._labels = _label_array(classes)
        self._positive = classes.index(signature.positive_class) if signature.positive_class in classes else 1
        self._threshold = signature.threshold if signature.task == "Binary" else None
        self.scores_labels = "predict_proba" in self._outputs and not self._regression

    def wanted(self, outputs: Collection[str] | None) -> frozenset[str]:
        """The names to answer: those asked for, else the defaults.

        Raises:
            KeyError: a name that is not an output of this model.
        """
        if not outputs:
            return self._defaults
        if unknown := sorted(set(outputs) - set(self._outputs)):
            raise KeyError(unknown[0])
        return frozenset(outputs)

    def needs(self, wanted: frozenset[str]) -> frozenset[str]:
        """Which scores must be computed for these outputs: labels follow from probabilities where there are any."""
        if self.scores_labels and "predict" in wanted:
            return (wanted - {"predict"}) | {"predict_proba"}
        return wanted

    def of(self, scores: Mapping[str, np.ndarray], wanted: frozenset[str]) -> dict[str, np.ndarray]:
        """Outputs by name, each of shape (rows,) or (rows, classes), in the signature's datatypes."""
        outputs = {name: scores[name] for name in wanted if name != "predict"}
        if "predict" in wanted:
            outputs["predict"] = self._predicted(scores)
        return outputs

    def _predicted(self, scores: Mapping[str, np.ndarray]) -> np.ndarray:
        if self._outlier:
            return scores["predict"].astype(np.int64)
        if self._regression:
            return scores["predict"]
        if not self.scores_labels:
            return self._labels[scores["predict"].astype(np.intp)]
        probabilities = scores["predict_proba"]
        if self._threshold is None:
            return self._labels[probabilities.argmax(axis=1)]
        positive = probabilities[:, self._positive] >= self._threshold
        return self._labels[np.where(positive, self._positive, 1 - self._positive)]


def output_tensors(signature: Signature, scores: Mapping[str, np.ndarray]) -> list[OutputTensor]:
    """What the signature says of the outputs, from the scores of one or more rows."""
    label: Datatype = "FP64" if signature.task == "Regression" else "INT64"
    if signature.task in ("Binary", "Multiclass"):
        label = class_datatype(signature.classes or [])
    tensors = [OutputTensor(name="predict", datatype=label, shape=[-1], default=True)]
    for name in ("predict_proba", "decision_function"):
        if name in scores:
            shape = [-1, *scores[name].shape[1:]]
            tensors.append(OutputTensor(name=cast(Any, name), datatype="FP64", shape=shape))
    return tensors


def class_datatype(classes: list[Any]) -> Datatype:
    """BOOL, INT64, FP64 or BYTES: what the labels are."""
    kinds = set(map(type, classes))
    if kinds == {bool}:
        return "BOOL"
    if kinds == {int}:
        return "INT64"
    return "FP64" if kinds <= {int, float} else "BYTES"


def _label_array(classes: list[Any]) -> np.ndarray:
    datatype = class_datatype(classes) if classes else "INT64"
    kinds: dict[Datatype, Any] = {"BOOL": bool, "INT64": np.int64, "FP64": np.float64, "BYTES": object}
    labels = np.empty(len(classes), dtype=kinds[datatype])
    labels[:] = classes
    return labels
