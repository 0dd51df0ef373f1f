"""Writes models as ONNX graphs in float64: tree ensembles and linear models, exactly as the library computes them.

skl2onnx rounds thresholds to float32, which flips rows that lie between a threshold and its rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from perennial.runtime.artifacts.forest import Forest, Link, Tree

OPSETS = (("", 21), ("ai.onnx.ml", 5))
IR_VERSION = 10
LESS_OR_EQUAL, LESS, MEMBER = 0, 1, 6
NO_CODE = -1.0
"""The member of an empty set, which the format has not: a split that sends only missing values to the left."""


@dataclass(frozen=True, slots=True)
class Linear:
    """X·weights + bias, then the link. Shapes: (features, targets) and (targets,)."""

    weights: np.ndarray
    bias: np.ndarray
    link: Link
    decision: bool  # the value before the link is the model's decision_function
    classes: bool


class Graph:
    """Nodes in the order of computing; every value has a name of its own."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def node(self, operation: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Append one operation."""
        self.nodes.append(helper.make_node(operation, list(inputs), [output], **attributes))
        return output

    def constant(self, name: str, array: Any) -> str:
        """Append one constant."""
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def model(self, width: int, outputs: dict[str, int | None]) -> bytes:
        """Serialise. Outputs: name → columns, or None for shape (rows,)."""
        shape = {name: ["rows"] if columns is None else ["rows", columns] for name, columns in outputs.items()}
        graph = helper.make_graph(
            self.nodes,
            "model",
            [helper.make_tensor_value_info("X", TensorProto.DOUBLE, ["rows", width])],
            [helper.make_tensor_value_info(name, TensorProto.DOUBLE, s) for name, s in shape.items()],
            self.constants,
        )
        imports = [helper.make_opsetid(domain, version) for domain, version in OPSETS]
        model = helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION, producer_name="perennial")
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))


def forest_graph(forest: Forest, width: int, *, classifier: bool) -> bytes:
    """A tree ensemble over a float64 matrix `X` of (rows, width)."""
    graph = Graph()
    values = "X"
    if forest.single:
        graph.node("Cast", ["X"], "single", to=TensorProto.FLOAT)
        values = graph.node("Cast", ["single"], "rounded", to=TensorProto.DOUBLE)
    if forest.zero:
        graph.node("Abs", ["X"], "size")
        graph.node("LessOrEqual", ["size", graph.constant("tiny", np.float64(forest.zero))], "is_zero")
        values = graph.node("Where", ["is_zero", graph.constant("nothing", np.float64(0)), "X"], "flushed")
    total = graph.node("TreeEnsemble", [values], "sum", domain="ai.onnx.ml", **_ensemble(forest))
    if forest.divisor != 1:
        total = graph.node("Div", [total, graph.constant("divisor", np.float64(forest.divisor))], "mean")
    if any(forest.base):
        total = graph.node("Add", [total, graph.constant("base", np.array([forest.base]))], "raw")
    if forest.link == "isolation":
        return _isolation(graph, total, forest.offset, width)
    return _finished(graph, total, forest.link, len(forest.base), width, classifier, decision=forest.raw)


def linear_graph(linear: Linear, width: int) -> bytes:
    """A linear model over a float64 matrix `X` of (rows, width)."""
    graph = Graph()
    product = graph.node("MatMul", ["X", graph.constant("weights", linear.weights)], "product")
    raw = graph.node("Add", [product, graph.constant("bias", linear.bias[None, :])], "raw")
    return _finished(graph, raw, linear.link, len(linear.bias), width, linear.classes, decision=linear.decision)


def _isolation(graph: Graph, exponent: str, offset: float, width: int) -> bytes:
    score = graph.node("Pow", [graph.constant("two", np.float64(2)), exponent], "score")
    negative = graph.node("Neg", [score], "negative_score")
    decision = graph.node("Sub", [negative, graph.constant("offset", np.float64(offset))], "decision")
    _named(graph, decision, "decision_function", flat=True)
    outside = graph.node("Less", ["decision_function", graph.constant("zero", np.float64(0))], "outside")
    signs = [graph.constant("out", np.float64(-1)), graph.constant("in", np.float64(1))]
    graph.node("Where", [outside, *signs], "predict")
    return graph.model(width, {"decision_function": None, "predict": None})


def _finished(
    graph: Graph, raw: str, link: Link, targets: int, width: int, classifier: bool, *, decision: bool
) -> bytes:
    outputs: dict[str, int | None] = {}
    if decision:
        outputs["decision_function"] = None if targets == 1 else targets
        _named(graph, raw, "decision_function", flat=targets == 1)
    if not classifier:
        value = graph.node("Exp", [raw], "value") if link == "exp" else raw
        _named(graph, value, "predict", flat=True)
        outputs["predict"] = None
    elif link == "identity":
        outputs["predict"] = None
        _codes(graph, raw, targets)
    else:
        outputs["predict_proba"] = max(targets, 2)
        _probabilities(graph, raw, link)
    return graph.model(width, outputs)


