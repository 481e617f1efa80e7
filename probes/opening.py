"""Opening hours as Alertmanager's `time_interval` says them: which days, which minutes. Pure.

A value that is left out holds always; those that are given hold together. Ranges hold both ends,
times hold their start and not their end. Nothing here knows a zone: days and minutes are local.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
MONTHS = tuple(name.lower() for name in calendar.month_name)
FIRST_YEAR, LAST_YEAR = 1970, 2199
DAY = 24 * 60
Range = tuple[int, int]
"""Both ends included."""
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
_LONGEST_MONTH = 31


def clock(text: str) -> int:
    """`"09:30"` -> 570 minutes of the day; ValueError outside 00:00 to 24:00."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError("write a time of day from 00:00 to 24:00, such as 09:00")
    return DAY if match[1] is None else int(match[1]) * 60 + int(match[2])


def weekdays(text: str) -> Range:
    """`"monday:friday"` -> (1, 5), counted from Sunday as 0; ValueError otherwise."""
    found = _range(text, _weekday)
    if found[0] > found[1]:
        raise ValueError(
            "a range of weekdays goes forward, and a week goes from sunday to saturday"
        )
    return found


def days_of_month(text: str) -> Range:
    """`"1:5"`, `"-3:-1"`; negative days count from the end of the month. ValueError otherwise."""
    begin, end = _range(text, _day)
    if begin < 0 < end:
        raise ValueError("a range that begins with a negative day ends with one")
    # In the longest month at least it holds a day.
    last = _LONGEST_MONTH + 1 + end if begin > 0 > end else end
    if begin > last:
        raise ValueError("a range of days goes forward")
    return begin, end


def months(text: str) -> Range:
    """`"january:march"`, `"1:3"`; ValueError otherwise."""
    found = _range(text, _month)
    if found[0] > found[1]:
        raise ValueError("a range of months goes forward, and a year from january to december")
    return found


def years(text: str) -> Range:
    """`"2026"`, `"2026:2030"`; ValueError otherwise."""
    found = _range(text, _year)
    if found[0] > found[1]:
        raise ValueError("a range of years goes forward")
    return found


def _range(text: str, one: Callable[[str], int]) -> Range:
    first, colon, last = text.partition(":")
    begin = one(first)
    return begin, one(last) if colon else begin


def _weekday(word: str) -> int:
    if word.lower() not in WEEKDAYS:
        raise ValueError("write a weekday or a range of them, such as monday:friday")
    return WEEKDAYS.index(word.lower())


def _day(word: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,2}", word) or not 1 <= abs(int(word)) <= _LONGEST_MONTH:
        raise ValueError("write a day from 1 to 31 or -31 to -1, or a range, such as 1:15 or -3:-1")
    return int(word)


def _month(word: str) -> int:
    if word.lower() in MONTHS[1:]:
        return MONTHS.index(word.lower())
    if not re.fullmatch(r"[0-9]{1,2}", word) or not 1 <= int(word) <= 12:
        raise ValueError("write a month by name or number, or a range, such as may:august")
    return int(word)


def _year(word: str) -> int:
    if not re.fullmatch(r"[0-9]{4}", word) or not FIRST_YEAR <= int(word) <= LAST_YEAR:
        raise ValueError(f"write a year from {FIRST_YEAR} to {LAST_YEAR}, or a range of them")
    return int(word)


@dataclass(frozen=True, slots=True)
class Opening:
    """`times` are `[start, end)` in minutes of the local day, ordered; empty parts hold always."""

    times: tuple[tuple[int, int], ...] = ((0, DAY),)
    weekdays: tuple[Range, ...] = ()
    days_of_month: tuple[Range, ...] = ()
    months: tuple[Range, ...] = ()
    years: tuple[Range, ...] = ()

    def opens(self, day: date) -> bool:
        """Is there time on this day, holidays aside?"""
        length = calendar.monthrange(day.year, day.month)[1]
        return (
            _holds(self.weekdays, day.isoweekday() % 7)
            and _holds(self.months, day.month)
            and _holds(self.years, day.year)
            and _holds([_in_month(one, length) for one in self.days_of_month], day.day)
        )

    def closed_year(self) -> int | None:
        """The first year without a day on which they open, once they have; None: there is none."""
        alike: dict[tuple[int, bool, bool], bool] = {}
        begun = False
        for year in range(FIRST_YEAR, LAST_YEAR + 1):
            first, leap = date(year, 1, 1), calendar.isleap(year)
            # Years that begin on the same weekday and are as long have the same days.
            kind = (first.weekday(), leap, _holds(self.years, year))
            if kind not in alike:
                alike[kind] = any(self.opens(first + timedelta(n)) for n in range(365 + leap))
            if begun and not alike[kind]:
                return year
            begun |= alike[kind]
        return None if begun else FIRST_YEAR


def _holds(ranges: Iterable[Range], value: int) -> bool:
    listed = tuple(ranges)
    return not listed or any(begin <= value <= end for begin, end in listed)


def _in_month(days: Range, length: int) -> Range:
    """Days from the end counted out; what lies outside the month is cut off."""
    begin, end = (length + 1 + day if day < 0 else day for day in days)
    return max(begin, 1), min(end, length)
