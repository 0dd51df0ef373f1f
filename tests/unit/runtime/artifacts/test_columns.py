"""canonicalise: one table, whatever way it comes in, is one set of columns."""

import datetime as dt
import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.api.records.signature import InputColumn, Signature
from perennial.runtime.artifacts import InputProblem, NumericColumns, canonicalise, concatenate

DATATYPES = {"numeric": "FP64", "boolean": "BOOL"}

WHOLE = st.integers(-(2**53), 2**53)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
INSTANTS = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))
KINDS = {
    "numeric": (st.one_of(st.floats(allow_nan=False, allow_infinity=False), WHOLE.map(float)), pa.float64()),
    "boolean": (st.booleans(), pa.bool_()),
    "categorical": (TEXT, pa.string()),
    "text": (TEXT, pa.string()),
    "datetime": (INSTANTS, pa.timestamp("us")),
}


def signature_of(**kinds):
    inputs = [InputColumn(name=n, kind=k, datatype=DATATYPES.get(k, "BYTES")) for n, k in kinds.items()]
    return Signature(task="Regression", inputs=inputs, outputs=[])


@st.composite
def tables(draw):
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=5))
    rows = draw(st.integers(1, 6))
    values = {
        f"c{i}": draw(st.lists(st.none() | KINDS[kind][0], min_size=rows, max_size=rows))
        for i, kind in enumerate(kinds)
    }
    table = pa.table({name: pa.array(v, KINDS[k][1]) for (name, v), k in zip(values.items(), kinds, strict=True)})
    signature = signature_of(**dict(zip(values, kinds, strict=True)))
    return table, values, signature


def as_json(value):
    return value.isoformat() + "Z" if isinstance(value, dt.datetime) else value


def same(left, right):
    assert list(left) == list(right)
    for name in left:
        assert left[name].dtype == right[name].dtype, name
        if left[name].dtype.kind == "O":
            assert left[name].tolist() == right[name].tolist()
        else:
            np.testing.assert_array_equal(left[name], right[name])


@given(tables())
def test_a_training_table_and_json_rows_of_the_same_values_are_identical(given_table):
    table, values, signature = given_table
    rows = [{name: as_json(v[i]) for name, v in values.items()} for i in range(table.num_rows)]
    rows = json.loads(json.dumps(rows))
    same(canonicalise(table, signature), canonicalise(rows, signature))
    same(canonicalise(rows, signature), canonicalise([list(row.values()) for row in rows], signature))


@given(tables())
def test_canonicalising_twice_changes_nothing(given_table):
    table, _, signature = given_table
    once = canonicalise(table, signature)
    same(once, canonicalise(once, signature))


@given(st.lists(st.none() | WHOLE, min_size=1, max_size=20))
def test_whole_numbers_of_a_category_are_decimal_text_in_ints_and_floats_alike(values):
    signature = signature_of(zone="categorical")
    expected = [None if v is None else str(v) for v in values]
    assert canonicalise({"zone": values}, signature)["zone"].tolist() == expected
    table = pa.table({"zone": pa.array(values, pa.int64())})
    assert canonicalise(table, signature)["zone"].tolist() == expected
    floats = pa.table({"zone": pa.array([None if v is None else float(v) for v in values], pa.float64())})
    assert canonicalise(floats, signature)["zone"].tolist() == expected


def test_text_with_leading_zeros_stays_text_and_the_empty_string_is_a_value():
    signature = signature_of(zip="categorical")
    assert canonicalise({"zip": ["00501", "", None]}, signature)["zip"].tolist() == ["00501", "", None]


def test_instants_with_an_offset_become_utc_and_those_without_are_taken_as_utc():
    signature = signature_of(at="datetime")
    rows = canonicalise({"at": ["2024-05-01T12:00:00+02:00", "2024-05-01 10:00:00", "2024-05-01T10:00:00Z"]}, signature)
    assert set(rows["at"].tolist()) == {dt.datetime(2024, 5, 1, 10)}
    zoned = pa.table({"at": pa.array([dt.datetime(2024, 5, 1, 10)], pa.timestamp("ns", tz="Europe/Berlin"))})
    assert canonicalise(zoned, signature)["at"].tolist() == [dt.datetime(2024, 5, 1, 10)]


def test_a_float32_category_is_spelt_as_the_file_has_it():
    table = pa.table({"size": pa.array([0.1, 2.5, None], pa.float32())})
    assert canonicalise(table, signature_of(size="categorical"))["size"].tolist() == ["0.1", "2.5", None]


