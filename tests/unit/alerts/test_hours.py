"""Business time: instants written out around clock changes, weekends, holidays and year ends.

Chicago is UTC-6, UTC-5 from 2026-03-08 08:00Z to 2026-11-01 07:00Z; Berlin is UTC+1, UTC+2 from
2026-03-29 01:00Z to 2026-10-25 01:00Z.
"""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from alerts.hours import SEARCHED_DAYS, Hours, add_business
from probes import amounts, opening
from probes.config_hours import OFFICE
from probes.opening import Opening
from probes.times import parse_datetime, rfc3339, to_ms

CHICAGO, BERLIN, UTC = ZoneInfo("America/Chicago"), ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
CLOSED = {
    date(2026, 11, 26),  # Thanksgiving, a Thursday
    date(2026, 12, 25),  # a Friday
    date(2027, 1, 1),  # a Friday
}


def times(text: str) -> tuple[tuple[int, int], ...]:
    """`"09:00-12:00 13:00-17:00"`."""
    ends = (part.split("-") for part in text.split())
    return tuple((opening.clock(start), opening.clock(end)) for start, end in ends)


WEEK = ((1, 5),)
KINDS = {
    "office": OFFICE.rule,
    "always": Opening(),
    "split": Opening(times("08:00-12:00 13:00-17:00"), WEEK),
    "night": Opening(times("00:00-06:00 22:00-24:00")),
    "early": Opening(times("01:00-04:00")),
    "saturday": Opening(times("10:00-14:00"), ((6, 6),)),
    "last": Opening(times("09:00-17:00"), days_of_month=((-1, -1),)),
}


def hours(kind: str, zone: ZoneInfo) -> Hours:
    return Hours(
        KINDS[kind], zone, lambda year: frozenset(day for day in CLOSED if day.year == year)
    )


def instant(text: str) -> int:
    return to_ms(parse_datetime(text), UTC)


TABLE = """\
# Chicago, inside a day and over its end (winter: 09:00 is 15:00Z, 17:00 is 23:00Z)
Chicago office 2026-01-07T16:00 4bh 2026-01-07T20:00
Chicago office 2026-01-07T15:00 8bh 2026-01-07T23:00
Chicago office 2026-01-07T22:00 4bh 2026-01-08T18:00
Chicago office 2026-01-07T09:00 1bh 2026-01-07T16:00
Chicago office 2026-01-07T23:00 1bh 2026-01-08T16:00
# over a weekend
Chicago office 2026-01-09T22:30 1bh 2026-01-12T15:30
Chicago office 2026-01-10T12:00 8bh 2026-01-12T23:00
Chicago office 2026-01-09T18:00 1bd 2026-01-12T18:00
Chicago office 2026-01-10T18:00 1bd 2026-01-12T23:00
# one business day: the same local time, held inside that day's hours
Chicago office 2026-01-07T16:15 1bd 2026-01-08T16:15
Chicago office 2026-01-08T03:00 1bd 2026-01-08T23:00
Chicago office 2026-01-07T12:00 1bd 2026-01-08T15:00
Chicago office 2026-01-07T16:15 3bd 2026-01-12T16:15
Chicago split 2026-01-07T18:30 1bd 2026-01-08T19:00
# the night of spring: Friday before, Monday after, an hour earlier in UTC
Chicago office 2026-03-06T22:00 2bh 2026-03-09T15:00
Chicago office 2026-03-06T18:00 1bd 2026-03-09T17:00
Chicago always 2026-03-08T07:00 3bh 2026-03-08T10:00
Chicago always 2026-03-07T18:00 1bd 2026-03-08T17:00
Chicago always 2026-03-07T08:30 1bd 2026-03-08T08:30
Chicago early 2026-03-08T06:00 1bh 2026-03-08T08:00
Chicago early 2026-03-08T06:00 2bh 2026-03-08T09:00
Chicago early 2026-03-08T06:00 3bh 2026-03-09T07:00
# the night of autumn: 01:00 to 04:00 has four hours
Chicago early 2026-11-01T05:00 4bh 2026-11-01T10:00
Chicago early 2026-11-01T05:00 5bh 2026-11-02T08:00
Chicago office 2026-10-30T21:00 2bh 2026-11-02T16:00
Chicago office 2026-10-30T18:00 1bd 2026-11-02T19:00
Chicago always 2026-10-31T06:30 1bd 2026-11-01T06:30
Chicago always 2026-11-01T07:30 1bd 2026-11-02T07:30
# holidays, the week between the years
Chicago office 2026-11-25T22:00 2bh 2026-11-27T16:00
Chicago office 2026-11-25T18:00 1bd 2026-11-27T18:00
Chicago office 2026-11-26T18:00 1bd 2026-11-27T23:00
Chicago office 2026-12-24T22:00 2bh 2026-12-28T16:00
Chicago office 2026-12-31T22:00 2bh 2027-01-04T16:00
Chicago office 2026-12-31T18:00 1bd 2027-01-04T18:00
Chicago always 2026-12-25T05:00 2bh 2026-12-26T07:00
# split shifts: 08:00 to 12:00, 13:00 to 17:00
Chicago split 2026-01-07T17:00 2bh 2026-01-07T20:00
Chicago split 2026-01-07T14:00 4bh 2026-01-07T18:00
Chicago split 2026-01-07T18:30 4bh 2026-01-07T23:00
Chicago split 2026-01-07T14:00 8bh 2026-01-07T23:00
Chicago split 2026-01-07T14:00 9bh 2026-01-08T15:00
# two ends of the night are one
Chicago night 2026-01-08T03:00 4bh 2026-01-08T08:00
Chicago night 2026-01-07T05:00 8bh 2026-01-08T05:00
# rare days
Chicago saturday 2026-01-10T17:00 4bh 2026-01-17T17:00
Chicago saturday 2026-01-10T17:00 1bd 2026-01-17T17:00
Chicago last 2026-01-31T22:00 2bh 2026-02-28T16:00
# Berlin (winter: 09:00 is 08:00Z, summer: 07:00Z)
Berlin office 2026-03-27T15:00 2bh 2026-03-30T08:00
Berlin office 2026-03-27T10:00 1bd 2026-03-30T09:00
Berlin early 2026-03-29T00:00 2bh 2026-03-29T02:00
Berlin early 2026-03-29T00:00 3bh 2026-03-30T00:00
Berlin office 2026-10-23T14:00 2bh 2026-10-26T09:00
Berlin office 2026-10-23T10:00 1bd 2026-10-26T11:00
Berlin early 2026-10-24T22:00 4bh 2026-10-25T03:00
Berlin always 2026-10-24T10:00 1bd 2026-10-25T11:00
Berlin office 2026-12-31T15:30 1bh 2027-01-04T08:30
Berlin split 2026-07-01T09:30 4bh 2026-07-01T14:30
# durations need no hours
Berlin office 2026-10-24T22:00 24h 2026-10-25T22:00
Chicago saturday 2026-01-07T16:00 1h30m 2026-01-07T17:30
"""
ROWS = [row.split() for row in TABLE.splitlines() if not row.startswith("#")]


