"""Calendar periods in the organization's zone, by name or as a reader writes them (semantics 3).

A day begins at its first instant: where midnight does not exist that is the instant the clock
jumps over it, where it happens twice the first. No day has a fixed number of minutes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from probes import times
from probes.spans import Interval

NAMES = ("month", "quarter", "year", "week", "30d")
WRITTEN = "month, quarter, year, week or 30d, or such as 2026-07, 2026-Q3, 2026 or 2026-W31"
MONDAY, SUNDAY = 0, 6
ROLLING_MS = 30 * 86_400_000
FIRST_YEAR, LAST_YEAR = 1970, 2199
"""Of what may be asked about: windows that recur without end are expanded up to it."""

YEARS = range(FIRST_YEAR, LAST_YEAR + 1)
OUTSIDE = f"the year lies from {FIRST_YEAR} to {LAST_YEAR}"
END_MS = 221_845_392_000_000
"""The start of the year 9000: instants from 1970 to before it have months and weeks everywhere."""

_WRITTEN = re.compile(
    r"(?P<year>[0-9]{4})(-(?P<month>[0-9]{2})|-Q(?P<quarter>[1-4])|-W(?P<week>[0-9]{2}))?",
    re.ASCII,
)


def period(text: str, now: int, zone: ZoneInfo) -> Interval:
    """The period of this name that holds `now`, or the one written out.

    `30d` are the 30 times 24 hours that end at `now`. ValueError says what may be written.
    """
    by_name = {"month": month, "quarter": quarter, "year": year, "week": week}
    if text == "30d":
        return Interval(now - ROLLING_MS, now)
    if text in by_name:
        return by_name[text](now, zone)
    match = _WRITTEN.fullmatch(text)
    if match is None or int(match["year"]) not in YEARS:
        raise ValueError(f"write {WRITTEN}, from {FIRST_YEAR} to {LAST_YEAR}")
    return _written(match, zone)


def month(t: int, zone: ZoneInfo) -> Interval:
    """The calendar month that holds `t` (UTC milliseconds)."""
    here = times.from_ms(t, zone)
    return _months(here.year, here.month, 1, zone)


def quarter(t: int, zone: ZoneInfo) -> Interval:
    here = times.from_ms(t, zone)
    return _months(here.year, (here.month - 1) // 3 * 3 + 1, 3, zone)


def year(t: int, zone: ZoneInfo) -> Interval:
    return _months(times.from_ms(t, zone).year, 1, 12, zone)


def week(t: int, zone: ZoneInfo, first: int = MONDAY) -> Interval:
    """The week that holds `t`: from Monday on as ISO 8601 has it, or from another `first` day."""
    here = times.from_ms(t, zone)
    days = timedelta(days=(here.weekday() - first) % 7)
    return _week(datetime(here.year, here.month, here.day) - days, zone)


def months(start: int, end: int, zone: ZoneInfo) -> Iterator[Interval]:
    """Every calendar month that overlaps `[start, end)`, whole."""
    while start < end:
        one = month(start, zone)
        yield one
        start = one.end


def weeks(start: int, end: int, zone: ZoneInfo, first: int = MONDAY) -> Iterator[Interval]:
    """Every week that overlaps `[start, end)`, whole; from Monday to Monday unless told otherwise."""
    while start < end:
        one = week(start, zone, first)
        yield one
        start = one.end


def _written(match: re.Match[str], zone: ZoneInfo) -> Interval:
    number = int(match["year"])
    if match["month"] is not None:
        if not 1 <= int(match["month"]) <= 12:
            raise ValueError("a month is 01 to 12")
        return _months(number, int(match["month"]), 1, zone)
    if match["quarter"] is not None:
        return _months(number, int(match["quarter"]) * 3 - 2, 3, zone)
    if match["week"] is None:
        return _months(number, 1, 12, zone)
    try:
        monday = datetime.fromisocalendar(number, int(match["week"]), 1)
    except ValueError:
        raise ValueError("a week is 01 to 52, in some years 53") from None
    return _week(monday, zone)


def _months(first_year: int, first_month: int, count: int, zone: ZoneInfo) -> Interval:
    """`count` months from the first of `first_month` on; never past a year's end."""
    after = first_month + count - 1
    following = datetime(first_year + after // 12, after % 12 + 1, 1)
    return Interval(
        times.to_ms(datetime(first_year, first_month, 1), zone), times.to_ms(following, zone)
    )


def _week(first: datetime, zone: ZoneInfo) -> Interval:
    return Interval(times.to_ms(first, zone), times.to_ms(first + timedelta(days=7), zone))
