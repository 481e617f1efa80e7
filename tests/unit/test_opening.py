"""Opening hours in Alertmanager's words: which ranges there are, and which days they hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from probes import opening
from probes.opening import Opening


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (opening.clock, "00:00", 0),
        (opening.clock, "09:30", 570),
        (opening.clock, "24:00", 1440),
        (opening.weekdays, "monday:friday", (1, 5)),
        (opening.weekdays, "Saturday", (6, 6)),
        (opening.weekdays, "sunday:saturday", (0, 6)),
        (opening.days_of_month, "1:5", (1, 5)),
        (opening.days_of_month, "-3:-1", (-3, -1)),
        (opening.days_of_month, "15:-1", (15, -1)),
        (opening.days_of_month, "31:-1", (31, -1)),
        (opening.months, "may:august", (5, 8)),
        (opening.months, "1:3", (1, 3)),
        (opening.months, "december", (12, 12)),
        (opening.years, "2026:2030", (2026, 2030)),
        (opening.years, "2026", (2026, 2026)),
    ],
)
def test_words_and_ranges_are_read(read: Callable[[str], object], text: str, value: object) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (opening.clock, "9:00"),
        (opening.clock, "24:01"),
        (opening.clock, "12:60"),
        (opening.weekdays, "mon"),
        (opening.weekdays, "friday:monday"),
        (opening.weekdays, "monday:sunday"),
        (opening.weekdays, "monday:"),
        (opening.days_of_month, "0"),
        (opening.days_of_month, "32"),
        (opening.days_of_month, "-32"),
        (opening.days_of_month, "5:1"),
        (opening.days_of_month, "-1:-3"),
        (opening.days_of_month, "-3:5"),
        (opening.days_of_month, "31:-2"),
        (opening.months, "13"),
        (opening.months, ""),
        (opening.months, "may:april"),
        (opening.years, "26"),
        (opening.years, "2030:2026"),
        (opening.years, "2200"),
    ],
)
def test_what_is_no_range_is_refused(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(ValueError, match=r"^(write|a range)"):
        read(text)


def days(rule: Opening, year: int, month: int) -> list[int]:
    return [n for n in range(1, 29) if rule.opens(date(year, month, n))]


@pytest.mark.parametrize(
    ("rule", "year", "month", "found"),
    [
        # 2026-02-01 is a Sunday
        (Opening(weekdays=((1, 2), (5, 5))), 2026, 2, [2, 3, 6, 9, 10, 13, 16, 17, 20, 23, 24, 27]),
        (Opening(weekdays=((0, 0), (6, 6))), 2026, 2, [1, 7, 8, 14, 15, 21, 22, 28]),
        (Opening(days_of_month=((-3, -1),)), 2026, 2, [26, 27, 28]),
        (Opening(days_of_month=((27, 31),)), 2026, 2, [27, 28]),
        (Opening(days_of_month=((1, 2), (25, -3))), 2026, 2, [1, 2, 25, 26]),
        (Opening(days_of_month=((1, 7),), weekdays=((3, 3),)), 2026, 2, [4]),
        (Opening(months=((3, 5),), days_of_month=((1, 1),)), 2026, 2, []),
        (Opening(months=((1, 2),), days_of_month=((1, 1),)), 2026, 2, [1]),
        (Opening(years=((2025, 2025),)), 2026, 2, []),
    ],
)
def test_what_is_given_holds_together(
    rule: Opening, year: int, month: int, found: list[int]
) -> None:
    assert days(rule, year, month) == found


@pytest.mark.parametrize(
    ("rule", "year"),
    [
        (Opening(), None),
        (Opening(weekdays=((1, 5),)), None),
        (Opening(days_of_month=((31, 31),)), None),
        (Opening(days_of_month=((29, 29),), months=((2, 2),)), 1973),
        (Opening(days_of_month=((30, 30),), months=((2, 2),)), 1970),
        (Opening(years=((2026, 2030),)), 2031),
        (Opening(years=((2026, 2199),)), None),
        (Opening(years=((2026, 2026), (2028, 2199))), 2027),
        # New Year's Day on a Friday
        (Opening(months=((1, 1),), days_of_month=((1, 1),), weekdays=((5, 5),)), 1972),
    ],
)
def test_a_year_in_which_nothing_opens_is_found(rule: Opening, year: int | None) -> None:
    assert rule.closed_year() == year
