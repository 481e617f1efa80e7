"""The reminder clocks of the FDA's medical device reports, from the day somebody became aware. Pure.

21 CFR 803: a user facility reports within 10 work days; a manufacturer within 30 calendar days, or
within 5 work days. Reminders only: whether an event is reportable, people decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import islice
from zoneinfo import ZoneInfo

from alerts.hours import Hours
from probes.times import to_ms

AHEAD_DAYS = 2
"""The earlier reminder stands so many days of the same kind before the last one."""


class Horizon(StrEnum):
    USER_FACILITY = "user_facility_10_work_days"
    MANUFACTURER = "manufacturer_30_days"
    MANUFACTURER_URGENT = "manufacturer_5_work_days"


WORK_DAYS = {Horizon.USER_FACILITY: 10, Horizon.MANUFACTURER_URGENT: 5}
CALENDAR_DAYS = {Horizon.MANUFACTURER: 30}


@dataclass(frozen=True, slots=True)
class Reminder:
    """`last_day` is the last day on which the report is in time; both instants are the ends of
    local days, UTC ms.
    """

    horizon: Horizon
    last_day: date
    soon_at: int
    due_at: int


def reminders(aware_on: date, hours: Hours, zone: ZoneInfo) -> tuple[Reminder, ...]:
    """The day of awareness itself does not count. A work day is one with business hours."""

    def made(horizon: Horizon, days: list[date]) -> Reminder:
        return Reminder(horizon, days[-1], _end(days[-1 - AHEAD_DAYS], zone), _end(days[-1], zone))

    return (
        *(made(h, list(islice(_work_days(aware_on, hours), n))) for h, n in WORK_DAYS.items()),
        *(made(h, _following(aware_on, n)) for h, n in CALENDAR_DAYS.items()),
    )


def _work_days(aware_on: date, hours: Hours) -> Iterator[date]:
    """Never fewer than asked for: hours that hardly ever open count calendar days."""
    found = (day for day, _ in hours.after(aware_on))
    for calendar in _following(aware_on, max(WORK_DAYS.values())):
        yield next(found, calendar)


def _following(day: date, count: int) -> list[date]:
    return [day + timedelta(days=n) for n in range(1, count + 1)]


def _end(day: date, zone: ZoneInfo) -> int:
    following = day + timedelta(days=1)
    return to_ms(datetime(following.year, following.month, following.day), zone)
