import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.runtime.serving.datatypes import from_bytes, from_json, to_bytes
from perennial.runtime.serving.errors import Invalid

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=6), st.sampled_from(["FP64", "INT8", "UINT64", "BOOL", "BYTES", "FP16"]))
def test_whatever_json_holds_becomes_a_tensor_or_a_refusal(data: list[object], datatype: str) -> None:
    try:
        tensor = from_json("x", datatype, [len(data)], data)
    except Invalid:
        return
    assert len(tensor.values) == len(data)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.none(), min_size=1))
def test_floats_keep_their_value_and_null_is_nan(data: list[float | None]) -> None:
    values = from_json("x", "FP64", [len(data)], data).values
    for given_value, kept in zip(data, values, strict=True):
        assert math.isnan(kept) if given_value is None else kept == given_value


@pytest.mark.parametrize(
    ("datatype", "inside", "outside"),
    [("INT8", [-128, 127], 128), ("UINT8", [0, 255], -1), ("INT64", [-(2**63), 2**63 - 1], 2**63)],
)
def test_integers_are_held_to_their_range_with_and_without_nulls(
    datatype: str, inside: list[int], outside: int
) -> None:
    assert list(from_json("x", datatype, [2], list(inside)).values) == inside
    for data in ([*inside, outside], [None, *inside, outside]):
        with pytest.raises(Invalid, match=f"outside {datatype}"):
            from_json("x", datatype, [len(data)], data)


@given(st.lists(st.text()))
def test_text_survives_its_binary_form(texts: list[str]) -> None:
    encodable = [t for t in texts if t.isprintable()]
    raw = to_bytes(np.array(encodable, dtype=object), "BYTES")
    assert from_bytes("x", "BYTES", [len(encodable)], raw).values == encodable


@given(st.binary(max_size=60), st.integers(0, 6))
def test_any_bytes_are_text_tensors_or_refused(raw: bytes, count: int) -> None:
    try:
        values = from_bytes("x", "BYTES", [count], raw).values
    except Invalid:
        return
    assert len(values) == count
    assert msgspec.json.encode(list(values))
