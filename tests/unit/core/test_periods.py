"""Periods: from the first instant of the first local day to that of the next, on any clock."""

from __future__ import annotations

import zoneinfo
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core import periods
from collector.core.periods import period
from probes.times import from_ms, parse_datetime, rfc3339, to_ms

ZONES = ("America/Chicago", "America/Phoenix", "Australia/Lord_Howe", "America/Havana", "UTC")


def ms(text: str) -> int:
    return to_ms(parse_datetime(text), ZoneInfo("UTC"))


def told(text: str, now: str, zone: str) -> tuple[str, str, int]:
    """Start, end and whole minutes."""
    one = period(text, ms(now), ZoneInfo(zone))
    assert one.length % 60_000 == 0
    return rfc3339(one.start)[:16], rfc3339(one.end)[:16], one.length // 60_000


JULY = "2026-07-15T12:00:00Z"


@pytest.mark.parametrize(
    ("text", "zone", "start", "end", "minutes"),
    [
        ("2026-01", "America/Chicago", "2026-01-01T06:00", "2026-02-01T06:00", 44_640),
        ("2026-07", "America/Chicago", "2026-07-01T05:00", "2026-08-01T05:00", 44_640),
        ("2026-03", "America/Chicago", "2026-03-01T06:00", "2026-04-01T05:00", 44_580),
        ("2026-11", "America/Chicago", "2026-11-01T05:00", "2026-12-01T06:00", 43_260),
        ("2026-12", "America/Chicago", "2026-12-01T06:00", "2027-01-01T06:00", 44_640),
        ("2026-03", "America/Phoenix", "2026-03-01T07:00", "2026-04-01T07:00", 44_640),
        ("2026-03", "Europe/Berlin", "2026-02-28T23:00", "2026-03-31T22:00", 44_580),
        ("2026-10", "Europe/Berlin", "2026-09-30T22:00", "2026-10-31T23:00", 44_700),
        # half an hour: +11:00 in summer, +10:30 in winter
        ("2026-04", "Australia/Lord_Howe", "2026-03-31T13:00", "2026-04-30T13:30", 43_230),
        ("2026-10", "Australia/Lord_Howe", "2026-09-30T13:30", "2026-10-31T13:00", 44_610),
        ("2024-02", "UTC", "2024-02-01T00:00", "2024-03-01T00:00", 41_760),
        # midnight of the first of October 2023 did not exist there: 00:00 was 01:00
        ("2023-10", "America/Asuncion", "2023-10-01T04:00", "2023-11-01T03:00", 44_580),
        ("2023-09", "America/Asuncion", "2023-09-01T04:00", "2023-10-01T04:00", 43_200),
        # midnight of the first of November 2020 happened twice there: the first counts
        ("2020-11", "America/Havana", "2020-11-01T04:00", "2020-12-01T05:00", 43_260),
        ("2020-10", "America/Havana", "2020-10-01T04:00", "2020-11-01T04:00", 44_640),
        # the day clocks went forward at midnight, inside the month
        ("2018-11", "America/Sao_Paulo", "2018-11-01T03:00", "2018-12-01T02:00", 43_140),
        ("2026-04", "Africa/Cairo", "2026-03-31T22:00", "2026-04-30T21:00", 43_140),
        ("2026-Q1", "America/Chicago", "2026-01-01T06:00", "2026-04-01T05:00", 129_540),
        ("2026-Q4", "America/Chicago", "2026-10-01T05:00", "2027-01-01T06:00", 132_540),
        ("2026", "America/Chicago", "2026-01-01T06:00", "2027-01-01T06:00", 525_600),
        ("2024", "Australia/Lord_Howe", "2023-12-31T13:00", "2024-12-31T13:00", 527_040),
        ("2026-W31", "America/Chicago", "2026-07-27T05:00", "2026-08-03T05:00", 10_080),
        ("2026-W10", "America/Chicago", "2026-03-02T06:00", "2026-03-09T05:00", 10_020),
        ("2026-W01", "UTC", "2025-12-29T00:00", "2026-01-05T00:00", 10_080),
        ("2026-W53", "UTC", "2026-12-28T00:00", "2027-01-04T00:00", 10_080),
    ],
)
def test_a_period_written_out_runs_from_first_instant_to_first_instant(
    text: str, zone: str, start: str, end: str, minutes: int
) -> None:
    assert told(text, JULY, zone) == (start, end, minutes)


