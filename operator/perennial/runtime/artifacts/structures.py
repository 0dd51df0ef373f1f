"""Checks of what scikit-learn's compiled code follows without bounds: a crafted index could read or write anywhere.

Cited by skops as the reason why it does not trust trees (scikit-learn pull request 34558).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from perennial.runtime.artifacts.errors import HostileArtifact

MAX_OUTPUTS = 100_000


def check_tree_arguments(arguments: Any) -> None:
    """(features, classes of each output, outputs) of a `sklearn.tree._tree.Tree`."""
    features, classes, outputs = arguments
    if not isinstance(classes, np.ndarray) or classes.ndim != 1 or len(classes) != outputs or outputs > MAX_OUTPUTS:
        raise HostileArtifact(f"tree: {outputs} outputs do not fit its classes")
    if not 0 <= int(features) <= 1 << 31 or (classes < 1).any() or (classes > MAX_OUTPUTS).any():
        raise HostileArtifact("tree: number of features or classes out of range")


def check_tree_state(arguments: Any, state: Mapping[str, Any]) -> None:
    """Nodes and values of a `sklearn.tree._tree.Tree`: children after their parents, features that exist."""
    features, classes, outputs = arguments
    nodes, values = state["nodes"], state["values"]
    if nodes.ndim != 1 or nodes.dtype.names is None or len(nodes) == 0 or state["node_count"] != len(nodes):
        raise HostileArtifact("tree: node count differs from its nodes")
    if values.shape != (len(nodes), outputs, int(classes.max())) or values.dtype != np.float64:
        raise HostileArtifact("tree: values do not fit its nodes")
    leaves = nodes["left_child"] == -1
    _check_children(nodes["left_child"], nodes["right_child"], leaves, "tree")
    _check_features(nodes["feature"][~leaves], int(features), "tree")


def check_state(name: str, state: Any) -> None:
    """The state of an object, before it is set: dispatches on the type's name, passes what needs no check.

    Raises:
        HostileArtifact: an index that leads outside, or parts whose shapes do not fit each other.
        KeyError, TypeError, AttributeError: a part that is not there (the caller turns these into HostileArtifact).
    """
    module, _, cls = name.rpartition(".")
    if cls.startswith("HistGradientBoosting") and "_predictors" in state:
        _check_histogram_boosting(state)
    elif module in ("sklearn.neighbors._kd_tree", "sklearn.neighbors._ball_tree"):
        _check_neighbours(state)
    elif module == "sklearn.svm._classes" and "support_vectors_" in state:
        _check_support_vectors(state)
    elif module == "sklearn.tree._classes" and "tree_" in state:
        _require(state["tree_"].n_features == state["n_features_in_"], "tree: reads another number of features")
    elif module in ("sklearn.ensemble._forest", "sklearn.ensemble._gb", "sklearn.ensemble._iforest"):
        _check_ensemble(state, module)


def _require(holds: Any, problem: str) -> None:
    if not holds:
        raise HostileArtifact(problem)


def _check_histogram_boosting(state: Mapping[str, Any]) -> None:
    features = int(state["n_features_in_"])
    mapper = state["_bin_mapper"]
    _require(len(mapper.is_categorical_) == features, "HistGradientBoosting: another number of features in its bins")
    for iteration in state["_predictors"]:
        for predictor in iteration:
            _check_predictor(predictor, features)


def _check_predictor(predictor: Any, features: int) -> None:
    nodes = predictor.nodes
    _require(nodes.ndim == 1 and len(nodes), "HistGradientBoosting: a tree without nodes")
    leaves = nodes["is_leaf"].astype(bool)
    _check_children(nodes["left"].astype(np.int64), nodes["right"].astype(np.int64), leaves, "HistGradientBoosting")
    _check_features(nodes["feature_idx"][~leaves], features, "HistGradientBoosting")
    splits = nodes[~leaves & nodes["is_categorical"].astype(bool)]
    bitsets = predictor.raw_left_cat_bitsets
    if len(splits):
        there = bitsets.ndim == 2 and bitsets.shape[1] == 8 and splits["bitset_idx"].max() < len(bitsets)
        _require(there, "HistGradientBoosting: a split names a set of categories that is not there")


def _check_ensemble(state: Mapping[str, Any], module: str) -> None:
    """Inner trees are asked without a check of the matrix' width; boosting writes by the number of trees a stage."""
    if "estimators_" not in state:
        return
    stages = np.asarray(state["estimators_"], dtype=object)
    if module == "sklearn.ensemble._gb":
        single = all(tree.tree_.value.shape[1:] == (1, 1) for tree in stages.ravel())
        _require(stages.ndim == 2 and stages.shape[1] == state["n_trees_per_iteration_"], "boosting: stages do not fit")
        _require(single, "boosting: a tree with more than one value a leaf")
    width = state["n_features_in_"]
    chosen = state.get("estimators_features_") if module == "sklearn.ensemble._iforest" else None
    for number, tree in enumerate(stages.ravel()):
        expected = width if chosen is None else len(chosen[number])
        _require(tree.n_features_in_ == expected, "ensemble: a tree reads another number of features")


def _check_neighbours(state: Any) -> None:
    """State of a KDTree or BallTree, in the order of its `__getstate__`."""
    points, order, nodes, bounds, _, levels, count = state[:7]
    rows, width = points.shape
    shaped = order.shape == (rows,) and nodes.shape == (count,) and bounds.shape[1:] == (count, width)
    _require(shaped and count == 2**levels - 1, "neighbours: parts do not fit each other")
    inside = (order >= 0).all() and (order < rows).all()
    starts, ends = nodes["idx_start"], nodes["idx_end"]
    spans = (starts >= 0).all() and (starts <= ends).all() and (ends <= rows).all()
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    _require(inside and spans and (2 * inner + 2 < count).all(), "neighbours: an index leads outside")


def _check_support_vectors(state: Mapping[str, Any]) -> None:
    vectors, dual = state["support_vectors_"], state["_dual_coef_"]
    count = vectors.shape[0]
    classes = len(state["classes_"]) if "classes_" in state else 2
    fits = len(state["support_"]) == count and dual.shape == (classes - 1, count)
    pairs = classes * (classes - 1) // 2
    _require(fits and len(state["_intercept_"]) == pairs, "support vectors: parts do not fit each other")
    _require(vectors.shape[1] == state["shape_fit_"][1] == state["n_features_in_"], "support vectors: another width")
    if "classes_" in state:
        spread = state["_n_support"]
        _require(len(spread) == classes and (spread >= 0).all() and spread.sum() == count, "support vectors: counts")


def check_loss_arguments(arguments: Any) -> None:
    """Losses are made of numbers only."""
    if not all(isinstance(a, int | float | np.number) for a in arguments):
        raise HostileArtifact("loss: expected numbers as arguments")


def _check_children(left: np.ndarray, right: np.ndarray, leaves: np.ndarray, what: str) -> None:
    own = np.arange(len(leaves))
    for child in (left, right):
        inner = child[~leaves]
        if (inner <= own[~leaves]).any() or (inner >= len(leaves)).any():
            raise HostileArtifact(f"{what}: a node whose child does not come after it")


def _check_features(used: np.ndarray, features: int, what: str) -> None:
    if len(used) and (int(used.min()) < 0 or int(used.max()) >= features):
        raise HostileArtifact(f"{what}: a split on a feature that is not there")
