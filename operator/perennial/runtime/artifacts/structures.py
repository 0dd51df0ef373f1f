"""Checks inside fitted trees: scikit-learn follows their indices without bounds, so a crafted one could read anywhere.

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


def check_predictor(predictor: Any, features: int) -> None:
    """Nodes of one tree of a HistGradientBoosting model that reads `features` columns."""
    nodes = predictor.nodes
    leaves = nodes["is_leaf"].astype(bool)
    if nodes.ndim != 1 or not len(nodes):
        raise HostileArtifact("HistGradientBoosting: a tree without nodes")
    _check_children(nodes["left"].astype(np.int64), nodes["right"].astype(np.int64), leaves, "HistGradientBoosting")
    _check_features(nodes["feature_idx"][~leaves], features, "HistGradientBoosting")
    splits = nodes[~leaves & nodes["is_categorical"].astype(bool)]
    bitsets = predictor.raw_left_cat_bitsets
    if len(splits) and (bitsets.ndim != 2 or bitsets.shape[1] != 8 or splits["bitset_idx"].max() >= len(bitsets)):
        raise HostileArtifact("HistGradientBoosting: a split names a set of categories that is not there")


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
