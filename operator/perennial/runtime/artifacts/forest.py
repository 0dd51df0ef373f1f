"""Fitted tree ensembles in one neutral form, read off scikit-learn's own arrays (boosted.py: other libraries').

The form says exactly what the library computes in float64; onnx_graph.py writes it down, verify.py proves it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from perennial.runtime.artifacts.errors import ArtifactError

Link = Literal["identity", "logistic", "softmax", "exp", "complement", "normalised", "isolation"]


class NotConvertible(ArtifactError):
    """The model has no faster form; the message is the recorded reason."""


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree adding to one target. Arrays are of shape (nodes,); a child of a leaf is −1."""

    target: int
    left: np.ndarray  # taken if value ≤ threshold (< if strict), if the value is a member, or by missing_left
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    missing_left: np.ndarray
    value: np.ndarray
    members: dict[int, list[float]] = field(default_factory=dict)  # node → codes that go left

    @property
    def leaves(self) -> np.ndarray:
        """Which nodes are leaves."""
        return self.left < 0


@dataclass(frozen=True, slots=True)
class Forest:
    """Σ leaf values over trees ÷ divisor + base, per target, then the link."""

    trees: list[Tree]
    base: list[float]  # per target
    link: Link
    single: bool  # values are rounded to float32 before they are compared
    divisor: float = 1.0
    strict: bool = False
    zero: float = 0.0  # values up to this size count as 0
    raw: bool = False  # the raw sum is the model's decision_function
    offset: float = 0.0  # of the link "isolation"

    def thresholds(self) -> list[tuple[int, float]]:
        """Every distinct (feature, threshold) of numeric splits, sorted."""
        found: set[tuple[int, float]] = set()
        for tree in self.trees:
            numeric = [n for n in np.flatnonzero(~tree.leaves).tolist() if n not in tree.members]
            found.update(zip(tree.feature[numeric].tolist(), tree.threshold[numeric].tolist(), strict=True))
        return sorted(found)


def forest_of(estimator: Any) -> Forest:
    """The neutral form of a fitted scikit-learn tree ensemble.

    Raises:
        NotConvertible: not one of the ensembles whose arithmetic is known here.
    """
    name = type(estimator).__name__
    package = type(estimator).__module__.partition(".")[0]
    if package in ("lightgbm", "xgboost"):
        from perennial.runtime.artifacts import boosted

        return boosted.of_lightgbm(estimator) if package == "lightgbm" else boosted.of_xgboost(estimator)
    if name.startswith("HistGradientBoosting"):
        return _of_histogram_boosting(estimator)
    if name.startswith("GradientBoosting"):
        return _of_gradient_boosting(estimator)
    if name.startswith(("RandomForest", "ExtraTrees")):
        return _of_averaged(estimator, estimator.estimators_)
    if name == "IsolationForest":
        return _of_isolation(estimator)
    if name.startswith(("DecisionTree", "ExtraTree")):
        return _of_averaged(estimator, [estimator])
    raise NotConvertible(f"{name} has no form that is known to be exact")


def _of_histogram_boosting(estimator: Any) -> Forest:
    bitsets, _ = estimator._bin_mapper.make_known_categories_bitsets()
    if getattr(estimator, "_preprocessor", None) is None and len(bitsets):  # pragma: no cover
        raise NotConvertible("categories without the library's renumbering")
    trees = [
        _predictor(predictor, target)
        for iteration in estimator._predictors
        for target, predictor in enumerate(iteration)
    ]
    base = np.ravel(estimator._baseline_prediction).tolist()
    return Forest(trees, base, _link_of(estimator, len(base)), single=False, raw=hasattr(estimator, "classes_"))


