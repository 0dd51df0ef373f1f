"""Durations, quantities, times and texts: every spelling that is accepted has one meaning."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from perennial.api import format_duration, format_time, parse_duration, parse_quantity, parse_time
from perennial.api.data import TrainSource
from perennial.api.fields import AutoOrCount, AutoOrDuration, Duration, Quantity
from perennial.api.part import SpecModel
from perennial.api.training_status import FailureStatus, RunStatus


class Held(SpecModel):
    """One field of each type."""

    duration: Duration = "1h"
    cooldown: AutoOrDuration = "auto"
    rows: AutoOrCount = "auto"
    memory: Quantity = "1Gi"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("1h30m", 5400), ("24h", 86400), ("60d", 5184000), ("500ms", 0.5), ("1.5h", 5400), ("0s", 0)],
)
def test_a_duration_is_read_in_go_style_and_days(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "1w", "1 h", "1h ", "1H"])
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="such as 90s, 30m, 24h or 60d"):
        parse_duration(text)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=4000)))
def test_a_duration_survives_being_written(value: timedelta) -> None:
    whole = timedelta(milliseconds=round(value / timedelta(milliseconds=1)))
    assert parse_duration(format_duration(whole)) == whole


@pytest.mark.parametrize(
    ("text", "value"),
    [("500m", "0.5"), ("2", "2"), (2, "2"), ("4Gi", 4 * 2**30), ("64M", 64_000_000), ("1.5Ki", 1536), ("1e3", 1000)],
)
def test_a_quantity_is_read_as_kubernetes_reads_it(text: Any, value: Any) -> None:
    assert parse_quantity(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "-1", "1 Gi", "1gi", "Gi", "1K"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2013-06-01", datetime(2013, 6, 1, tzinfo=UTC)),
        ("2013-06-01T12:00:00Z", datetime(2013, 6, 1, 12, tzinfo=UTC)),
        ("2013-06-01 12:00", datetime(2013, 6, 1, 12, tzinfo=UTC)),
        ("2013-06-01T12:00:00+02:00", datetime(2013, 6, 1, 10, tzinfo=UTC)),
    ],
)
def test_a_time_is_utc_unless_it_says_otherwise(text: str, moment: datetime) -> None:
    assert parse_time(text) == moment
    assert parse_time(format_time(moment)) == moment


@pytest.mark.parametrize("text", ["2013", "yesterday", "2013-13-01", "01.06.2013", "2013-06-01T12"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words differ with what is wrong
        parse_time(text)


@pytest.mark.parametrize("value", [date(2013, 6, 1), datetime(2013, 6, 1, tzinfo=UTC), "2013-06-01"])
def test_a_date_that_yaml_has_read_already_is_accepted(value: Any) -> None:
    source = TrainSource.model_validate({"uri": "s3://a/b", "from": value})
    assert source.start is not None
    assert parse_time(source.start) == datetime(2013, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "wrong",
    [{"duration": "1w"}, {"cooldown": "never"}, {"rows": -1}, {"rows": "many"}, {"memory": "lots"}, {"memory": 1.5}],
)
def test_a_field_refuses_what_its_type_cannot_hold(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Held.model_validate(wrong)


def test_a_field_accepts_both_spellings_where_there_are_two() -> None:
    held = Held.model_validate({"cooldown": "24h", "rows": 100, "memory": 2})
    assert held.to_json_dict() == {"cooldown": "24h", "rows": 100, "memory": 2}


def test_a_text_of_a_status_is_cut_instead_of_refused() -> None:
    message = FailureStatus(reason="OutOfMemory", message="x" * 5000).message
    assert len(message) == 1024
    assert message.endswith("…")


def test_a_list_of_a_status_loses_its_oldest_entries() -> None:
    jobs = RunStatus(key="k", jobs=[f"job-{i}" for i in range(100)]).jobs
    assert (len(jobs), jobs[0], jobs[-1]) == (64, "job-36", "job-99")


def test_replacing_a_field_of_a_status_validates_it() -> None:
    status = RunStatus(key="k")
    assert status.replace(stage="fetch").stage == "fetch"
    with pytest.raises(ValidationError):
        status.replace(progress={"percent": 101})


def test_a_status_reads_what_a_newer_writer_added() -> None:
    assert RunStatus.model_validate({"key": "k", "brandNew": 1}) == RunStatus(key="k")
