import gzip
import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.runtime.training import lines
from perennial.runtime.training.failures import DataRefused


def csv_types(text: str) -> dict[str, str]:
    table = lines.typed(lines.read_csv("a.csv", text.encode()), numbers=True)
    return {field.name: str(field.type) for field in table.schema}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "2"], "int64"),
        (["1", "2.5"], "double"),
        (["1e3", "-0.5"], "double"),
        (["007", "12"], "string"),
        (["+1", "2"], "string"),
        (["true", "FALSE"], "bool"),
        (["1", "true"], "string"),
        (["12345678901234567890", "1"], "double"),
        (["2026-01-01", "2026-02-28T10:00:00Z"], "timestamp[us, tz=UTC]"),
        (["2026-02-30", "2026-01-01"], "string"),
        (["01.02.2026", "2026-01-01"], "string"),
        (["nan", "1"], "string"),
        (["NA", "x"], "string"),
    ],
)
def test_a_csv_column_gets_the_narrowest_type_that_all_its_values_have(values, expected):
    assert csv_types("x,z\n" + "".join(f"{v},q\n" for v in values))["x"] == expected


def test_only_an_empty_unquoted_field_is_missing():
    table = lines.read_csv("a.csv", b'x,y\n,1\n"",2\nNA,3\nnull,4\n')
    assert table.column("x").to_pylist() == [None, "", "NA", "null"]


def test_a_type_is_that_of_the_whole_data_set_and_not_of_its_first_object():
    first, second = lines.read_csv("a.csv", b"x\n1\n2\n"), lines.read_csv("b.csv", b"x\nAB\n")
    assert lines.typed(pa.concat_tables([first, second]), numbers=True).column("x").to_pylist() == ["1", "2", "AB"]


def test_text_survives_quotes_newlines_and_a_byte_order_mark():
    table = lines.read_csv("a.csv", b'\xef\xbb\xbfx,y\n"a\nb",\xc3\xbc\n')
    assert table.to_pylist() == [{"x": "a\nb", "y": "ü"}]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"x,x\n1,2\n", "more than one column called 'x'"),
        (b"x,\n1,2\n", "column 2 of the header has no name"),
        (b"x,y\n1\n", "cannot be read as CSV"),
        (b"x\n\xff\xfe\n", "cannot be read as CSV"),
    ],
)
def test_a_csv_that_cannot_be_read_is_refused_by_name(body, words):
    with pytest.raises(DataRefused, match=words) as refused:
        lines.read_csv("bad.csv", body)
    assert "bad.csv" in str(refused.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"x": 1}\n{"x": \n', "line 2"),
        (b"[1]\n", "holds list, not an object"),
        (b'{"x": [1]}\n', "nested"),
        (b'{"x": 1, "x": 2}\n', "more than one column called 'x'"),
        (b"\xff\n", "UTF-8"),
    ],
)
def test_a_json_line_that_cannot_be_read_is_refused_by_name(body, words):
    with pytest.raises(DataRefused, match=words):
        lines.read_jsonl("bad.jsonl", body)


def test_a_damaged_gzip_is_refused_and_a_whole_one_is_read():
    assert lines.read_csv("a.csv.gz", gzip.compress(b"x\n1\n")).num_rows == 1
    with pytest.raises(DataRefused, match="gzip"):
        lines.read_csv("a.csv.gz", gzip.compress(b"x\n1\n")[:-9])


def test_json_text_that_looks_like_a_number_stays_text():
    table = lines.typed(lines.read_jsonl("a.jsonl", b'{"x": "1"}\n{"x": "2"}\n'), numbers=False)
    assert table.column("x").to_pylist() == ["1", "2"]


def test_a_key_that_comes_late_or_goes_missing_is_null_elsewhere():
    table = lines.read_jsonl("a.jsonl", b'{"a": 1}\n{"b": 2.5}\n{"a": 3, "b": null}\n')
    assert table.to_pylist() == [{"a": 1, "b": None}, {"a": None, "b": 2.5}, {"a": 3, "b": None}]


VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text())


@given(st.lists(VALUES, min_size=1, max_size=20))
def test_any_json_scalars_are_read_as_one_column_of_as_many_rows(values):
    body = "\n".join(json.dumps({"x": v}) for v in values).encode()
    assert lines.read_jsonl("a.jsonl", body).num_rows == len(values)
