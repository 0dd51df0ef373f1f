"""The canonical bytes of a model: the same fit gives the same file, so its digest names the fit.

skops writes object ids and times of the moment. Here entries and ids are numbered in the order of traversal, ids of
what is not shared are dropped, sets are sorted, entries are sorted, stored, and dated 1980-01-01.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Mapping
from typing import Any

from perennial.runtime.artifacts.archive import read_archive
from perennial.runtime.artifacts.construct import SCHEMA, read_schema
from perennial.runtime.artifacts.nodes import Node, audit, type_name, walk

EPOCH = (1980, 1, 1, 0, 0, 0)

CHECK = "sklearn.utils.validation.check_array"

SHARED = ("ObjectNode", "NdArrayNode", "DictNode", "ListNode", "SparseMatrixNode", "TreeNode", "RandomStateNode")
"""Kinds whose identity can matter. Strings, numbers and types are the same by value, whichever were shared."""


def canonical_skops(model: Any) -> bytes:
    """A skops file of a fitted model, canonical.

    Raises:
        UntrustedType: the model holds a type that no server would load.
        skops.io.exceptions.UnsupportedTypeException: skops cannot store a part of it.
    """
    import skops.io

    entries = read_archive(skops.io.dumps(model))
    root = read_schema(entries)
    _drop_checks(root)
    return _packed(root, entries)


def repack(body: bytes) -> bytes:
    """The canonical form of any skops file; of a canonical one, itself.

    Raises:
        UntrustedType: it names a type that is not on the allow-list.
        HostileArtifact: not a skops file.
    """
    entries = read_archive(body, deflated=True)
    return _packed(read_schema(entries), entries)


def _packed(root: Node, entries: Mapping[str, bytes]) -> bytes:
    audit(root)
    _sort_sets(root)
    times = Counter(node["__id__"] for node in walk(root) if node["__loader__"] in SHARED and "__id__" in node)
    numbers: dict[int, int] = {}
    files: dict[str, str] = {}
    for node in walk(root):
        mark = node.pop("__id__", None)
        if node["__loader__"] in SHARED and times[mark] > 1:
            node["__id__"] = numbers.setdefault(mark, len(numbers) + 1)
        if "file" in node:
            suffix = node["file"].rpartition(".")[2]
            node["file"] = files.setdefault(node["file"], f"{len(files)}.{suffix}")
    schema = json.dumps(root, separators=(",", ":"), ensure_ascii=False).encode()
    return _zipped({SCHEMA: schema, **{new: entries[old] for old, new in files.items()}})


def _drop_checks(root: Node) -> None:
    """HistGradientBoosting keeps a FunctionTransformer of `partial(check_array, …)`, which changes no value.

    A transformer without function passes its input on, so the model predicts the same, and no file needs to name a
    function that is called with what the file says.
    """
    for node in walk(root):
        if type_name(node) != "sklearn.preprocessing._function_transformer.FunctionTransformer":
            continue
        state = node["content"]["content"]
        func = state.get("func", {})
        if func.get("__loader__") == "PartialNode" and type_name(func["content"]["func"]) == CHECK:
            state["func"] = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": "null"}


def _sort_sets(root: Node) -> None:
    for node in walk(root):
        if node["__loader__"] == "SetNode":
            node["content"].sort(key=lambda item: str(item.get("content")))


def _zipped(entries: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, date_time=EPOCH)
            info.create_system = 3  # the same bytes on every platform
            archive.writestr(info, entries[name])
    return out.getvalue()