def _predictor(predictor: Any, target: int) -> Tree:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    splits = np.flatnonzero(~leaf & nodes["is_categorical"].astype(bool)).tolist()
    members = {n: _bits(predictor.raw_left_cat_bitsets[nodes["bitset_idx"][n]]) for n in splits}
    return Tree(
        target=target,
        left=np.where(leaf, -1, nodes["left"].astype(np.int64)),
        right=np.where(leaf, -1, nodes["right"].astype(np.int64)),
        feature=nodes["feature_idx"].astype(np.int64),
        threshold=nodes["num_threshold"].astype(np.float64),
        missing_left=nodes["missing_go_to_left"].astype(bool),
        value=nodes["value"].astype(np.float64),
        members=members,
    )


def _bits(words: np.ndarray) -> list[float]:
    return np.flatnonzero(np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little")).astype(float).tolist()


def _of_gradient_boosting(estimator: Any) -> Forest:
    if estimator.init is not None and not isinstance(estimator.init, str):
        raise NotConvertible("GradientBoosting with an init estimator of its own")
    if estimator.loss == "exponential":
        raise NotConvertible("GradientBoosting with exponential loss")
    start = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), dtype=np.float32))
    trees = [
        _tree(tree.tree_, target, tree.tree_.value[:, 0, 0] * estimator.learning_rate)
        for stage in estimator.estimators_
        for target, tree in enumerate(stage)
    ]
    base = np.ravel(start).tolist()
    return Forest(trees, base, _link_of(estimator, len(base)), single=True, raw=hasattr(estimator, "classes_"))


def _of_averaged(estimator: Any, fitted: list[Any]) -> Forest:
    classes = getattr(estimator, "n_classes_", None)
    if classes is None:
        trees = [_tree(tree.tree_, 0, tree.tree_.value[:, 0, 0]) for tree in fitted]
        return Forest(trees, [0.0], "identity", single=True, divisor=len(fitted))
    if not isinstance(classes, int | np.integer) or classes < 2 or classes > 20:
        raise NotConvertible(f"a forest of {classes} classes")
    targets = range(1, 2) if classes == 2 else range(classes)
    trees = [
        _tree(tree.tree_, column, tree.tree_.value[:, 0, code])
        for tree in fitted
        for column, code in enumerate(targets)
    ]
    link: Link = "complement" if classes == 2 else "normalised"
    return Forest(trees, [0.0] * len(targets), link, single=True, divisor=len(fitted))


def _of_isolation(estimator: Any) -> Forest:
    """Leaf values are path lengths; score = 2^(−Σ/(trees × expected length)) (Liu, Ting & Zhou 2008, eq. 2)."""
    from sklearn.ensemble._iforest import _average_path_length

    trees = []
    for number, (fitted, features) in enumerate(
        zip(estimator.estimators_, estimator.estimators_features_, strict=True)
    ):
        lengths = estimator._decision_path_lengths[number] + estimator._average_path_length_per_tree[number] - 1.0
        tree = _tree(fitted.tree_, 0, np.asarray(lengths))
        trees.append(replace(tree, feature=np.where(tree.leaves, 0, np.asarray(features)[tree.feature])))
    expected = float(_average_path_length(np.array([estimator._max_samples]))[0])
    if expected <= 0:
        raise NotConvertible("IsolationForest of single rows")
    divisor = -len(trees) * expected
    return Forest(trees, [0.0], "isolation", single=True, divisor=divisor, offset=float(estimator.offset_))


def _tree(tree: Any, target: int, value: np.ndarray) -> Tree:
    nodes = tree.__getstate__()["nodes"]
    return Tree(
        target=target,
        left=nodes["left_child"].astype(np.int64),
        right=nodes["right_child"].astype(np.int64),
        feature=nodes["feature"].astype(np.int64),
        threshold=nodes["threshold"].astype(np.float64),
        missing_left=nodes["missing_go_to_left"].astype(bool),
        value=value.astype(np.float64),
    )


def _link_of(estimator: Any, targets: int) -> Link:
    if hasattr(estimator, "classes_"):
        return "logistic" if targets == 1 else "softmax"
    return "exp" if getattr(estimator, "loss", "") in ("poisson", "gamma") else "identity"
