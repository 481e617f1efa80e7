"""When a job is due by cron, in the nights clocks change above all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import cron

CHICAGO = "America/Chicago"


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def dues(expression: str, zone: str, start: str, end: str) -> list[str]:
    """Of a span in UTC, in order."""
    found: list[int] = []
    for at in cron.dues_before(expression, ZoneInfo(zone), ms(end)):
        if at < ms(start):
            break
        found.append(at)
    return [f"{datetime.fromtimestamp(at / 1000, UTC):%dT%H:%M}" for at in reversed(found)]


@pytest.mark.parametrize(
    ("expression", "zone", "start", "end", "expected"),
    [
        pytest.param(
            "30 2 * * *", CHICAGO, "2026-03-07T06:00", "2026-03-10T06:00",
            ["07T08:30", "08T08:00", "09T07:30"], id="a time that is not comes right after the gap",
        ),
        pytest.param(
            "30 1 * * *", CHICAGO, "2026-10-31T05:00", "2026-11-03T06:00",
            ["31T06:30", "01T06:30", "02T07:30"], id="a time that comes twice is due the first time",
        ),
        pytest.param(
            "*/30 * * * *", CHICAGO, "2026-03-08T07:30", "2026-03-08T09:00",
            ["08T07:30", "08T08:00", "08T08:30"], id="real time over the gap",
        ),
        pytest.param(
            "*/30 * * * *", CHICAGO, "2026-11-01T06:00", "2026-11-01T08:01",
            ["01T06:00", "01T06:30", "01T07:00", "01T07:30", "01T08:00"], id="real time, both hours",
        ),
        pytest.param(
            "0 2,3 * * *", CHICAGO, "2026-03-08T06:00", "2026-03-08T12:00",
            ["08T08:00"], id="two times that fall together are due once",
        ),
        pytest.param(
            "15 1 * * *", CHICAGO, "2026-11-01T06:00", "2026-11-01T08:00",
            ["01T06:15"], id="found from within the hour that comes twice",
        ),
        pytest.param(
            "0 5 * * 1-5", CHICAGO, "2026-07-02T00:00", "2026-07-07T00:00",
            ["02T10:00", "03T10:00", "06T10:00"], id="working days",
        ),
        pytest.param(
            "0 0 1 * *", "Asia/Kolkata", "2026-07-01T00:00", "2026-09-01T00:00",
            ["31T18:30", "31T18:30"], id="a month begins by the zone's own midnight",
        ),
        pytest.param(
            "0 2 * * *", "Australia/Lord_Howe", "2026-10-02T12:00", "2026-10-05T12:00",
            ["02T15:30", "03T15:30", "04T15:00"], id="a gap of half an hour",
        ),
        pytest.param(
            "0 12 29 2 *", "UTC", "2023-01-01T00:00", "2029-01-01T00:00",
            ["29T12:00", "29T12:00"], id="leap days",
        ),
    ],
)  # fmt: skip
def test_the_instants_are(
    expression: str, zone: str, start: str, end: str, expected: list[str]
) -> None:
    assert dues(expression, zone, start, end) == expected


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "five fields"),
        ("0 5 * *", "five fields"),
        ("0 0 5 * * *", "five fields"),
        ("61 5 * * *", "five fields"),
        ("@daily", "five fields"),
        ("L/2 5 * * *", "five fields"),
        ("0 0 30 2 *", "five fields"),
        ("0 0 31 4,6 */7#5", "five fields"),
    ],
)
def test_what_is_no_time_of_cron_says_what_to_write(expression: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        cron.check(expression)


FIELDS = st.sampled_from(["*", "*/7", "*/20", "0", "15", "30", "59", "1,45"])
HOURS = st.sampled_from(["*", "*/2", "0", "1", "2", "3", "1-3", "2,14", "23"])
DAYS = st.sampled_from(["* * *", "* * 0", "1 * *", "* 3,10,11 *", "*/5 * *", "* * 1-5"])
ZONES = st.sampled_from(
    [CHICAGO, "Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Antarctica/Troll", "UTC"]
)


@given(
    st.tuples(FIELDS, HOURS, DAYS).map(" ".join),
    ZONES,
    st.sampled_from(
        ["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01"]
    ),
    st.integers(-24 * 60, 36 * 60),
    st.integers(1, 12 * 60),
)
def test_whenever_one_asks_the_same_instants_are_due(
    expression: str, zone: str, night: str, after: int, minutes: int
) -> None:
    """What is found looking back from later holds when looked at from within, around the nights."""
    place = ZoneInfo(zone)
    until_ms = ms(f"{night}T00:00") + after * 60_000
    later = until_ms + minutes * 60_000
    far = list(islice(cron.dues_before(expression, place, later), 50))
    assert far == sorted(set(far), reverse=True)
    near = list(islice(cron.dues_before(expression, place, until_ms), 3))
    known = [at for at in far if at < until_ms][:3]
    assert near[: len(known)] == known


@given(st.tuples(FIELDS, HOURS).map(" ".join), st.integers(0, 364))
def test_of_no_night_is_a_job_forgotten(expression: str, day: int) -> None:
    """A job of every day runs on each, however long that day is."""
    zone = ZoneInfo(CHICAGO)
    start = datetime(2026, 1, 1, 12, tzinfo=zone) + timedelta(days=day)
    end = start + timedelta(days=1)
    span = int(start.timestamp()) * 1000, int(end.timestamp()) * 1000
    last = next(cron.dues_before(f"{expression} * * *", zone, span[1]))
    assert last >= span[0] - 1


@given(st.text(st.characters(codec="ascii"), max_size=30))
def test_any_text_is_a_time_of_cron_or_says_what_to_write(text: str) -> None:
    try:
        cron.check(text)
    except ValueError:
        return
    assert next(cron.dues_before(text, ZoneInfo(CHICAGO), ms("2026-06-01T00:00"))) > 0
