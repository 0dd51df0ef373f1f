"""Hostile model files: each is refused with its type of error, and nothing that it names is imported or called."""

import contextlib
import io
import json
import struct
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perennial.api.records.run import Artifact
from perennial.runtime.artifacts import (
    HostileArtifact,
    LoadRefused,
    UntrustedType,
    artifact_digest,
    load_model,
    save_model,
)
from perennial.runtime.artifacts.arrays import read_npy, read_sparse
from perennial.runtime.artifacts.canonical import canonical_skops
from perennial.runtime.artifacts.construct import loads
from perennial.runtime.artifacts.encoder import FastEncoder, read_record
from tests.unit.runtime.artifacts.tables import case

NULL = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": "null"}


def text(value):
    return NULL | {"content": json.dumps(value)}


def sequence(kind, *nodes):
    return {"__class__": kind, "__module__": "builtins", "__loader__": f"{kind.title()}Node", "content": list(nodes)}


def mapping(content):
    keys = sequence(
        "list", *({"__class__": "str", "__module__": "builtins", "__loader__": "TypeNode"} for _ in content)
    )
    return {
        "__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "content": content, "key_types": keys,
    }  # fmt: skip


def file_of(root, entries=None, *, compression=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        archive.writestr("schema.json", json.dumps({"protocol": 2, "_skops_version": "0.16.0"} | root))
        for name, body in (entries or {}).items():
            archive.writestr(name, body)
    return out.getvalue()


TRAP = "tests.unit.runtime.artifacts.trap"
"""A module that notes that it was imported: the proof that a name of a file is not even looked up."""

FUNCTION = {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}
CALLED = sequence("tuple", text("touch /tmp/perennial-hostile"))

CRAFTED = {
    "os.system as a function": FUNCTION,
    "os.system as a type": FUNCTION | {"__loader__": "TypeNode"},
    "eval as a type": {"__class__": "eval", "__module__": "builtins", "__loader__": "TypeNode"},
    "object with a constructor": {
        "__class__": "Popen", "__module__": "subprocess", "__loader__": "ConstructorFromReduceNode", "content": CALLED,
    },
    "object of a class with __setstate__": {
        "__class__": "Trap", "__module__": TRAP, "__loader__": "ObjectNode", "content": mapping({"a": text(1)}),
    },
    "partial": {
        "__class__": "partial", "__module__": "functools", "__loader__": "PartialNode",
        "content": {"func": FUNCTION, "args": CALLED, "kwds": mapping({}), "namespace": NULL},
    },
    "methodcaller": {
        "__class__": "methodcaller", "__module__": "operator", "__loader__": "OperatorFuncNode", "attrs": CALLED,
    },
    "attrgetter behind an allowed loader": {
        "__class__": "attrgetter", "__module__": "operator", "__loader__": "TupleNode", "content": [text("__class__")],
    },
    "bound method": {
        "__class__": "str", "__module__": "builtins", "__loader__": "MethodNode",
        "content": {"func": "format", "obj": text("{}")},
    },
    "an estimator that reads files": {
        "__class__": "CountVectorizer", "__module__": "sklearn.feature_extraction.text", "__loader__": "ObjectNode",
        "content": mapping({"input": text("filename")}),
    },
    "joblib memory": {
        "__class__": "Memory", "__module__": "joblib.memory", "__loader__": "ObjectNode", "content": mapping({}),
    },
    "a list of another class": {
        "__class__": "Trap", "__module__": TRAP, "__loader__": "ListNode", "content": [],
    },
    "a dictionary of another class": mapping({}) | {"__class__": "Trap", "__module__": TRAP},
    "an array of another class": {
        "__class__": "Trap", "__module__": TRAP, "__loader__": "NdArrayNode", "type": "json", "content": [],
        "shape": sequence("tuple"),
    },
    "a loss of another class": {
        "__class__": "Trap", "__module__": TRAP, "__loader__": "LossNode", "content": mapping({}),
        "__reduce__": {"args": sequence("tuple")},
    },
    "a tree of another class": {
        "__class__": "Trap", "__module__": TRAP, "__loader__": "TreeNode", "content": mapping({}),
        "__reduce__": {"args": sequence("tuple")},
    },
    "a key that is called": mapping({"1": text(1)})
    | {"key_types": sequence("list", FUNCTION | {"__loader__": "TypeNode"})},
    "a cached node": {"__class__": None, "__module__": None, "__loader__": "CachedNode", "__id__": 1},
    "a reference in place of a name": {"__class__": ["os"], "__module__": "os", "__loader__": "TypeNode"},
    "no loader": {"__class__": "dict", "__module__": "builtins"},
    "a loader that is no text": {"__class__": "dict", "__module__": "builtins", "__loader__": ["DictNode"]},
}  # fmt: skip


@pytest.mark.parametrize("name", CRAFTED)
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_file_that_names_what_is_not_allowed_is_refused_before_anything_is_imported(name, wrapped):
    root = mapping({"deep": sequence("list", text(1), CRAFTED[name])}) if wrapped else CRAFTED[name]
    sys.modules.pop(TRAP, None)
    with pytest.raises((UntrustedType, HostileArtifact)):
        loads(file_of(root))
    assert TRAP not in sys.modules


def test_the_refusal_names_every_type_at_once():
    with pytest.raises(UntrustedType) as refused:
        loads(file_of(sequence("list", CRAFTED["partial"], CRAFTED["methodcaller"])))
    assert {name.partition(" ")[0] for name in refused.value.names} == {"functools.partial", "operator.methodcaller"}


@pytest.mark.parametrize("protocol", [0, 1, 3, True, "2", None])
def test_another_protocol_cannot_choose_an_older_kind_of_node(protocol):
    with pytest.raises(HostileArtifact, match="protocol"):
        loads(file_of(text(1) | {"protocol": protocol}))


def test_a_bit_generator_is_one_of_numpy_s_whatever_the_file_says():
    node = {
        "__class__": "Generator", "__module__": "numpy.random._generator", "__loader__": "RandomGeneratorNode",
        "content": {"bit_generator": mapping({"bit_generator": text("seed")}), "seed_seq": mapping({})},
    }  # fmt: skip
    with pytest.raises(HostileArtifact, match="bit generator"):
        loads(file_of(node))


def test_a_schema_too_deep_is_refused():
    node = text(1)
    for _ in range(300):
        node = sequence("list", node)
    with pytest.raises(HostileArtifact, match="levels"):
        loads(file_of(node))
    nested = b'{"protocol": 2, "a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("schema.json", nested)
    with pytest.raises(HostileArtifact):
        loads(out.getvalue())


def array_node(file="0.npy", kind="ndarray"):
    return {"__class__": kind, "__module__": "numpy", "__loader__": "NdArrayNode", "type": "numpy", "file": file}


def npy(header, body=b""):
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


@pytest.mark.parametrize(
    "body",
    [
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }", b"\0" * 8),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", b"\0" * 16),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", b"cos\nsystem\n(S'true'\ntR."),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': __import__('os').system('true'), }"),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (" + "9" * 60 + ",), }"),
        b"\x80\x04cposix\nsystem\n",
        b"",
        npy("{'descr': '<f8'"),
    ],
)
def test_an_array_that_is_not_what_it_declares_is_refused(body):
    with pytest.raises(HostileArtifact):
        read_npy(body)
    with pytest.raises(HostileArtifact):
        loads(file_of(array_node(), {"0.npy": body}))


