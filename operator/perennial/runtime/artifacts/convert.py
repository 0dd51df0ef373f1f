"""Makes the ONNX graph of a fitted estimator, exactly where its arithmetic is known, else through skl2onnx.

Whether the graph may be used is for verify.py to say.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from perennial.runtime.artifacts.forest import Link, NotConvertible, forest_of
from perennial.runtime.artifacts.onnx_graph import Linear, forest_graph, linear_graph

MAX_GRAPH = 256 << 20  # bytes; past that a graph costs more memory than the time it saves


LINEAR_REGRESSION = frozenset(
    f"{cls}.predict"
    for cls in ("LinearModel", "MultiOutputLinearModel", "Ridge", "BaseSGDRegressor", "BayesianRidge", "ARDRegression")
)
GENERALISED = "_GeneralizedLinearRegressor.predict"
LINEAR_DECISION = ("LinearClassifierMixin.decision_function", "LinearDiscriminantAnalysis.decision_function")
LINEAR_PROBABILITY = ("LogisticRegression.predict_proba", "LinearDiscriminantAnalysis.predict_proba")
"""The methods of scikit-learn whose arithmetic is X·coefficients + intercept and a link."""

BY_SKL2ONNX = frozenset({"MLPClassifier", "MLPRegressor", "GaussianNB", "BernoulliNB", "MultinomialNB", "ComplementNB"})
"""Smooth models that skl2onnx converts in float64. With trees it searches for float32 thresholds without end, and
neighbours are found faster by scikit-learn's own trees than by comparing with every row."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A graph, and where its model changes its mind: (column of the matrix, threshold)."""

    graph: bytes
    thresholds: list[tuple[int, float]]


def convert(estimator: Any, width: int) -> Converted:
    """The graph of a fitted estimator over a matrix of `width` columns.

    Raises:
        NotConvertible: there is none; the message is the reason to record.
    """
    classifier = hasattr(estimator, "classes_")
    linear = _linear(estimator)
    if linear is not None:
        return Converted(linear_graph(linear, width), [])
    try:
        forest = forest_of(estimator)
    except NotConvertible as reason:
        return Converted(_by_skl2onnx(estimator, width, str(reason)), [])
    return _bounded(Converted(forest_graph(forest, width, classifier=classifier), forest.thresholds()))


def _bounded(converted: Converted) -> Converted:
    if len(converted.graph) > MAX_GRAPH:
        raise NotConvertible(f"the graph has {len(converted.graph)} bytes, more than {MAX_GRAPH}")
    return converted


def _linear(estimator: Any) -> Linear | None:
    """By the methods that predict: a class with arithmetic of its own is not taken for its parent."""
    cls = type(estimator)
    predicts = getattr(getattr(cls, "predict", None), "__qualname__", "")
    if predicts in LINEAR_REGRESSION or predicts == GENERALISED:
        return _linear_regression(estimator, generalised=predicts == GENERALISED)
    if getattr(getattr(cls, "decision_function", None), "__qualname__", "") not in LINEAR_DECISION:
        return None
    weights, bias = np.atleast_2d(estimator.coef_).T.astype(np.float64), np.atleast_1d(estimator.intercept_)
    bias = np.broadcast_to(bias, weights.shape[1:]).astype(np.float64)
    if not hasattr(estimator, "predict_proba"):
        return Linear(weights, bias, "identity", decision=True, classes=True)
    if cls.predict_proba.__qualname__ not in LINEAR_PROBABILITY:
        return None
    return Linear(weights, bias, "logistic" if weights.shape[1] == 1 else "softmax", decision=True, classes=True)


def _linear_regression(estimator: Any, *, generalised: bool) -> Linear | None:
    links: dict[str, Link] = {"LogLink": "exp", "IdentityLink": "identity"}
    link = links.get(type(estimator._base_loss.link).__name__) if generalised else "identity"
    coefficients = np.asarray(estimator.coef_, dtype=np.float64)
    if coefficients.ndim != 1 or link is None:
        return None
    bias = np.atleast_1d(np.asarray(estimator.intercept_, dtype=np.float64))
    return Linear(coefficients[:, None], bias, link, decision=False, classes=False)


def _by_skl2onnx(estimator: Any, width: int, reason: str) -> bytes:
    """A graph by skl2onnx in float64, its outputs named as ours."""
    if type(estimator).__name__ not in BY_SKL2ONNX:
        raise NotConvertible(reason)
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import DoubleTensorType

    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "predict_proba") else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            types = [("X", DoubleTensorType([None, width]))]
            model = convert_sklearn(estimator, "model", types, options=options, target_opset={"": 21, "ai.onnx.ml": 3})
    except Exception as error:  # the converters raise whatever they stumble over
        raise NotConvertible(f"{reason}; skl2onnx: {type(error).__name__}: {error}"[:300]) from None
    return _renamed(model, estimator)


def _renamed(model: Any, estimator: Any) -> bytes:
    from onnx import TensorProto, helper

    given = [output.name for output in model.graph.output]
    names = {"label": "predict", "variable": "predict", "probabilities": "predict_proba", "scores": "decision_function"}
    if hasattr(estimator, "predict_proba"):
        given.remove("label") if "label" in given else None
    del model.graph.output[:]
    for name in given:
        if name not in names:
            raise NotConvertible(f"skl2onnx gives an output {name!r}")
        ours = names[name]
        model.graph.node.append(helper.make_node("Cast", [name], [f"{ours}_double"], to=TensorProto.DOUBLE))
        flat = ours != "predict_proba"
        shape = helper.make_node("Reshape", [f"{ours}_double", f"{ours}_shape"], [ours])
        model.graph.initializer.append(helper.make_tensor(f"{ours}_shape", TensorProto.INT64, [1], [-1]))
        last = shape if flat else helper.make_node("Identity", [f"{ours}_double"], [ours])
        model.graph.node.append(last)
        model.graph.output.append(helper.make_tensor_value_info(ours, TensorProto.DOUBLE, None))
    model.producer_version = ""
    return bytes(model.SerializeToString(deterministic=True))
