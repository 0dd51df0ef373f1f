"""infer_signature: kinds, categories, what is left out, and an example that is nobody's row."""

import datetime as dt
import decimal

import numpy as np
import pyarrow as pa
import pytest

from perennial.runtime.artifacts import (
    FeatureChoice,
    InputProblem,
    canonicalise,
    classes_of,
    encode_target,
    infer_signature,
)
from tests.unit.runtime.artifacts.tables import mixed_table


def inferred(table, **features):
    return infer_signature(table, target="late", task="Binary", features=FeatureChoice(**features))


def kinds(table, **features):
    return {column.name: column.kind for column in inferred(table, **features).signature.inputs}


def test_kinds_follow_the_types_of_the_table():
    table = mixed_table().drop_columns(["grade", "delay"])
    assert kinds(table) == {
        "distance": "numeric",
        "seats": "numeric",
        "carrier": "categorical",
        "tail": "categorical",
        "heavy": "boolean",
        "when": "datetime",
    }


def test_a_type_that_a_person_gives_wins():
    signature = inferred(mixed_table(), types={"seats": "category"}).signature
    seats = next(column for column in signature.inputs if column.name == "seats")
    assert seats.kind == "categorical"
    assert seats.datatype == "BYTES"
    assert all(level.isdigit() for level in seats.categories or ["1"])


def test_special_columns_are_no_features_but_the_time_column_is_if_included():
    table = mixed_table()
    assert "when" not in kinds(table, time_column="when", id_column="tail", weight_column="seats")
    assert "tail" not in kinds(table, id_column="tail")
    assert kinds(table, time_column="when", include=["when", "seats"]) == {"seats": "numeric", "when": "datetime"}


def test_text_that_names_rows_is_left_out_with_a_warning():
    table = pa.table({"note": [f"row {i}" for i in range(200)], "late": ["yes", "no"] * 100})
    result = inferred(table)
    assert result.signature.inputs == []
    assert result.warnings == ['column "note" is text with more than 50% distinct values: left out']


def test_a_column_that_no_estimator_reads_is_left_out_unless_it_was_asked_for():
    table = pa.table({"path": [[1, 2], [3]], "late": ["yes", "no"]})
    assert "path" in inferred(table).warnings[0]
    with pytest.raises(InputProblem, match='column "path"'):
        inferred(table, include=["path"])


def test_a_column_that_is_named_but_absent_is_refused():
    with pytest.raises(InputProblem, match='column "speed": expected a column of the data'):
        inferred(mixed_table(), include=["speed"])


def test_the_example_is_of_medians_and_modes_and_shows_no_value_of_a_few():
    table = pa.table(
        {
            "age": [20, 30, 41] * 20,
            "city": ["Rome"] * 50 + ["Oslo"] * 10,
            "name": [f"p{i % 30}" for i in range(60)],
            "member": [True] * 40 + [False] * 20,
            "since": [dt.datetime(2020, 1, 1, 13, 37)] * 60,
            "late": ["yes", "no"] * 30,
        }
    )
    assert inferred(table).signature.example == {
        "age": 30, "city": "Rome", "name": None, "member": True, "since": "2020-01-01T00:00:00Z",
    }  # fmt: skip


def test_the_example_is_itself_accepted():
    signature = inferred(mixed_table()).signature
    assert set(canonicalise([signature.example], signature)) == {column.name for column in signature.inputs}


def test_more_levels_than_are_worth_listing_are_not_listed():
    signature = inferred(mixed_table()).signature
    by_name = {column.name: column.categories for column in signature.inputs}
    assert by_name["carrier"] == ["AA", "DL", "UA"]
    assert by_name["tail"] is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["b", "a", None, "b"], ["a", "b"]),
        ([True, False, None], [False, True]),
        ([2.0, 1.0], [1, 2]),
        ([1, 0, 1], [0, 1]),
        ([decimal.Decimal(3), decimal.Decimal(1)], [1, 3]),
    ],
)
def test_classes_are_the_sorted_labels_as_json_has_them(values, expected):
    for given in (values, pa.chunked_array([values])):
        classes = classes_of(given)
        assert classes == expected
        assert list(map(type, classes)) == list(map(type, expected))


def test_codes_follow_the_classes_and_an_unknown_label_is_refused():
    signature = inferred(mixed_table()).signature.model_copy(update={"classes": ["no", "yes"]})
    assert encode_target(["yes", "no"], signature).tolist() == [1, 0]
    with pytest.raises(InputProblem, match='column "late": expected one of no, yes, got maybe'):
        encode_target(["maybe"], signature)
    with pytest.raises(InputProblem):
        encode_target([None], signature)


def test_a_regression_target_is_numbers_without_gaps():
    signature = infer_signature(mixed_table(), target="delay", task="Regression").signature
    assert encode_target([1, 2.5], signature).tolist() == [1.0, 2.5]
    with pytest.raises(InputProblem, match="null in row 1"):
        encode_target([1.0, np.nan], signature)