def test_a_sparse_matrix_with_indices_outside_of_its_shape_is_refused():
    from scipy import sparse

    out = io.BytesIO()
    sparse.save_npz(out, sparse.csr_matrix(np.eye(3)))
    assert read_sparse(out.getvalue()).shape == (3, 3)
    hostile = io.BytesIO()
    matrix = sparse.csr_matrix(np.eye(3))
    np.savez(hostile, format=b"csr", shape=(3, 3), data=matrix.data, indices=matrix.indices + 7, indptr=matrix.indptr)
    with pytest.raises(HostileArtifact):
        read_sparse(hostile.getvalue())


def zipped(*entries, compression=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, body in entries:
            archive.writestr(name, body)
    return out.getvalue()


SCHEMA = ("schema.json", json.dumps(text(1) | {"protocol": 2}))


@pytest.mark.parametrize("name", ["../0.npy", "/etc/0.npy", "a/0.npy", "0.pkl", "C:0.npy", ".npy", "ä.npy"])
def test_an_entry_with_a_tricky_name_is_refused(name):
    with pytest.raises(HostileArtifact, match="entry name"):
        loads(zipped(SCHEMA, (name, b"x")))


def test_an_entry_name_cut_off_by_a_zero_byte_is_refused():
    with pytest.raises(HostileArtifact, match="entry name"):
        loads(zipped(SCHEMA, ("0.npy?x.json", b"x")).replace(b"0.npy?x.json", b"0.npy\0x.json"))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_that_occurs_twice_is_refused():
    with pytest.raises(HostileArtifact, match="twice"):
        loads(zipped(SCHEMA, SCHEMA))


def test_a_compressed_entry_is_refused_and_so_is_a_bomb_where_compression_is_allowed():
    from perennial.runtime.artifacts import repack

    bomb = zipped(SCHEMA, ("0.npy", b"\0" * (64 << 20)), compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 1 << 20
    with pytest.raises(HostileArtifact, match="expected stored"):
        loads(bomb)
    with pytest.raises(HostileArtifact, match="unpacks to"):
        repack(bomb)


def test_an_entry_that_claims_another_size_is_refused():
    body = bytearray(zipped(SCHEMA, ("0.npy", b"x" * 100)))
    central = body.rindex(b"PK\x01\x02")
    struct.pack_into("<I", body, central + 24, 1 << 31)
    with pytest.raises(HostileArtifact):
        loads(bytes(body))


def test_no_zip_no_schema_or_no_object_is_refused():
    for body in (
        b"",
        b"PK",
        b"\x80\x04.",
        zipped(("0.npy", b"x")),
        zipped(("schema.json", "[]")),
        zipped(("schema.json", "{")),
    ):
        with pytest.raises(HostileArtifact):
            loads(body)


def fitted_bytes(estimator, parameters):
    made = case("Binary")
    return canonical_skops(made.fitted(estimator, parameters))


def with_arrays(body, change):
    """The file with `change(array)` applied to every structured array (the nodes of trees)."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith(".npy") and (array := read_npy(data)).dtype.names:
                changed = io.BytesIO()
                np.save(changed, change(array), allow_pickle=False)
                data = changed.getvalue()
            new.writestr(name, data)
    return out.getvalue()


TREES = [
    ("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 2}, "left_child", "right_child", "feature"),
    ("sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 2}, "left", "right", "feature_idx"),
]


@pytest.mark.parametrize(("estimator", "parameters", "left", "right", "feature"), TREES)
def test_a_tree_whose_indices_lead_outside_or_in_circles_is_refused(estimator, parameters, left, right, feature):
    body = fitted_bytes(estimator, parameters)
    loads(with_arrays(body, lambda nodes: nodes))

    def setting(field, value):
        def change(nodes):
            nodes[field][0] = value
            return nodes

        return change

    for field, value in ((left, 0), (left, 1 << 30), (right, 0), (feature, 1 << 20)):
        with pytest.raises(HostileArtifact):
            loads(with_arrays(body, setting(field, value)))
    with pytest.raises(HostileArtifact):
        loads(with_arrays(body, lambda nodes: nodes[:0]))


def forged(estimator, parameters, attribute, value):
    """The bytes of a fitted model whose final estimator had one attribute changed before it was stored."""
    pipeline = case("Binary").fitted(estimator, parameters)
    setattr(pipeline[-1], attribute, value(getattr(pipeline[-1], attribute)))
    return canonical_skops(pipeline)


@pytest.mark.parametrize(
    ("estimator", "parameters", "attribute", "value"),
    [
        ("sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 2}, "n_features_in_", lambda n: n - 1),
        ("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 2}, "n_features_in_", lambda n: n - 1),
        ("sklearn.tree.DecisionTreeClassifier", {}, "n_features_in_", lambda n: n - 1),
        ("sklearn.ensemble.GradientBoostingClassifier", {"n_estimators": 2}, "n_trees_per_iteration_", lambda n: n + 1),
        ("sklearn.svm.SVC", {}, "_n_support", lambda n: n + 1),
        ("sklearn.svm.SVC", {}, "_dual_coef_", lambda a: a[:, :-1]),
        ("sklearn.svm.SVC", {}, "support_vectors_", lambda a: a[:, :-1]),
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(estimator, parameters, attribute, value):
    loads(forged(estimator, parameters, attribute, lambda given: given))
    with pytest.raises(HostileArtifact):
        loads(forged(estimator, parameters, attribute, value))


def test_a_neighbour_tree_that_points_outside_is_refused():
    body = fitted_bytes("sklearn.neighbors.KNeighborsClassifier", {"algorithm": "kd_tree"})
    loads(with_arrays(body, lambda nodes: nodes))

    def outside(nodes):
        nodes["idx_end"] += 1000
        return nodes

    with pytest.raises(HostileArtifact, match="neighbours"):
        loads(with_arrays(body, outside))


@pytest.fixture(scope="module")
def packaged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    made = case("Binary")
    return folder, save_model(
        made.fitted("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 2, "max_depth": 3}),
        made.signature, folder, holdout=made.columns,
    )  # fmt: skip


def test_a_hostile_graph_or_encoder_is_refused_with_its_type(packaged, tmp_path):
    folder, saved = packaged
    files = {name: (folder / name).read_bytes() for name in ("model.skops", "encoder.json", "model.onnx")}
    wide = json.dumps({"blocks": [{"columns": ["distance"] * 200_000}]}).encode()
    for change in (
        {"model.onnx": b"\x08\x07" * 50},
        {"encoder.json": b"{}"},
        {"encoder.json": wide},
        {"model.onnx": b""},
    ):
        hostile = files | change
        for name, body in hostile.items():
            (tmp_path / name).write_bytes(body)
        artifact = Artifact(digest=artifact_digest({n: hostile[n] for n in hostile}))
        with pytest.raises(LoadRefused):
            load_model(tmp_path, saved.signature, artifact)


@pytest.mark.parametrize(
    "block",
    [
        {"column": "a", "categories": ["x"], "slots": [5], "unknown": [0.0]},
        {"column": "a", "categories": ["x", "y"], "values": [[1.0]], "unknown": [0.0]},
        {"columns": ["a"], "fill": [1.0, 2.0]},
        {"columns": ["a"], "scale": {"divide": [1.0, 2.0]}},
    ],
)
def test_an_encoder_whose_parts_do_not_fit_is_refused(block):
    with pytest.raises(HostileArtifact):
        FastEncoder(read_record(json.dumps({"blocks": [block]}).encode()))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_mutation_of_a_model_file_ends_in_anything_but_a_refusal_or_a_model(packaged, data):
    body = bytearray((packaged[0] / "model.skops").read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(LoadRefused):
        loads(bytes(body))
