"""Broken requests may wait for sound training data: what counts as sound, on files, without a pod."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from perennial.api.records.findings import DataCheck
from perennial.api.records.profile import Profile, Reference
from perennial.api.records.run import Artifact, DataFacts, RunRecord
from perennial.api.records.task import Task
from perennial.runtime.training.failures import DataRefused
from perennial.runtime.training.soundness import check_data
from perennial.store import open_store
from perennial.store.errors import EmptyDataSet
from perennial.store.registry import Registry
from tests.unit.runtime.training.requests import spec

RUN = "sha256:" + "c" * 64
BROKEN_SINCE = "2026-01-03T00:00:00Z"
ROWS = 960
"""A day: ten days from the first of January 2026."""

Check = Callable[..., DataCheck]


@pytest.fixture
def registry(tmp_path: Path) -> str:
    """The URI of a registry with one run, whose reference has 1 % missing in a and nothing else."""
    uri = (tmp_path / "registry").as_uri()
    runs = Registry(open_store(uri), "ns", "m").runs
    a = Reference(name="a", kind="numeric", edges=[0.0], counts=[4950, 4950, 100], effective_rows=10_000)
    b = Reference(name="b", kind="categorical", categories=["x"], counts=[10_000, 0, 0], effective_rows=10_000)
    (tmp_path / "profile.json").write_bytes(Profile(rows=10_000, features=[a, b]).to_json())
    stored = runs.upload(RUN, "pod", "profile.json", tmp_path / "profile.json")
    facts = DataFacts(digest="", rows=10_000, bytes=0, columns=2)
    runs.publish(
        RunRecord(
            run_digest=RUN, run_key="d" * 64, namespace="ns", model="m", data=facts, environment_digest="",
            task="Binary", attempt="pod", files={"profile.json": stored}, artifact=Artifact(digest=""), metrics={},
        )
    )  # fmt: skip
    return uri


@pytest.fixture
def check(registry: str, tmp_path: Path) -> Check:
    """Checks the training data in `data/`; keywords are parameters of the task."""

    def ask(features: tuple[str, ...] = ("a",), data: dict[str, Any] | None = None, **parameters: Any) -> DataCheck:
        asked = {"features": list(features), "since": BROKEN_SINCE, "runDigest": RUN, **parameters}
        source = {"train": {"uri": (tmp_path / "data").as_uri() + "/"}}
        task = Task(
            kind="CheckData", namespace="ns", model="m", training="m", uid="u", registry=registry,
            run_key="e" * 64, spec=spec(data=source | (data or {})), parameters=asked,
        )  # fmt: skip
        return check_data(task)

    return ask


def days(missing: list[float]) -> pa.Table:
    """A day of rows for each share of a that is missing on it."""
    seconds = np.arange(len(missing) * ROWS) * (86_400 // ROWS)
    times = np.datetime64("2026-01-01T00:00:00", "us") + seconds.astype("timedelta64[s]")
    a = np.concatenate([np.where(np.arange(ROWS) < share * ROWS, np.nan, 1.0) for share in missing])
    return pa.table({"t": times, "a": pa.array(a, from_pandas=True), "b": ["x"] * len(a)})


def put(tmp_path: Path, table: pa.Table) -> None:
    (tmp_path / "data").mkdir(exist_ok=True)
    parquet.write_table(table, tmp_path / "data" / "rows.parquet")


def test_data_with_the_rates_of_the_reference_passes(check: Check, tmp_path: Path) -> None:
    put(tmp_path, days([0.01] * 4))
    assert check(timeColumn="t") == DataCheck(rows=4 * ROWS, fresh=2 * ROWS, passes=True)


def test_a_fault_that_began_with_the_broken_requests_is_found_in_the_rows_since_then(
    check: Check, tmp_path: Path
) -> None:
    put(tmp_path, days([0.01] * 8 + [0.3]))
    found = check(timeColumn="t", since="2026-01-08T00:00:00Z")
    assert not found.passes
    (fault,) = found.faults
    assert fault.startswith("a: ")
    assert fault.endswith("missing, 1.00% in the reference")
    assert (found.rows, found.fresh) == (9 * ROWS, 2 * ROWS)


def test_a_fault_that_is_over_does_not_hold_a_retraining_on_newer_rows(check: Check, tmp_path: Path) -> None:
    put(tmp_path, days([0.01, 0.3, 0.01, 0.01, 0.01, 0.01]))
    assert not check(timeColumn="t", since="2026-01-01T00:00:00Z").passes
    assert check(timeColumn="t", since="2026-01-03T00:00:00Z").passes


def test_only_rows_of_the_policys_data_window_count(check: Check, tmp_path: Path) -> None:
    put(tmp_path, days([0.01] * 4))
    found = check(timeColumn="t", last="1d")
    assert found.rows == ROWS


def test_rows_older_than_the_broken_requests_are_all_looked_at_when_there_are_no_newer_ones(
    check: Check, tmp_path: Path
) -> None:
    put(tmp_path, days([0.3]))
    found = check(timeColumn="t", since="2027-01-01T00:00:00Z")
    assert (found.rows, found.fresh, found.passes) == (ROWS, ROWS, False)


def test_a_rise_of_less_than_a_point_is_none(check: Check, tmp_path: Path) -> None:
    put(tmp_path, days([0.019] * 10))
    assert check().passes


def test_only_the_columns_in_question_are_judged_by_their_rates(check: Check, tmp_path: Path) -> None:
    put(tmp_path, days([0.3]))
    assert not check(features=("a", "b")).passes
    assert check(features=("b",)).passes


@pytest.mark.parametrize(("strange", "passes"), [("12.5", True), ("1e3", True), ("twelve", False), ("1,5", False)])
def test_texts_where_the_reference_has_numbers_are_values_of_another_type(
    check: Check, tmp_path: Path, strange: str, *, passes: bool
) -> None:
    put(tmp_path, pa.table({"a": ["1.0"] * 950 + [strange] * 50, "b": ["x"] * 1000}))
    found = check()
    assert found.passes == passes
    assert passes or found.faults == ["a: 5.00% of another type, 0.00% in the reference"]


def test_infinite_values_are_of_another_type(check: Check, tmp_path: Path) -> None:
    put(tmp_path, pa.table({"a": [1.0] * 950 + [np.inf] * 50, "b": ["x"] * 1000}))
    assert check().faults == ["a: 5.00% of another type, 0.00% in the reference"]


def test_expectations_are_checked_as_a_training_would(check: Check, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    csv.write_csv(pa.table({"a": [1.0, 7.0], "b": ["x", "y"]}), tmp_path / "data" / "rows.csv")
    expected = {"expectations": [{"minRows": 3}, {"column": "a", "max": 5}, {"column": "b", "in": ["x", "y"]}]}
    found = check(data=expected)
    assert [fault.partition(":")[0] for fault in found.faults] == ["rows", "a"]


def test_a_run_without_a_reference_leaves_the_expectations(check: Check, tmp_path: Path) -> None:
    put(tmp_path, days([0.3]))
    expected = {"expectations": [{"minRows": 10}]}
    assert check(data=expected, timeColumn="t", runDigest="sha256:" + "f" * 64).passes


def test_no_data_and_a_question_that_cannot_be_read_are_refused(check: Check, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(EmptyDataSet):
        check()
    with pytest.raises(DataRefused, match="parameters"):
        check(since=None)
