"""Cron lines in time zones: the next and the latest moment, daylight saving as Debian's cron has it. UTC outside."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


class InvalidSchedule(ValueError):
    """A cron line or a time zone that cannot be used; the message says what to write instead."""


def next_tick(cron: str, time_zone: str, after: datetime) -> datetime:
    """The first scheduled moment after `after` (aware), in UTC.

    Raises:
        InvalidSchedule: the line is malformed or never fires, or the zone is unknown.
    """
    return _tick(cron, time_zone, after, reverse=False)


def latest_tick(cron: str, time_zone: str, *, since: datetime, until: datetime) -> datetime | None:
    """The newest scheduled moment in (since, until], in UTC; None when there is none.

    Raises:
        InvalidSchedule: as for `next_tick`.
    """
    first = next_tick(cron, time_zone, since)
    if first > until:
        return None
    # Backwards from one second later, for `until` itself may be a moment; then forwards, which decides at changes
    # of the clocks.
    newest = max(first, _tick(cron, time_zone, until + timedelta(seconds=1), reverse=True))
    following = next_tick(cron, time_zone, newest)
    while following <= until:
        newest, following = following, next_tick(cron, time_zone, following)
    return newest if newest <= until else first


def _tick(cron: str, time_zone: str, start: datetime, *, reverse: bool) -> datetime:
    try:
        zone = ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError) as error:
        raise InvalidSchedule(
            f"spec.triggers.schedule.timeZone: {time_zone!r} is no time zone of the IANA database; "
            "write one such as Europe/Berlin or Etc/UTC"
        ) from error
    try:
        found = next(CronSim(NAMED.get(cron, cron), start.astimezone(zone), reverse=reverse))
    except CronSimError as error:
        raise InvalidSchedule(
            f"spec.triggers.schedule.cron: {cron!r} is no cron line ({error}); "
            "write minute, hour, day of month, month and day of week, such as 0 3 * * 1"
        ) from error
    except StopIteration as error:
        raise InvalidSchedule(f"spec.triggers.schedule.cron: {cron!r} never fires; name a date that exists") from error
    moment: datetime = found.astimezone(UTC)
    return moment
