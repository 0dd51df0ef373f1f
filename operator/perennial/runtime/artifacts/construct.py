"""Builds the objects of an audited skops file. Only names that `nodes.audit` has passed are ever imported.

A loader of our own instead of skops.io: that one imports all of scikit-learn (2 s, 20 MiB more) and reads kinds of
nodes that call what a file names. Files stay plain skops files; `skops.io.load` reads them too.
"""

from __future__ import annotations

import importlib
import json
import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from perennial.runtime.artifacts.allowlist import BIT_GENERATORS
from perennial.runtime.artifacts.archive import read_archive
from perennial.runtime.artifacts.arrays import read_npy, read_sparse
from perennial.runtime.artifacts.errors import HostileArtifact
from perennial.runtime.artifacts.nodes import Node, audit, type_name
from perennial.runtime.artifacts.structures import (
    check_loss_arguments,
    check_state,
    check_tree_arguments,
    check_tree_state,
)

SCHEMA = "schema.json"


def loads(body: bytes) -> Any:
    """The object in a canonical skops file.

    Raises:
        UntrustedType: before anything is imported.
        HostileArtifact: malformed.
    """
    entries = read_archive(body)
    root = read_schema(entries)
    audit(root)
    try:
        return Constructor(entries).construct(root)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError, OverflowError) as error:
        raise HostileArtifact(f"model.skops: a part does not fit its type: {error!r}"[:500]) from error


def read_schema(entries: Mapping[str, bytes]) -> Node:
    """The root node.

    Raises:
        HostileArtifact: no schema.json, or not JSON with an object at the top.
    """
    if SCHEMA not in entries:
        raise HostileArtifact(f"no {SCHEMA} in the file")
    try:
        root = json.loads(entries[SCHEMA])
    except (ValueError, RecursionError) as error:
        raise HostileArtifact(f"{SCHEMA}: {error}") from None
    if not isinstance(root, dict):
        raise HostileArtifact(f"{SCHEMA}: expected an object")
    return root


class Constructor:
    """Makes the objects of one audited tree; nodes of one id become one object."""

    def __init__(self, entries: Mapping[str, bytes]) -> None:
        self._entries = entries
        self._made: dict[int, Any] = {}
        self._kinds: dict[str, Callable[[Node], Any]] = {
            "DictNode": self._dict,
            "ListNode": lambda node: self._all(node["content"]),
            "TupleNode": lambda node: tuple(self._all(node["content"])),
            "SetNode": lambda node: set(self._all(node["content"])),
            "DefaultDictNode": self._default_dict,
            "JsonNode": lambda node: json.loads(node["content"]),
            "BytesNode": lambda node: self._entries[node["file"]],
            "BytearrayNode": lambda node: bytearray(self._entries[node["file"]]),
            "SliceNode": lambda node: slice(*(node["content"][part] for part in ("start", "stop", "step"))),
            "NdArrayNode": self._array,
            "MaskedArrayNode": lambda node: np.ma.MaskedArray(
                self.construct(node["content"]["data"]), self.construct(node["content"]["mask"])
            ),
            "DTypeNode": lambda node: self.construct(node["content"]).dtype,
            "RandomStateNode": self._random_state,
            "RandomGeneratorNode": self._generator,
            "SparseMatrixNode": lambda node: read_sparse(self._entries[node["file"]]),
            "TypeNode": _imported,
            "FunctionNode": _imported,
            "ObjectNode": self._object,
            "TreeNode": self._tree,
            "LossNode": self._loss,
        }

    def construct(self, node: Node) -> Any:
        """The object of one node."""
        mark = node.get("__id__")
        if mark is not None and mark in self._made:
            return self._made[mark]
        made = self._kinds[node["__loader__"]](node)
        if mark is not None:
            self._made[mark] = made
        return made

    def _all(self, nodes: list[Node]) -> list[Any]:
        return [self.construct(node) for node in nodes]

    def _dict(self, node: Node) -> Any:
        made = _imported(node)()
        kinds = self.construct(node["key_types"])
        for kind, (key, value) in zip(kinds, node["content"].items(), strict=True):
            made[_key(kind, key)] = self.construct(value)
        return made

    def _default_dict(self, node: Node) -> Any:
        factory = self.construct(node["content"]["default_factory"])
        return defaultdict(factory, self.construct(node["content"]["main"]))

    def _array(self, node: Node) -> Any:
        if node["type"] == "numpy":
            array = read_npy(self._entries[node["file"]])
            return array if node["__class__"] == "ndarray" else array[()]
        items = self._all(node["content"])
        shape = self.construct(node["shape"])
        array = np.fromiter(items, dtype=object, count=len(items))
        return array if len(shape) == 1 else np.array(items, dtype=object).reshape(shape)

    def _random_state(self, node: Node) -> Any:
        state = np.random.RandomState()
        state.set_state(self.construct(node["content"]))
        return state

    def _generator(self, node: Node) -> Any:
        state = self.construct(node["content"]["bit_generator"])
        if state["bit_generator"] not in BIT_GENERATORS:
            raise HostileArtifact(f"bit generator {state['bit_generator']!r} is not one of numpy's")
        bits = getattr(np.random, state["bit_generator"])()
        bits.state = state
        return np.random.Generator(bits)

    def _object(self, node: Node) -> Any:
        cls = _imported(node)
        made = cls.__new__(cls)
        state = self.construct(node["content"]) if node.get("content") is not None else None
        if state is None:
            return made
        check_state(type_name(node), state)
        if hasattr(made, "__setstate__"):
            with warnings.catch_warnings():  # another patch release: the warm-up tells whether it matters
                warnings.simplefilter("ignore")
                made.__setstate__(state)
        else:
            made.__dict__.update(state)
        return made

    def _tree(self, node: Node) -> Any:
        arguments = self.construct(node["__reduce__"]["args"])
        state = self.construct(node["content"])
        check_tree_arguments(arguments)
        check_tree_state(arguments, state)
        tree = _imported(node)(*arguments)
        tree.__setstate__(state)
        return tree

    def _loss(self, node: Node) -> Any:
        arguments = self.construct(node["__reduce__"]["args"])
        check_loss_arguments(arguments)
        loss = _imported(node)(*arguments)
        state = self.construct(node["content"])
        if state and hasattr(loss, "__setstate__"):
            loss.__setstate__(state)
        return loss


def _imported(node: Node) -> Any:
    if node["__module__"] == "builtins" and node["__class__"] == "NoneType":
        return type(None)
    return getattr(importlib.import_module(node["__module__"]), node["__class__"])


def _key(kind: type, key: str) -> Any:
    if kind is str:
        return key
    value = json.loads(key)
    return value if kind in (bool, type(None)) else kind(value)