@pytest.mark.parametrize(("zone", "kind", "start", "amount", "due"), ROWS)
def test_business_time_is_due_at_this_instant(
    zone: str, kind: str, start: str, amount: str, due: str
) -> None:
    place = {"Chicago": CHICAGO, "Berlin": BERLIN}[zone]
    found = add_business(instant(start), amounts.parse(amount), hours(kind, place))
    assert rfc3339(found) == f"{due}:00.000Z"


def test_a_business_day_is_the_same_local_time_of_the_next_open_day_or_the_end_of_it() -> None:
    used = hours("office", CHICAGO)
    day = amounts.parse("1bd")
    assert add_business(instant("2026-01-09T17:30"), day, used) == instant("2026-01-12T17:30")
    # 18:00 on Friday in Chicago: they end at 17:00 on Monday
    assert add_business(instant("2026-01-10T00:00"), day, used) == instant("2026-01-12T23:00")


def test_a_business_day_that_would_end_while_closed_ends_when_they_open_on_that_day() -> None:
    day = amounts.parse("1bd")
    # 06:00 in Chicago
    found = add_business(instant("2026-01-07T12:00"), day, hours("office", CHICAGO))
    assert found == instant("2026-01-08T15:00")
    # 12:30, between two shifts
    found = add_business(instant("2026-01-07T18:30"), day, hours("split", CHICAGO))
    assert found == instant("2026-01-08T19:00")


def test_shifts_that_a_clock_change_turns_round_or_lays_over_each_other_count_once() -> None:
    # 02:30 does not exist: with the offset before it, it is 03:30, after 03:00
    turned = Hours(Opening(times("02:30-03:00 03:00-04:00")), CHICAGO)
    assert [(rfc3339(i.start), rfc3339(i.end)) for i in turned.on(date(2026, 3, 8))] == [
        ("2026-03-08T08:00:00.000Z", "2026-03-08T09:00:00.000Z")
    ]
    over = Hours(Opening(times("02:00-02:45 03:00-04:00")), CHICAGO)
    assert [(rfc3339(i.start), rfc3339(i.end)) for i in over.on(date(2026, 3, 8))] == [
        ("2026-03-08T08:00:00.000Z", "2026-03-08T09:00:00.000Z")
    ]
    gone = Hours(Opening(times("02:00-03:00")), CHICAGO)
    assert gone.on(date(2026, 3, 8)) == ()
    # a day of which nothing is left is no business day
    due = add_business(instant("2026-03-07T08:30"), amounts.parse("1bd"), gone)
    assert rfc3339(due) == "2026-03-09T07:30:00.000Z"


def test_where_nothing_opens_it_is_due_at_the_end_of_the_days_looked_for() -> None:
    never = Hours(Opening(), UTC, lambda year: frozenset(_all_of(year)))
    start = instant("2026-01-07T12:00")
    for amount in ("1bh", "1bd"):
        due = add_business(start, amounts.parse(amount), never)
        assert due == start + SEARCHED_DAYS * 86_400_000


def _all_of(year: int) -> list[date]:
    first = date(year, 1, 1).toordinal()
    return [date.fromordinal(n) for n in range(first, date(year + 1, 1, 1).toordinal())]