def _codes(graph: Graph, raw: str, targets: int) -> None:
    if targets == 1:
        code = graph.node("Greater", [raw, graph.constant("zero", np.float64(0))], "positive")
        _named(graph, graph.node("Cast", [code], "code", to=TensorProto.DOUBLE), "predict", flat=True)
    else:
        graph.node("ArgMax", [raw], "code", axis=1, keepdims=0)
        graph.node("Cast", ["code"], "predict", to=TensorProto.DOUBLE)


def _probabilities(graph: Graph, raw: str, link: Link) -> None:
    if link == "softmax":
        graph.node("Softmax", [raw], "predict_proba", axis=1)
    elif link == "normalised":
        graph.node("Identity", [raw], "predict_proba")
    else:
        positive = graph.node("Sigmoid", [raw], "positive") if link == "logistic" else raw
        negative = graph.node("Sub", [graph.constant("one", np.float64(1)), positive], "negative")
        graph.node("Concat", [negative, positive], "predict_proba", axis=1)


def _named(graph: Graph, value: str, name: str, *, flat: bool) -> None:
    if flat:
        graph.node("Squeeze", [value, graph.constant(f"{name}_axes", np.array([1], dtype=np.int64))], name)
    else:
        graph.node("Identity", [value], name)


def _ensemble(forest: Forest) -> dict[str, Any]:
    """The attributes of `TreeEnsemble` (ai.onnx.ml 5): inner nodes and leaves are counted apart."""
    parts = _Parts(LESS if forest.strict else LESS_OR_EQUAL)
    for tree in forest.trees:
        parts.add(tree)
    ints = {name: np.array(values, dtype=np.int64).tolist() for name, values in parts.ints.items()}
    tensors: dict[str, Any] = {
        "nodes_splits": numpy_helper.from_array(np.array(parts.splits, dtype=np.float64), "nodes_splits"),
        "nodes_modes": numpy_helper.from_array(np.array(parts.modes, dtype=np.uint8), "nodes_modes"),
        "leaf_weights": numpy_helper.from_array(np.array(parts.weights, dtype=np.float64), "leaf_weights"),
    }
    if parts.members:
        members = np.array(parts.members, dtype=np.float64)
        tensors["membership_values"] = numpy_helper.from_array(members, "membership_values")
    return {**ints, **tensors, "n_targets": len(forest.base), "aggregate_function": 1, "post_transform": 0}


class _Parts:
    def __init__(self, mode: int) -> None:
        self._mode = mode
        self.splits: list[float] = []
        self.modes: list[int] = []
        self.weights: list[float] = []
        self.members: list[float] = []
        names = (
            "tree_roots", "nodes_featureids", "nodes_truenodeids", "nodes_falsenodeids", "nodes_trueleafs",
            "nodes_falseleafs", "nodes_missing_value_tracks_true", "leaf_targetids",
        )  # fmt: skip
        self.ints: dict[str, list[int]] = {name: [] for name in names}

    def add(self, tree: Tree) -> None:
        leaves = tree.leaves
        inner_base, leaf_base = len(self.splits), len(self.weights)
        place = np.where(leaves, np.cumsum(leaves) - 1 + leaf_base, np.cumsum(~leaves) - 1 + inner_base)
        self.ints["tree_roots"].append(inner_base)
        inner = np.flatnonzero(~leaves)
        self.weights += tree.value[leaves].tolist()
        self.ints["leaf_targetids"] += [tree.target] * int(leaves.sum())
        if not len(inner):
            self._stump(leaf_base)
            return
        self.splits += tree.threshold[inner].tolist()
        self.modes += [MEMBER if node in tree.members else self._mode for node in inner.tolist()]
        for node in inner.tolist():
            if node in tree.members:
                self.members += [*(tree.members[node] or [NO_CODE]), float("nan")]
        self.ints["nodes_featureids"] += tree.feature[inner].tolist()
        self.ints["nodes_missing_value_tracks_true"] += tree.missing_left[inner].astype(int).tolist()
        for side, child in (("true", tree.left[inner]), ("false", tree.right[inner])):
            self.ints[f"nodes_{side}nodeids"] += place[child].tolist()
            self.ints[f"nodes_{side}leafs"] += leaves[child].astype(int).tolist()

    def _stump(self, leaf: int) -> None:
        """A tree of one leaf: a node whose two sides are that leaf."""
        self.splits.append(0.0)
        self.modes.append(self._mode)
        for name in ("nodes_featureids", "nodes_missing_value_tracks_true"):
            self.ints[name].append(0)
        for side in ("true", "false"):
            self.ints[f"nodes_{side}nodeids"].append(leaf)
            self.ints[f"nodes_{side}leafs"].append(1)
