"""Traps other monitors fell into, those of the numbers. Each test is complete in itself."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.events import State
from collector import versions
from collector.numbers import Numbers
from collector.store.incidents import read_states
from collector.store.store import Store
from probes.configfile import canonical
from tests.support.hours import HOUR, MINUTE, minutely, numbers, play, replayed, spell
from tests.support.rounds import ORG, START, a_round, document

PERCENTS = ("known", "min", "max", "coverage")
TIMES = ("eligible_ms", "up_ms", "degraded_ms", "down_ms", "unknown_ms", "excluded_ms")

PROMISED = {"ehr": document()["systems"]["ehr"] | {"slo": {"target": "99.95"}}}


async def test_trap_1_no_data_never_becomes_a_number(store: Store) -> None:
    results = spell("u" * 120 + "." * 240 + "u" * 120)
    async with a_round(store, used=minutely(systems=PROMISED)) as one:
        await one.tick(1_000)
        nothing = (await numbers(one, 0, 1_000))["ehr"]
        assert [nothing[key] for key in PERCENTS] == [None, None, None, "0.0000"]
        await play(one, results, 5 * HOUR)
        assert (await store.read(read_states, ORG))[0].state is State.UNKNOWN
        await play(one, [r for r in results if r.t >= START + 5 * HOUR], 8 * HOUR)
        live = (await numbers(one, 0, 8 * HOUR))["ehr"]
        events = await one.events()
    # The last result before the silence, at 119 min, holds 130 s.
    assert [live[key] for key in TIMES] == [28_800_000, 14_470_000, 0, 0, 14_330_000, 0]
    assert [live[key] for key in PERCENTS] == ["100.0000", "50.2430", "100.0000", "50.2430"]
    assert live["verdict"] == "indeterminate"
    assert (
        live == replayed(results, [(0, minutely(systems=PROMISED))], 0, 8 * HOUR)["systems"]["ehr"]
    )
    # Ten minutes after 121:10 somebody is told, and again when half an hour has passed.
    assert events == [
        ("incident.opened", 7_870_000),
        ("incident.raised", 9_070_000),
        ("incident.recovered", 21_660_000),
    ]


async def test_trap_1_a_month_without_data_shows_no_gauge(store: Store) -> None:
    async with a_round(store, used=minutely()) as one:
        await one.tick(1_000)
        await Numbers(one.evaluator, store, one.clock, ORG).measure(one.metrics)
        shown = one.metrics.exposition().decode()
    assert 'wardwatch_system_state{state="unknown",system="ehr"} 1.0' in shown
    assert "wardwatch_system_availability_ratio{" not in shown


async def test_trap_2_time_is_counted_and_not_checks(store: Store) -> None:
    slow = minutely(check={"confirm": {"down": 3}})
    fast = minutely(check={"confirm": {"down": 3}, "every": "10s", "timeout": "5s"})
    first = spell("u" * 10 + "d" * 5 + "u" * 45)
    # Two minutes of failure in the second hour, by the minute or every ten seconds.
    coarse = first + spell("u" * 10 + "dd" + "u" * 48, start=HOUR)
    fine = first + spell("u" * 60 + "d" * 12 + "u" * 288, start=HOUR, every=10_000)
    async with a_round(store, used=slow) as one:
        await play(one, first, HOUR)
        await store.write(versions.record, ORG, canonical(fast), START + HOUR)
        await play(one, [r for r in fine if r.t >= START + HOUR], 2 * HOUR)
        live = (await numbers(one, 0, 2 * HOUR))["ehr"]
    document = replayed(fine, [(0, slow), (HOUR, fast)], 0, 2 * HOUR)["systems"]["ehr"]
    assert live == document
    assert [live[key] for key in TIMES] == [7_200_000, 6_780_000, 0, 420_000, 0, 0]
    assert live["known"] == "94.1666"
    assert live["runs"] == {"judged": 420, "good": 403}
    # It starts at the first failed probe, not at the third, which confirmed it.
    assert [(o["start"][11:19], o["end"][11:19]) for o in live["outages"]] == [
        ("00:10:00", "00:15:00"),
        ("01:10:00", "01:12:00"),
    ]
    twice = minutely(check={"confirm": {"down": 2}})
    unchanged = replayed(coarse, [(0, twice)], 0, 2 * HOUR)["systems"]["ehr"]
    assert [unchanged[key] for key in TIMES] == [live[key] for key in TIMES]
    assert unchanged["known"] == live["known"]
    assert unchanged["runs"] == {"judged": 120, "good": 113}


WINDOW = {
    "id": "w",
    "systems": ["ehr"],
    "start": "2026-01-01T00:20",
    "end": "2026-01-01T00:30",
    "timezone": "UTC",
    "proposed": {"by": "p", "at": "2025-12-01T00:00:00Z"},
    "approval": {"by": "q", "at": "2025-12-02T00:00:00Z"},
}
NEW_AT_5 = document()["systems"]["ehr"] | {"effective_from": "2025-12-31T18:05"}
HARD_HOUR = minutely(maintenance=[WINDOW], systems={"ehr": NEW_AT_5})
STORY = spell("dduuuuuudddduuu...uugguuddddduuuuumm..uudu")


def test_trap_3_the_whole_is_what_was_monitored_and_nothing_else() -> None:
    ehr = replayed(STORY, [(0, HARD_HOUR)], 0, HOUR, now=45 * MINUTE)["systems"]["ehr"]
    # Five minutes before it was monitored and fifteen that have not come yet.
    assert ehr["not_monitored_ms"] == 20 * MINUTE
    assert (ehr["eligible_ms"], ehr["excluded_ms"]) == (30 * MINUTE, 10 * MINUTE)
    # Planned downtime is no up time.
    assert ehr["up_ms"] + ehr["degraded_ms"] + ehr["down_ms"] + ehr["unknown_ms"] == 30 * MINUTE


@given(
    st.lists(st.integers(1, 70 * MINUTE - 1), max_size=6),
    st.integers(0, 80 * MINUTE),
    st.sampled_from(["contract-v1", "whole-period-v1"]),
)
def test_trap_3_splitting_a_period_in_any_way_sums_to_the_same_time(
    cuts: list[int], now: int, formula: str
) -> None:
    slo = {"target": "99.95", "formula": formula}
    used = minutely(maintenance=[WINDOW], systems={"ehr": NEW_AT_5 | {"slo": slo}})

    def of(start: int, end: int) -> dict[str, Any]:
        found: dict[str, Any] = replayed(STORY, [(0, used)], start, end, now)["systems"]["ehr"]
        return found

    edges = sorted({0, 70 * MINUTE, *cuts})
    whole = of(0, 70 * MINUTE)
    parts = [of(left, right) for left, right in pairwise(edges)]
    for key in (*TIMES, "not_monitored_ms"):
        assert whole[key] == sum(part[key] for part in parts), key
        assert whole["raw"][key] == sum(part["raw"][key] for part in parts), key
        north = [part["sites"]["north"][key] for part in parts]
        assert whole["sites"]["north"][key] == sum(north), key
    assert whole["blips"] == sum(part["blips"] for part in parts)
    for kind in ("judged", "good"):
        assert whole["runs"][kind] == sum(part["runs"][kind] for part in parts)
    for part in (whole, *parts):
        shown = [float(part[key]) for key in PERCENTS if part[key] is not None]
        assert all(0 <= number <= 100 for number in shown)
        if part["known"] is not None:
            assert float(part["min"]) <= float(part["known"]) <= float(part["max"])


# zone, local start and end, start in UTC, real minutes: the nights that clocks change.
GOLDEN = """\
America/New_York 2025-03-09T02:00 2025-03-09T04:00 2025-03-09T07:00 60
America/New_York 2026-03-08T02:30 2026-03-08T05:00 2026-03-08T07:30 90
America/New_York 2027-03-13T23:00 2027-03-14T05:00 2027-03-14T04:00 300
America/New_York 2025-11-02T01:30 2025-11-02T04:00 2025-11-02T05:30 210
America/New_York 2026-11-01T01:30 2026-11-01T04:00 2026-11-01T05:30 210
America/New_York 2027-11-06T23:00 2027-11-07T05:00 2027-11-07T03:00 420
Australia/Sydney 2025-10-05T02:00 2025-10-05T04:00 2025-10-04T16:00 60
Australia/Sydney 2026-10-04T02:30 2026-10-04T05:00 2026-10-03T16:30 90
Australia/Sydney 2027-10-02T23:00 2027-10-03T05:00 2027-10-02T13:00 300
Australia/Sydney 2025-04-06T02:30 2025-04-06T04:00 2025-04-05T15:30 150
Australia/Sydney 2026-04-05T02:30 2026-04-05T04:00 2026-04-04T15:30 150
Australia/Sydney 2027-04-03T23:00 2027-04-04T05:00 2027-04-03T12:00 420
Australia/Lord_Howe 2025-10-05T02:00 2025-10-05T04:00 2025-10-04T15:30 90
Australia/Lord_Howe 2026-10-04T02:15 2026-10-04T05:00 2026-10-03T15:45 135
Australia/Lord_Howe 2027-10-02T23:00 2027-10-03T05:00 2027-10-02T12:30 330
Australia/Lord_Howe 2025-04-06T01:45 2025-04-06T04:00 2025-04-05T14:45 165
Australia/Lord_Howe 2026-04-05T01:45 2026-04-05T04:00 2026-04-04T14:45 165
Australia/Lord_Howe 2027-04-03T23:00 2027-04-04T05:00 2027-04-03T12:00 390
America/Phoenix 2025-03-09T02:30 2025-03-09T05:00 2025-03-09T09:30 150
America/Phoenix 2026-03-08T02:30 2026-03-08T05:00 2026-03-08T09:30 150
America/Phoenix 2027-03-13T23:00 2027-03-14T05:00 2027-03-14T06:00 360
America/Phoenix 2025-11-02T01:30 2025-11-02T04:00 2025-11-02T08:30 150
America/Phoenix 2026-11-01T01:30 2026-11-01T04:00 2026-11-01T08:30 150
America/Phoenix 2027-11-06T23:00 2027-11-07T05:00 2027-11-07T06:00 360
"""
YEARS = (-400 * 24 * HOUR, 800 * 24 * HOUR)
"""From the end of 2024 to the spring of 2028."""


@pytest.mark.parametrize("line", GOLDEN.splitlines())
def test_trap_4_maintenance_is_wall_clock_and_real_minutes(line: str) -> None:
    zone, start, end, begins, minutes = line.split()
    approved = {
        "proposed": {"by": "p", "at": "2024-11-01T00:00:00Z"},
        "approval": {"by": "q", "at": "2024-12-01T00:00:00Z"},
    }
    planned = WINDOW | approved | {"start": start, "end": end, "timezone": zone}
    versions = [(YEARS[0], minutely(maintenance=[planned]))]
    shown = replayed([], versions, *YEARS)
    (one,) = shown["maintenance"]
    assert (one["start"], one["excludes"]) == (f"{begins}:00.000Z", True)
    assert shown["systems"]["ehr"]["excluded_ms"] == int(minutes) * MINUTE


def test_trap_4_a_monthly_window_is_a_day_of_the_calendar_and_not_thirty_days() -> None:
    monthly = WINDOW | {
        "start": "2026-01-31T23:30",
        "end": "2026-02-01T00:30",
        "timezone": "America/Chicago",
        "rrule": "FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=4",
    }
    shown = replayed([], [(0, minutely(maintenance=[monthly]))], 0, 200 * 24 * HOUR)
    assert [(one["start"], one["end"]) for one in shown["maintenance"]] == [
        ("2026-02-01T05:30:00.000Z", "2026-02-01T06:30:00.000Z"),
        ("2026-03-01T05:30:00.000Z", "2026-03-01T06:30:00.000Z"),
        ("2026-04-01T04:30:00.000Z", "2026-04-01T05:30:00.000Z"),
        ("2026-05-01T04:30:00.000Z", "2026-05-01T05:30:00.000Z"),
    ]


def test_trap_4_the_zone_of_the_host_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = replayed(STORY, [(0, HARD_HOUR)], 0, HOUR)
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    assert replayed(STORY, [(0, HARD_HOUR)], 0, HOUR) == shown
    monkeypatch.undo()
    time.tzset()