@pytest.mark.parametrize(
    ("kind", "values", "got"),
    [
        ("numeric", ["12"], "str '12' in row 0"),
        ("numeric", [1.0, "far", None], "str 'far' in row 1"),
        ("numeric", [[1.0, 2.0], [3.0, 4.0]], "list [1.0, 2.0] in row 0"),
        ("numeric", np.zeros((2, 2)), "shape [2, 2]"),
        ("numeric", [10**400], "int 1000"),
        ("numeric", [math.inf], "inf in row 0"),
        ("boolean", [2], "2 in row 0"),
        ("boolean", ["true"], "str 'true' in row 0"),
        ("datetime", ["yesterday"], "'yesterday' in row 0"),
        ("datetime", [1700000000], "values of int64"),
        ("categorical", [{"a": 1}], "dict"),
        ("categorical", [["a"], "b"], "list"),
        ("text", "abc", "str"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_its_column_and_row(kind, values, got):
    with pytest.raises(InputProblem) as problem:
        canonicalise({"c": values}, signature_of(c=kind))
    assert problem.value.column == "c"
    assert got in problem.value.got


@pytest.mark.parametrize("kind", ["numeric", "boolean", "datetime"])
def test_an_arrow_column_of_the_wrong_type_is_refused(kind):
    with pytest.raises(InputProblem, match='column "c"'):
        canonicalise(pa.table({"c": [[1], [2]]}), signature_of(c=kind))


def test_a_missing_column_is_refused_unless_only_a_part_is_asked_for():
    signature = signature_of(a="numeric", b="categorical")
    with pytest.raises(InputProblem, match='column "b": expected a categorical column, got no such column'):
        canonicalise({"a": [1.0]}, signature)
    assert list(canonicalise({"a": [1.0]}, signature, partial=True)) == ["a"]


def test_an_optional_column_that_is_absent_is_missing_in_every_row():
    optional = InputColumn(name="b", kind="categorical", datatype="BYTES", required=False)
    signature = signature_of(a="numeric").model_copy(update={"inputs": [*signature_of(a="numeric").inputs, optional]})
    assert canonicalise({"a": [1.0, 2.0]}, signature)["b"].tolist() == [None, None]


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(InputProblem, match="2 values"):
        canonicalise({"a": [1.0, 2.0], "b": ["x"]}, signature_of(a="numeric", b="text"))


def test_a_row_without_one_of_its_keys_is_refused_with_its_number():
    with pytest.raises(InputProblem, match=r'column "b".*row 1'):
        canonicalise([{"a": 1, "b": "x"}, {"a": 2}], signature_of(a="numeric", b="text"))


def test_duplicate_columns_of_a_table_are_refused():
    table = pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], names=["a", "a"])
    with pytest.raises(InputProblem, match="one column of this name"):
        canonicalise(table, signature_of(a="numeric"))


def test_a_matrix_is_taken_for_numeric_signatures_of_its_width_only():
    signature = signature_of(a="numeric", b="numeric")
    columns = canonicalise(np.array([[1, 2], [3, 4]]), signature)
    assert isinstance(columns, NumericColumns)
    assert columns["b"].tolist() == [2.0, 4.0]
    with pytest.raises(InputProblem, match=r"shape \[rows, 2\]"):
        canonicalise(np.zeros((1, 3)), signature)
    with pytest.raises(InputProblem, match="one tensor per column"):
        canonicalise(np.zeros((1, 1)), signature_of(a="text"))


@given(st.lists(st.tuples(st.none() | st.floats(-1e6, 1e6), st.none() | WHOLE | st.booleans()), min_size=1, max_size=5))
def test_the_fast_way_for_numbers_gives_what_the_careful_way_gives(rows):
    signature = signature_of(a="numeric", b="numeric")
    fast = canonicalise({"a": [r[0] for r in rows], "b": [r[1] for r in rows]}, signature)
    careful = {
        n: canonicalise({n: [r[i] for r in rows]}, signature_of(**{n: "numeric"}))[n] for i, n in enumerate("ab")
    }
    for name in "ab":
        np.testing.assert_array_equal(fast[name], careful[name])


def test_text_among_numbers_is_never_read_as_a_number():
    with pytest.raises(InputProblem, match="str '2'"):
        canonicalise({"a": [1.0, "2"], "b": [1.0, 2.0]}, signature_of(a="numeric", b="numeric"))


def test_a_column_that_may_not_be_missing_refuses_null():
    column = InputColumn(name="a", kind="numeric", datatype="FP64", nullable=False)
    signature = Signature(task="Regression", inputs=[column], outputs=[])
    with pytest.raises(InputProblem, match="expected no missing value"):
        canonicalise({"a": [None]}, signature)


def test_concatenated_requests_are_the_rows_in_order():
    signature = signature_of(a="numeric", b="text")
    parts = [canonicalise({"a": [i], "b": [str(i)]}, signature) for i in range(3)]
    assert concatenate(parts)["b"].tolist() == ["0", "1", "2"]
    numeric = signature_of(a="numeric")
    joined = concatenate([canonicalise({"a": [float(i)]}, numeric) for i in range(3)])
    assert isinstance(joined, NumericColumns)
    assert joined["a"].tolist() == [0.0, 1.0, 2.0]
