"""Next occurrences with their real minutes, and what the clocks do to them."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from collector.core.preview import MEANINGS, Note, ahead, shown, zones
from probes.config_windows import Window
from probes.times import from_ms, rfc3339
from tests.support.stories import T0, config

DAY = 86_400_000


def window(start: str, end: str, zone: str = "America/New_York", **changes: Any) -> Window:
    return Window.model_validate(
        {
            "id": "w",
            "systems": ["ehr"],
            "start": start,
            "end": end,
            "timezone": zone,
            "proposed": {"by": "p", "at": "2025-12-31T00:00:00Z"},
        }
        | changes
    )


def told(given: Window, since: int = T0, count: int = 3) -> list[tuple[str, int, list[str]]]:
    """(start, real minutes, notes) of each."""
    return [
        (rfc3339(o.start)[:16], o.length_ms // 60_000, [n.value for n in o.notes])
        for o in ahead(given, since, count)
    ]


@pytest.mark.parametrize(
    ("given", "minutes", "notes"),
    [
        (window("2026-03-08T02:00", "2026-03-08T04:00"), 60, ["shorter", "start_skipped"]),
        (window("2026-03-08T01:30", "2026-03-08T02:30"), 60, ["end_skipped"]),
        (window("2026-03-08T01:00", "2026-03-08T04:00"), 120, ["shorter"]),
        (window("2026-03-08T02:30", "2026-03-08T03:15"), 0, ["empty", "start_skipped"]),
        (window("2026-03-08T02:30", "2026-03-08T03:30"), 0, ["empty", "start_skipped"]),
        (window("2026-03-08T01:59:59.999", "2026-03-08T03:00"), 0, ["shorter"]),
        (window("2026-07-01T02:00", "2026-07-01T02:00:00.001"), 0, []),
        (window("2026-11-01T01:30", "2026-11-01T04:00"), 210, ["longer", "start_twice"]),
        (window("2026-11-01T00:30", "2026-11-01T01:30"), 60, ["end_twice"]),
        (window("2026-07-01T02:00", "2026-07-01T04:00"), 120, []),
        (window("2026-03-08T02:00", "2026-03-08T04:00", "America/Phoenix"), 120, []),
        (window("2026-03-29T01:00", "2026-03-29T04:00", "Europe/Berlin"), 120, ["shorter"]),
        (window("2026-10-25T01:00", "2026-10-25T04:00", "Europe/Berlin"), 240, ["longer"]),
        (window("2026-04-05T01:00", "2026-04-05T04:00", "Australia/Lord_Howe"), 210, ["longer"]),
        (window("2026-10-04T01:00", "2026-10-04T04:00", "Australia/Lord_Howe"), 150, ["shorter"]),
    ],
)
def test_the_minutes_are_real_and_odd_nights_are_explained(
    given: Window, minutes: int, notes: list[str]
) -> None:
    ((_, real, said),) = told(given)
    assert (real, said) == (minutes, notes)


US = {
    "2026-03-08": 180, "2026-11-01": 300, "2027-03-14": 180, "2027-11-07": 300,
    "2028-03-12": 180, "2028-11-05": 300,
}  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "odd"),
    [
        ("America/New_York", US),
        ("America/Chicago", US),
        ("America/Phoenix", {}),
        (
            "Europe/Berlin",
            {
                "2026-03-29": 180, "2026-10-25": 300, "2027-03-28": 180, "2027-10-31": 300,
                "2028-03-26": 180, "2028-10-29": 300,
            },
        ),
        (
            "Australia/Lord_Howe",
            {
                "2026-04-05": 270, "2026-10-04": 210, "2027-04-04": 270, "2027-10-03": 210,
                "2028-04-02": 270, "2028-10-01": 210,
            },
        ),
    ],
)  # fmt: skip
def test_three_years_of_nights_from_half_past_midnight_to_half_past_four(
    zone: str, odd: dict[str, int]
) -> None:
    given = window("2026-01-01T00:30", "2026-01-01T04:30", zone, rrule="FREQ=DAILY;COUNT=1096")
    found = ahead(given, T0 - DAY, 2_000)
    assert len(found) == 1_096
    local = [from_ms(one.start, ZoneInfo(zone)) for one in found]
    assert {f"{t:%H:%M}" for t in local} == {"00:30"}
    nights = {
        f"{t:%Y-%m-%d}": one.length_ms // 60_000
        for t, one in zip(local, found, strict=True)
        if one.length_ms != 240 * 60_000
    }
    assert nights == odd


def test_the_next_ones_are_those_that_are_not_over() -> None:
    daily = window("2025-12-30T02:00", "2025-12-30T04:00", "UTC", rrule="FREQ=DAILY")
    two = T0 + 2 * 3_600_000
    assert [t for t, _, _ in told(daily, two, 2)] == ["2026-01-01T02:00", "2026-01-02T02:00"]
    assert [t for t, _, _ in told(daily, two * 1 + 7_200_000, 1)] == ["2026-01-02T02:00"]
    assert told(window("2025-12-30T02:00", "2025-12-30T04:00")) == []


def test_an_empty_one_is_over_just_after_its_start() -> None:
    empty = window("2026-03-08T02:30", "2026-03-08T03:15")
    begins = 1_772_955_000_000  # 2026-03-08T07:30Z
    assert told(empty, begins) == [("2026-03-08T07:30", 0, ["empty", "start_skipped"])]
    assert told(empty, begins + 1) == []


def test_the_last_one_is_that_of_until_in_the_windows_zone() -> None:
    nightly = window(
        "2026-01-03T22:00", "2026-01-03T23:00", rrule="FREQ=DAILY;UNTIL=20260106T020000Z"
    )
    assert [t for t, _, _ in told(nightly)] == ["2026-01-04T03:00", "2026-01-05T03:00"]


def test_four_thousand_days_ahead_are_those_of_the_windows_zone() -> None:
    kiritimati = "Pacific/Kiritimati"  # 14 hours ahead of UTC
    seldom = window(
        "2025-12-31T07:00", "2025-12-31T08:00", kiritimati, rrule="FREQ=DAILY;INTERVAL=4001"
    )
    assert [t for t, _, _ in told(seldom)] == ["2036-12-13T17:00"]


def test_what_recurs_seldom_is_looked_for_further_ahead() -> None:
    yearly = window("2026-01-05T02:00", "2026-01-05T04:00", "UTC", rrule="FREQ=YEARLY")
    assert [t[:10] for t, _, _ in told(yearly, T0, 4)] == [
        "2026-01-05",
        "2027-01-05",
        "2028-01-05",
        "2029-01-05",
    ]


def test_excluded_dates_are_not_shown() -> None:
    given = window(
        "2026-01-05T02:00", "2026-01-05T04:00", "UTC",
        rrule="FREQ=DAILY", exdate=["2026-01-06T02:00"],
    )  # fmt: skip
    assert [t[:10] for t, _, _ in told(given, T0, 2)] == ["2026-01-05", "2026-01-07"]


def test_every_zone_of_the_organization_is_shown_once() -> None:
    used = config(
        sites={
            "north": {"name": "North"},
            "south": {"name": "South", "timezone": "Europe/Berlin"},
        }
    )
    given = window("2026-01-05T02:00", "2026-01-05T04:00")
    assert zones(given, used) == ("America/New_York", "UTC", "Europe/Berlin")
    (one,) = shown(ahead(given, T0, 1), zones(given, used))
    assert one["local"] == {
        "America/New_York": ["2026-01-05T02:00-05:00", "2026-01-05T04:00-05:00"],
        "UTC": ["2026-01-05T07:00+00:00", "2026-01-05T09:00+00:00"],
        "Europe/Berlin": ["2026-01-05T08:00+01:00", "2026-01-05T10:00+01:00"],
    }


def test_what_is_shown_of_one_is_whole_minutes_and_instants() -> None:
    given = window("2026-03-08T01:59:30", "2026-03-08T03:59:30")
    assert shown(ahead(given, T0, 1), ["UTC"]) == [
        {
            "start": "2026-03-08T06:59:30.000Z",
            "end": "2026-03-08T07:59:30.000Z",
            "real_minutes": 60,
            "notes": ["shorter"],
            "local": {"UTC": ["2026-03-08T06:59+00:00", "2026-03-08T07:59+00:00"]},
        }
    ]
    (one,) = shown(ahead(window("2026-07-01T02:00", "2026-07-08T01:59:59"), T0, 1), [])
    assert one["real_minutes"] == 10_079


def test_every_note_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Note)
