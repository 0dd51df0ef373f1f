"""LightGBM and XGBoost models in the neutral form of forest.py, read off their own text formats.

Formats: LightGBM `dump_model`, XGBoost's JSON model (doc/model.schema).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from perennial.runtime.artifacts.forest import Forest, Link, NotConvertible, Tree

LIGHTGBM_LINKS: Mapping[str, Link] = {
    "binary": "logistic",
    "multiclass": "softmax",
    "regression": "identity",
    "regression_l1": "identity",
    "huber": "identity",
    "quantile": "identity",
    "mape": "identity",
    "poisson": "exp",
    "gamma": "exp",
    "tweedie": "exp",
}

LIGHTGBM_ZERO = float(np.float32(1e-35))
"""kZeroThreshold (LightGBM include/LightGBM/meta.h): rows are read as sparse, and what is smaller is not there."""

XGBOOST_LINKS: Mapping[str, Link] = {
    "binary:logistic": "logistic",
    "multi:softprob": "softmax",
    "reg:squarederror": "identity",
    "reg:absoluteerror": "identity",
    "reg:pseudohubererror": "identity",
    "count:poisson": "exp",
    "reg:gamma": "exp",
    "reg:tweedie": "exp",
}


def of_lightgbm(estimator: Any) -> Forest:
    """A fitted LGBMClassifier or LGBMRegressor.

    Raises:
        NotConvertible: an objective or a kind of tree whose arithmetic is not known here.
    """
    dump = estimator.booster_.dump_model()
    name, *options = str(dump["objective"]).split()
    if name not in LIGHTGBM_LINKS or dump.get("average_output") or "sqrt" in options:
        raise NotConvertible(f"LightGBM objective {dump['objective']}")
    if name == "binary" and "sigmoid:1" not in options:
        raise NotConvertible(f"LightGBM objective {dump['objective']}")
    targets = int(dump["num_tree_per_iteration"])
    trees = [_lightgbm_tree(t["tree_structure"], number % targets) for number, t in enumerate(dump["tree_info"])]
    scores = hasattr(estimator, "decision_function")
    return Forest(trees, [0.0] * targets, LIGHTGBM_LINKS[name], single=False, raw=scores, zero=LIGHTGBM_ZERO)


def _lightgbm_tree(root: Mapping[str, Any], target: int) -> Tree:
    rows: list[list[Any]] = []
    members: dict[int, list[float]] = {}

    def add(node: Mapping[str, Any]) -> int:
        own = len(rows)
        if "split_feature" not in node:
            rows.append([-1, -1, 0, 0.0, False, node["leaf_value"]])
            return own
        if "leaf_coeff" in node or node["missing_type"] == "Zero":
            raise NotConvertible("LightGBM with linear trees or zero_as_missing")
        rows.append([0, 0, node["split_feature"], 0.0, False, 0.0])
        rows[own][3:5] = _lightgbm_split(node, own, members)
        rows[own][0] = add(node["left_child"])
        rows[own][1] = add(node["right_child"])
        return own

    add(root)
    return _tree(rows, target, members)


def _lightgbm_split(node: Mapping[str, Any], own: int, members: dict[int, list[float]]) -> tuple[float, bool]:
    """(threshold, whether a missing value goes left). Where the split knows no missing values, they count as 0."""
    if node["decision_type"] == "==":
        members[own] = [float(code) for code in str(node["threshold"]).split("||")]
        return 0.0, node["missing_type"] != "NaN" and 0.0 in members[own]
    threshold = float(node["threshold"])
    return threshold, bool(node["default_left"]) if node["missing_type"] == "NaN" else threshold >= 0.0


def of_xgboost(estimator: Any) -> Forest:
    """A fitted XGBClassifier, XGBRegressor or their random-forest forms.

    Raises:
        NotConvertible: an objective or booster whose arithmetic is not known here.
    """
    learner = json.loads(bytes(estimator.get_booster().save_raw("json")))["learner"]
    booster, objective = learner["gradient_booster"], learner["objective"]["name"]
    if booster["name"] != "gbtree" or objective not in XGBOOST_LINKS:
        raise NotConvertible(f"XGBoost {booster['name']} with objective {objective}")
    link = XGBOOST_LINKS[objective]
    base = _xgboost_base(learner["learner_model_param"], link)
    infos = booster["model"]["tree_info"]
    trees = [_xgboost_tree(tree, infos[number]) for number, tree in enumerate(booster["model"]["trees"])]
    return Forest(trees, base, link, single=True, strict=True)


def _xgboost_base(parameters: Mapping[str, str], link: Link) -> list[float]:
    targets = max(int(parameters["num_class"]), 1)
    scores = json.loads(parameters["base_score"])
    scores = [float(np.float32(score)) for score in (scores if isinstance(scores, list) else [scores])]
    if link == "logistic":
        scores = [math.log(score / (1 - score)) for score in scores]
    elif link == "exp":
        scores = [math.log(score) for score in scores]
    return scores * targets if len(scores) == 1 else scores


def _xgboost_tree(tree: Mapping[str, Any], target: int) -> Tree:
    conditions = np.array(tree["split_conditions"], dtype=np.float32).tolist()  # written in float32 decimals
    members = _xgboost_members(tree)
    rows = []
    for own, (left, right) in enumerate(zip(tree["left_children"], tree["right_children"], strict=True)):
        missing_left = bool(tree["default_left"][own])
        if own in members:  # members go right
            left, right, missing_left = right, left, not missing_left
        leaf = left < 0
        split = 0.0 if leaf else conditions[own]
        rows.append([left, right, tree["split_indices"][own], split, missing_left, conditions[own] if leaf else 0.0])
    return _tree(rows, target, members)


def _xgboost_members(tree: Mapping[str, Any]) -> dict[int, list[float]]:
    parts = zip(tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True)
    return {node: [float(code) for code in tree["categories"][start : start + size]] for node, start, size in parts}


def _tree(rows: list[list[Any]], target: int, members: dict[int, list[float]]) -> Tree:
    left, right, feature, threshold, missing_left, value = zip(*rows, strict=True)
    return Tree(
        target=target,
        left=np.array(left, dtype=np.int64),
        right=np.array(right, dtype=np.int64),
        feature=np.array(feature, dtype=np.int64),
        threshold=np.array(threshold, dtype=np.float64),
        missing_left=np.array(missing_left, dtype=bool),
        value=np.array(value, dtype=np.float64),
        members=members,
    )
