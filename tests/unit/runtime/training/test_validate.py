from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from perennial.api.data import Expectation
from perennial.runtime.training import expectations
from perennial.runtime.training.bounds import nanoseconds, within
from perennial.runtime.training.columns import check_named, features_of, needed
from perennial.runtime.training.failures import DataRefused
from perennial.runtime.training.slices import levels
from perennial.runtime.training.target import understand
from perennial.runtime.training.validate import validate
from tests.unit.runtime.training.requests import request

TABLE = pa.table({"n": [1, 2, None, 4], "t": ["a", "b", "b", None], "f": [0.5, float("nan"), 2.0, 3.0]})


@pytest.mark.parametrize(
    ("asked", "passed"),
    [
        ({"minRows": 4}, [True]),
        ({"minRows": 5}, [False]),
        ({"column": "n", "min": 1, "max": 4}, [True]),
        ({"column": "n", "min": 2}, [False]),
        ({"column": "n", "maxMissing": 0.25}, [True]),
        ({"column": "f", "maxMissing": 0.2}, [False]),
        ({"column": "n", "unique": True}, [True]),
        ({"column": "t", "unique": True}, [False]),
        ({"column": "t", "in": ["a", "b"]}, [True]),
        ({"column": "t", "in": ["a"]}, [False]),
        ({"column": "n", "in": [1, 2, 4]}, [True]),
        ({"column": "t", "min": 0}, [False]),
        ({"column": "n", "min": 0, "maxMissing": 0.1}, [False, True]),
    ],
)
def test_an_expectation_passes_exactly_when_it_holds(asked, passed):
    found = expectations.checks(TABLE, Expectation.model_validate(asked))
    assert [check.passed for check in found] == passed


def test_features_are_all_columns_but_the_special_ones():
    asked = request(data={"features": {"timeColumn": "t", "idColumn": "i", "exclude": ["secret"]}})
    names = ["i", "t", "a", "secret", "y", "b"]
    assert features_of(asked, names) == ["a", "b"]
    assert needed(asked, names) == ["i", "t", "a", "y", "b"]


def test_a_time_column_is_a_feature_only_when_it_is_included():
    asked = request(data={"features": {"timeColumn": "t", "include": ["t", "a"]}})
    assert features_of(asked, ["t", "a", "b", "y"]) == ["t", "a"]


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"target": "lable"}, "data.target"),
        ({"features": {"timeColumn": "lable"}}, "data.features.timeColumn"),
        ({"features": {"exclude": ["lable"]}}, "data.features.exclude"),
        ({"holdout": {"strategy": "group", "groupColumn": "lable"}}, "data.holdout.groupColumn"),
    ],
)
def test_a_column_that_is_not_there_is_named_with_its_field_and_the_nearest_name(data, field):
    with pytest.raises(DataRefused, match=rf"{field} names the column 'lable'.*did you mean 'label'"):
        check_named(request(data=data), ["label", "x", "y"])


def times(*values: Any) -> pa.Table:
    return pa.table({"t": pa.array(values)})


def test_rows_are_bounded_from_inclusive_to_exclusive_in_utc():
    moments = [datetime(2026, 1, d, tzinfo=UTC) for d in (1, 2, 3)]
    assert within(times(*moments), "t", "2026-01-02", "2026-01-03T00:00:00Z").num_rows == 1
    assert within(times(*moments), "t", "2026-01-02T01:00:00+01:00", None).num_rows == 2
    assert within(times(*moments, None), "t", None, None).num_rows == 4


def test_bounds_without_a_time_column_are_refused():
    with pytest.raises(DataRefused, match=r"data\.features\.timeColumn is not set"):
        within(times(1), None, "2026-01-01", None)


def test_bounds_on_a_column_of_numbers_are_refused():
    with pytest.raises(DataRefused, match="holds int64"):
        within(times(1, 2), "t", "2026-01-01", None)


@pytest.mark.parametrize("values", [("soon", "later"), (True, False), ("2026-13-01",)])
def test_a_time_column_without_times_is_refused(values):
    with pytest.raises(DataRefused, match="holds no times"):
        nanoseconds(times(*values), "t")


@pytest.mark.parametrize(
    ("values", "positive", "classes"),
    [
        ([True, False], None, [False, True]),
        (["yes", "no"], None, ["no", "yes"]),
        (["no", "yes"], "no", ["yes", "no"]),
        ([0, 1], None, [0, 1]),
        ([3, 7], None, [3, 7]),
        ([1.0, 0.0], None, [0, 1]),
    ],
)
def test_the_positive_class_comes_last(values, positive, classes):
    found = understand(pa.chunked_array([values * 20]), name="y", kind="classifier", positive=positive)
    assert (found.task, found.classes, found.positive) == ("Binary", classes, classes[1])


def test_rows_without_a_target_are_left_out_and_counted():
    table = pa.table({"x": list(range(60)), "y": ["yes", "no", None] * 20})
    found = validate(table, request(), kind="classifier")
    assert (found.table.num_rows, found.dropped) == (40, 20)
    assert "20 rows" in found.warnings[0]


def test_ids_that_repeat_are_a_warning():
    table = pa.table({"i": [1, 1, *range(2, 60)], "x": list(range(60)), "y": ["yes", "no"] * 30})
    found = validate(table, request(data={"features": {"idColumn": "i"}}), kind="classifier")
    assert any("repeats: 1 rows" in warning for warning in found.warnings)


@pytest.mark.parametrize("weights", [[-1.0] * 60, [0.0] * 60, [None] * 60, ["a"] * 60])
def test_weights_that_are_no_weights_are_refused(weights):
    table = pa.table({"w": weights, "x": list(range(60)), "y": ["yes", "no"] * 30})
    with pytest.raises(DataRefused, match="sampleWeightColumn"):
        validate(table, request(data={"features": {"sampleWeightColumn": "w"}}), kind="classifier")


def test_levels_of_a_column_cover_every_row_once():
    names, codes = levels(pa.chunked_array([np.arange(1000.0)]))
    assert np.bincount(codes).tolist() == [250, 250, 250, 250]
    assert len(names) == 5  # four quartiles and MISSING
    names, codes = levels(pa.chunked_array([[f"c{i % 70}" for i in range(700)]]))
    assert (len(names), names[-1], int((codes == 50).sum())) == (51, "OTHER", 200)