@pytest.mark.parametrize(
    ("text", "now", "zone", "start", "end"),
    [
        ("month", JULY, "America/Chicago", "2026-07-01T05:00", "2026-08-01T05:00"),
        # in Chicago it is still June, in Lord Howe the next day
        ("month", "2026-07-01T04:59:59Z", "America/Chicago", "2026-06-01T05:00", "2026-07-01T05:00"),
        ("month", "2026-07-01T05:00:00Z", "America/Chicago", "2026-07-01T05:00", "2026-08-01T05:00"),
        ("month", "2026-06-30T14:00:00Z", "Australia/Lord_Howe", "2026-06-30T13:30", "2026-07-31T13:30"),
        # the second midnight of that day is still in it
        ("month", "2020-11-01T04:59:59Z", "America/Havana", "2020-11-01T04:00", "2020-12-01T05:00"),
        ("month", "2020-11-01T05:00:00Z", "America/Havana", "2020-11-01T04:00", "2020-12-01T05:00"),
        ("quarter", JULY, "America/Phoenix", "2026-07-01T07:00", "2026-10-01T07:00"),
        ("quarter", "2026-12-31T12:00:00Z", "UTC", "2026-10-01T00:00", "2027-01-01T00:00"),
        ("year", JULY, "America/Phoenix", "2026-01-01T07:00", "2027-01-01T07:00"),
        ("week", "2026-07-27T04:59:59Z", "America/Chicago", "2026-07-20T05:00", "2026-07-27T05:00"),
        ("week", "2026-07-27T05:00:00Z", "America/Chicago", "2026-07-27T05:00", "2026-08-03T05:00"),
        ("week", "2026-01-01T12:00:00Z", "UTC", "2025-12-29T00:00", "2026-01-05T00:00"),
        # 720 hours by the clock of nobody, over a change of local time
        ("30d", "2026-03-20T12:00:00Z", "America/Chicago", "2026-02-18T12:00", "2026-03-20T12:00"),
    ],
)  # fmt: skip
def test_a_period_by_name_holds_now(text: str, now: str, zone: str, start: str, end: str) -> None:
    assert told(text, now, zone)[:2] == (start, end)


@pytest.mark.parametrize(
    "text",
    ["", "day", "Month", "2026-7", "2026-13", "2026-00", "2026-Q5", "2026-Q0", "2026-W00",
     "2025-W53", "2026-W54", "1969", "9001-01", "2026-07-01", "٢٠٢٦", "2026-07\n", "31d"],
)  # fmt: skip
def test_what_is_no_period_is_an_error_that_says_what_may_be_written(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(write month, quarter, year|a month is|a week is)"):
        period(text, ms(JULY), ZoneInfo("UTC"))


def test_a_month_begins_at_the_first_instant_of_its_first_day_in_every_zone() -> None:
    for name in sorted(zoneinfo.available_timezones()):
        zone = ZoneInfo(name)
        for year in range(2015, 2031):
            for month in range(1, 13):
                first = datetime(year, month, 1).date()
                start = period(f"{year}-{month:02d}", 0, zone).start
                assert from_ms(start, zone).date() == first, (name, first)
                assert from_ms(start - 1, zone).date() < first, (name, first)


@given(
    st.sampled_from(ZONES),
    st.integers(ms("1990-01-01T00:00:00Z"), ms("2035-01-01T00:00:00Z")),
    st.integers(1, 400 * 86_400_000),
)
def test_months_and_weeks_follow_each_other_without_a_gap(zone: str, t: int, length: int) -> None:
    for found in (
        list(periods.months(t, t + length, ZoneInfo(zone))),
        list(periods.weeks(t, t + length, ZoneInfo(zone))),
    ):
        assert found[0].start <= t < found[0].end
        assert found[-1].start < t + length <= found[-1].end
        assert all(left.end == right.start for left, right in pairwise(found))


@given(st.sampled_from(ZONES), st.integers(0, ms("2040-01-01T00:00:00Z")))
def test_named_periods_hold_the_instant_and_nest(zone: str, t: int) -> None:
    here = ZoneInfo(zone)
    inner, middle, outer = (period(name, t, here) for name in ("month", "quarter", "year"))
    assert outer.start <= middle.start <= inner.start <= t < inner.end <= middle.end <= outer.end
