from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perennial.runtime.training.failures import DataRefused
from perennial.runtime.training.split import split
from tests.unit.runtime.training.requests import request

START = datetime(2026, 1, 1, tzinfo=UTC)


def timed(hours: list[int | None]) -> pa.Table:
    times = [None if h is None else START + timedelta(hours=h) for h in hours]
    return pa.table({"t": pa.array(times, pa.timestamp("us", tz="UTC")), "y": [i % 2 for i in range(len(hours))]})


def plain(count: int) -> pa.Table:
    return pa.table({"id": [f"row-{i}" for i in range(count)], "g": [i % 40 for i in range(count)],
                     "y": [i % 10 == 0 for i in range(count)]})  # fmt: skip


TEMPORAL = request(data={"features": {"timeColumn": "t"}})


@given(st.lists(st.integers(0, 200), min_size=60, max_size=200).filter(lambda h: len(set(h)) > 20))
@settings(max_examples=50)
def test_a_temporal_hold_out_is_newer_than_all_training_rows_and_at_most_a_fifth(hours):
    try:
        sides = split(timed(hours), TEMPORAL, model="m")
    except DataRefused:
        assert len(hours) < 200  # ties can leave too few rows
        return
    times = np.array(hours)
    assert times[sides.train].max() < times[sides.holdout].min()
    assert len(sides.holdout) <= 0.2 * len(hours)
    assert sorted([*sides.train, *sides.holdout]) == list(range(len(hours)))


def test_rows_without_a_time_are_never_held_out():
    sides = split(timed([None] * 10 + list(range(90))), TEMPORAL, model="m")
    assert sides.holdout.min() >= 10


def test_rows_that_all_have_one_time_are_refused_with_what_to_do():
    with pytest.raises(DataRefused, match="distinct times"):
        split(timed([5] * 100), TEMPORAL, model="m")


def test_new_rows_change_no_old_rows_side():
    by_id = request(data={"features": {"idColumn": "id"}})
    before, after = split(plain(500), by_id, model="m"), split(plain(800), by_id, model="m")
    assert set(before.holdout) == {row for row in after.holdout if row < 500}


def test_another_model_splits_the_same_rows_differently():
    by_id = request(data={"features": {"idColumn": "id"}})
    assert set(split(plain(500), by_id, model="m").holdout) != set(split(plain(500), by_id, model="n").holdout)


def test_identical_rows_are_on_one_side():
    rows = pa.table({"x": [i % 100 for i in range(1000)], "y": [i % 2 for i in range(1000)]})
    held = set(split(rows, request(), model="m").holdout)
    assert all((i in held) == (i % 100 in held) for i in range(1000))


def test_a_group_is_never_divided():
    grouped = request(data={"holdout": {"strategy": "group", "groupColumn": "g"}})
    sides = split(plain(2000), grouped, model="m")
    groups = np.arange(2000) % 40
    assert not set(groups[sides.train]) & set(groups[sides.holdout])


def test_a_stratified_split_keeps_the_share_of_each_class_exactly():
    sides = split(plain(1000), request(data={"holdout": {"strategy": "stratified"}}), model="m")
    assert (np.arange(1000)[sides.holdout] % 10 == 0).sum() == 20
    assert len(sides.holdout) == 200


def test_a_separate_hold_out_is_the_last_rows():
    sides = split(plain(300), request(data={"holdout": {"uri": "s3://datasets/h/"}}), model="m", holdout_rows=50)
    assert sides.holdout.tolist() == list(range(250, 300))


def test_a_table_too_small_to_split_is_refused():
    with pytest.raises(DataRefused, match="bring more rows"):
        split(plain(12), request(), model="m")
