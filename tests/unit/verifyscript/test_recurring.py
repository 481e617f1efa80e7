"""Recurrence rules as the script follows them, against dateutil by way of our own windows."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.verifyscript.recurring import NotKnownHere, occurrences_of, zone_of
from probes import recurrence, times
from tests.support.soak import longer

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@st.composite
def rules(draw: st.DrawFn) -> str:
    freq = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = {"FREQ": freq}
    if draw(st.booleans()):
        parts["INTERVAL"] = str(draw(st.integers(1, 4)))
    end = draw(st.sampled_from(["", "", "COUNT", "UNTIL"]))
    if end == "COUNT":
        parts["COUNT"] = str(draw(st.integers(1, 9)))
    if end == "UNTIL":
        until = datetime(2026, 1, 1) + timedelta(hours=draw(st.integers(0, 30_000)))
        parts["UNTIL"] = f"{until:%Y%m%dT%H%M%S}Z"
    numbered = freq in ("MONTHLY", "YEARLY")
    if draw(st.booleans()):
        some = draw(st.booleans()) and numbered
        which = st.sampled_from(["1", "2", "-1", "+3"]) if some else st.just("")
        days = draw(st.lists(st.tuples(which, st.sampled_from(DAYS)), min_size=1, max_size=3))
        parts["BYDAY"] = ",".join(f"{n}{day}" for n, day in days)
    if freq != "WEEKLY" and draw(st.integers(0, 2)) == 0:
        days_of = st.integers(1, 31) | st.integers(-31, -1)
        found = draw(st.lists(days_of, min_size=1, max_size=3))
        parts["BYMONTHDAY"] = ",".join(map(str, found))
    if draw(st.integers(0, 2)) == 0:
        months = draw(st.lists(st.integers(1, 12), min_size=1, max_size=3))
        parts["BYMONTH"] = ",".join(map(str, months))
    if numbered and draw(st.integers(0, 2)) == 0 and {"BYDAY", "BYMONTHDAY"} & parts.keys():
        places = draw(st.lists(st.sampled_from([1, 2, -1, -2, 5]), min_size=1, max_size=2))
        parts["BYSETPOS"] = ",".join(map(str, places))
    if draw(st.integers(0, 3)) == 0:
        parts["WKST"] = draw(st.sampled_from(DAYS))
    return ";".join(f"{name}={value}" for name, value in parts.items())


@settings(max_examples=longer(100), deadline=None)
@given(
    rule=rules(),
    start=st.datetimes(datetime(2025, 12, 1), datetime(2026, 12, 31)),
    zone=st.sampled_from(["UTC", "America/Chicago", "Australia/Lord_Howe", "Pacific/Apia"]),
    length=st.integers(1, 3_000),
)
def test_a_rule_gives_the_same_occurrences(
    rule: str, start: datetime, zone: str, length: int
) -> None:
    start = start.replace(microsecond=0)
    try:
        recurrence.parse(rule)
    except ValueError:
        return
    until = datetime(2029, 3, 1)
    own = ZoneInfo(zone)
    expected = [
        (times.to_ms(at, own), times.to_ms(at + timedelta(minutes=length), own))
        for at in recurrence.local_starts(start, rule, (), own, until)
    ]
    end = start + timedelta(minutes=length)
    edge = times.to_ms(until, own) + 1
    found = occurrences_of(start.isoformat(), end.isoformat(), own, rule, [], edge)
    assert found == expected


def test_clock_changes_make_an_occurrence_longer_or_shorter() -> None:
    zone = zone_of("America/Chicago")
    (spring,) = occurrences_of(
        "2026-03-08T02:00:00", "2026-03-08T04:00:00", zone, None, [], 1 << 42
    )
    (autumn,) = occurrences_of(
        "2026-11-01T01:30:00", "2026-11-01T04:00:00", zone, None, [], 1 << 42
    )
    assert (spring[1] - spring[0], autumn[1] - autumn[0]) == (3_600_000, 210 * 60_000)


def test_a_start_that_is_left_out_does_not_take_place_and_is_counted() -> None:
    zone = zone_of("UTC")
    found = occurrences_of(
        "2026-01-05T02:00:00",
        "2026-01-05T03:00:00",
        zone,
        "FREQ=DAILY;COUNT=3",
        ["2026-01-06T02:00:00"],
        1 << 42,
    )
    assert [times.rfc3339(start)[:10] for start, _ in found] == ["2026-01-05", "2026-01-07"]


def test_what_this_machine_or_script_does_not_know_is_said() -> None:
    for name in ("Mars/Olympus", "../etc/passwd", ""):
        with pytest.raises(NotKnownHere, match="time zone"):
            zone_of(name)
    with pytest.raises(NotKnownHere, match="recurrence rule FREQ=HOURLY"):
        occurrences_of(
            "2026-01-05T02:00:00", "2026-01-05T03:00:00", zone_of("UTC"), "FREQ=HOURLY", [], 1
        )
    with pytest.raises(NotKnownHere, match="recurrence rule"):
        occurrences_of(
            "2026-01-04T02:00:00",
            "2026-01-04T03:00:00",
            zone_of("UTC"),
            "FREQ=MONTHLY;BYDAY=SU,2WE",
            [],
            1 << 42,
        )
