"""Cron lines in time zones: changes of the clocks, catch-ups, lines that cannot fire."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perennial.policy.retrain.cron import NAMED, InvalidSchedule, latest_tick, next_tick

BERLIN = "Europe/Berlin"
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))
lines = st.sampled_from(["0 3 * * 1", "30 2 * * *", "15 */6 * * *", "0 0 1 * *", "59 23 * * 5", "0 1,3 * * *"])
zones = st.sampled_from([BERLIN, "Etc/UTC", "America/New_York", "Australia/Lord_Howe"])


@given(lines, zones, moments, st.timedeltas(timedelta(0), timedelta(days=40)))
@settings(max_examples=300, deadline=None)
def test_the_latest_moment_is_the_last_one_that_counting_forwards_meets(
    line: str, zone: str, since: datetime, span: timedelta
) -> None:
    last, moment = None, next_tick(line, zone, since)
    while moment <= since + span:
        last, moment = moment, next_tick(line, zone, moment)
    assert latest_tick(line, zone, since=since, until=since + span) == last


def test_a_moment_that_summer_time_skips_fires_once_that_day() -> None:
    first = next_tick("30 2 * * *", BERLIN, datetime(2026, 3, 28, 12, tzinfo=UTC))
    second = next_tick("30 2 * * *", BERLIN, first)
    assert first == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert second == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)


def test_a_moment_that_winter_time_repeats_fires_once() -> None:
    first = next_tick("30 2 * * *", BERLIN, datetime(2026, 10, 24, 12, tzinfo=UTC))
    second = next_tick("30 2 * * *", BERLIN, first)
    assert second - first >= timedelta(hours=24)


def test_the_moment_itself_counts_as_passed() -> None:
    moment = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)
    assert latest_tick("0 3 * * 1", BERLIN, since=moment - timedelta(hours=1), until=moment) == moment
    assert latest_tick("0 3 * * 1", BERLIN, since=moment, until=moment + timedelta(hours=1)) is None


@pytest.mark.parametrize("line", sorted(NAMED))
def test_named_lines_fire(line: str) -> None:
    assert next_tick(line, BERLIN, datetime(2026, 6, 1, tzinfo=UTC)) > datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "zone", "told"),
    [("0 0 30 2 *", BERLIN, "cron"), ("61 * * * *", BERLIN, "no cron line"), ("0 0 * * *", "Nowhere", "no time zone")],
)
def test_what_cannot_fire_says_which_field_and_what_to_write(line: str, zone: str, told: str) -> None:
    with pytest.raises(InvalidSchedule, match=told):
        next_tick(line, zone, datetime(2026, 6, 1, tzinfo=UTC))
