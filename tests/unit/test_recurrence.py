from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from probes.recurrence import local_starts, parse

CHICAGO = ZoneInfo("America/Chicago")


def starts(start: str, rule: str | None, until: str, *exdate: str) -> list[str]:
    found = local_starts(
        datetime.fromisoformat(start),
        rule,
        [datetime.fromisoformat(text) for text in exdate],
        CHICAGO,
        datetime.fromisoformat(until),
    )
    return [value.isoformat(timespec="minutes") for value in found]


def test_without_a_rule_there_is_one_start() -> None:
    assert starts("2026-01-05T02:00", None, "2030-01-01T00:00") == ["2026-01-05T02:00"]
    assert starts("2026-01-05T02:00", None, "2026-01-05T02:00") == ["2026-01-05T02:00"]
    assert starts("2026-01-05T02:00", None, "2026-01-05T01:59") == []


def test_a_weekly_rule_keeps_the_wall_clock_across_both_changes_of_time() -> None:
    rule = "FREQ=WEEKLY;BYDAY=SU"
    assert starts("2026-03-01T02:30", rule, "2026-03-15T23:00") == [
        "2026-03-01T02:30",
        "2026-03-08T02:30",
        "2026-03-15T02:30",
    ]
    assert starts("2026-10-25T01:30", rule, "2026-11-08T23:00")[1] == "2026-11-01T01:30"


def test_excluded_days_are_left_out_and_still_counted() -> None:
    assert starts(
        "2026-01-05T02:00", "FREQ=DAILY;COUNT=3", "2027-01-01T00:00", "2026-01-06T02:00"
    ) == [
        "2026-01-05T02:00",
        "2026-01-07T02:00",
    ]


def test_until_is_an_instant_in_utc_and_included() -> None:
    at_two = "FREQ=DAILY;UNTIL=20260107T080000Z"
    before = "FREQ=DAILY;UNTIL=20260107T075959Z"
    assert starts("2026-01-05T02:00", at_two, "2027-01-01T00:00")[-1] == "2026-01-07T02:00"
    assert starts("2026-01-05T02:00", before, "2027-01-01T00:00")[-1] == "2026-01-06T02:00"


def test_the_start_is_the_first_occurrence_even_off_the_rule_and_counts() -> None:
    assert starts("2026-01-05T02:00", "FREQ=WEEKLY;BYDAY=TU;COUNT=2", "2027-01-01T00:00") == [
        "2026-01-05T02:00",
        "2026-01-06T02:00",
    ]


@pytest.mark.parametrize(
    ("rule", "second"),
    [
        ("FREQ=MONTHLY", "2026-03-31T02:00"),
        ("FREQ=MONTHLY;BYDAY=-1FR", "2026-02-27T02:00"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1", "2026-02-02T02:00"),
        ("FREQ=MONTHLY;BYMONTH=6;BYMONTHDAY=10", "2026-06-10T02:00"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2028-02-29T02:00"),
        ("FREQ=DAILY;BYMONTHDAY=-1", "2026-02-28T02:00"),
        ("FREQ=DAILY;BYMONTH=4;BYDAY=MO", "2026-04-06T02:00"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SA,SU;WKST=SU", "2026-02-08T02:00"),
        ("FREQ=WEEKLY;BYMONTH=5", "2026-05-02T02:00"),
    ],
)
def test_rules_repeat_as_rfc_5545_says(rule: str, second: str) -> None:
    assert starts("2026-01-31T02:00", rule, "2029-01-01T00:00")[1] == second


def test_a_rule_that_never_matches_ends_quickly() -> None:
    assert starts("2026-01-05T02:00", "FREQ=DAILY;INTERVAL=7;BYDAY=TU", "2027-01-01T00:00") == [
        "2026-01-05T02:00"
    ]


def test_milliseconds_of_the_start_are_kept() -> None:
    found = starts("2026-01-05T02:00:00.005", "FREQ=DAILY", "2026-01-06T02:00:00.005")
    assert len(found) == 2


@pytest.mark.parametrize(
    "rule",
    ["FREQ=MONTHLY;BYDAY=SU,2WE", "FREQ=MONTHLY;BYDAY=-1FR,MO", "FREQ=YEARLY;BYDAY=MO,TU,20WE"],
)
def test_plain_and_numbered_days_at_once_are_refused_for_readers_differ_about_them(
    rule: str,
) -> None:
    """RFC 5545 3.3.10: the days listed, whichever way. dateutil: such as are both."""
    with pytest.raises(ValueError, match="write two windows for SU,2WE"):
        parse(rule)
    with pytest.raises(ValueError, match="write two windows for SU,2WE"):
        starts("2026-01-04T02:00", rule, "2027-01-01T00:00")
    assert parse("FREQ=MONTHLY;BYDAY=1SU,2WE").days == ((1, 6), (2, 2))
    assert parse("FREQ=MONTHLY;BYDAY=SU,WE").days == ((None, 6), (None, 2))


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "DAILY",
        "FREQ=HOURLY",
        "INTERVAL=2",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=1,2",
        "FREQ=DAILY;COUNT=2;UNTIL=20260101T000000Z",
        "FREQ=DAILY;UNTIL=20260101T000000",
        "FREQ=DAILY;UNTIL=20260101",
        "FREQ=DAILY;UNTIL=20261301T000000Z",
        "FREQ=DAILY;BYHOUR=3",
        "FREQ=WEEKLY;BYDAY=1MO",
        "FREQ=WEEKLY;BYMONTHDAY=3",
        "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=1",
        "FREQ=MONTHLY;BYDAY=XX",
        "FREQ=MONTHLY;BYDAY=0MO",
        "FREQ=MONTHLY;BYDAY=6MO",
        "FREQ=MONTHLY;BYMONTHDAY=32",
        "FREQ=YEARLY;BYMONTH=13",
        "FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=31",
        "FREQ=WEEKLY;WKST=8",
    ],
)
def test_what_is_no_rule_of_ours_is_refused(rule: str) -> None:
    with pytest.raises(ValueError):
        parse(rule)
