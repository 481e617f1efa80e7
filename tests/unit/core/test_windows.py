"""Maintenance windows: instants, and which occurrences exclude (semantics 4)."""

from __future__ import annotations

from typing import Any

import pytest

from collector.core.outages import Outage
from collector.core.windows import Occurrence, occurrences
from probes.config import Config
from probes.history import History, Version
from probes.spans import Interval
from probes.times import rfc3339
from tests.support.stories import T0, config, fold, system

LATER = T0 + 400 * 86_400_000


def window(**changes: Any) -> dict[str, Any]:
    """2026-02-02T02:00Z for an hour, approved a day ahead by somebody else."""
    return {
        "id": "w",
        "systems": ["ehr"],
        "start": "2026-02-02T02:00",
        "end": "2026-02-02T03:00",
        "timezone": "UTC",
        "proposed": {"by": "p", "at": "2026-01-31T00:00:00Z"},
        "approval": {"by": "q", "at": "2026-02-01T00:00:00Z"},
    } | changes


def planned(**changes: Any) -> Config:
    return config(maintenance=[window(**changes)])


def listed(used: Config, *outages: Outage) -> tuple[Occurrence, ...]:
    history = History([Version(None, used)])
    return occurrences("ehr", history, outages, T0, LATER, recorded=False)


START = T0 + 32 * 86_400_000 + 2 * 3_600_000
"""2026-02-02T02:00Z."""
HOUR = 3_600_000


@pytest.mark.parametrize(
    ("start", "end", "begins", "minutes"),
    [
        ("2026-03-08T02:00", "2026-03-08T04:00", "2026-03-08T07:00:00.000Z", 60),
        ("2026-11-01T01:30", "2026-11-01T04:00", "2026-11-01T05:30:00.000Z", 210),
        ("2026-07-01T02:00", "2026-07-01T04:00", "2026-07-01T06:00:00.000Z", 120),
    ],
)
def test_each_end_of_an_occurrence_is_converted_on_its_own(
    start: str, end: str, begins: str, minutes: int
) -> None:
    (one,) = listed(planned(start=start, end=end, timezone="America/New_York"))
    assert rfc3339(one.start) == begins
    assert one.end - one.start == minutes * 60_000
    assert one.excludes
    assert one.why is None


def test_a_recurring_window_keeps_its_wall_clock_over_a_spring_night() -> None:
    found = listed(
        planned(
            start="2026-03-07T02:00",
            end="2026-03-07T04:00",
            timezone="America/New_York",
            rrule="FREQ=DAILY;COUNT=3",
        )
    )
    assert [(rfc3339(o.start)[:16], (o.end - o.start) // 60_000) for o in found] == [
        ("2026-03-07T07:00", 120),
        ("2026-03-08T07:00", 60),
        ("2026-03-09T06:00", 120),
    ]


def test_a_date_of_exdate_does_not_take_place() -> None:
    found = listed(planned(rrule="FREQ=DAILY;COUNT=3", exdate=["2026-02-03T02:00"]))
    assert [o.start for o in found] == [START, START + 48 * HOUR]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"approval": None}, "unapproved"),
        ({"approval": {"by": "p", "at": "2026-02-01T00:00:00Z"}}, "self_approved"),
        ({"approval": {"by": "q", "at": "2026-02-02T02:00:00Z"}}, "approved_late"),
        ({"approval": {"by": "q", "at": "2026-02-02T01:59:59.999Z"}}, None),
        ({"approval": {"by": "p", "at": "2026-02-03T00:00:00Z"}}, "self_approved"),
        ({"cancelled": {"by": "p", "at": "2026-02-02T02:00:00Z"}}, "cancelled"),
        ({"cancelled": {"by": "p", "at": "2026-02-02T02:00:00.001Z"}}, None),
        ({"cancelled": {"by": "p", "at": "2026-02-01T00:00:00Z"}, "approval": None}, "cancelled"),
    ],
)
def test_an_occurrence_that_excludes_nothing_says_exactly_one_why(
    changes: dict[str, Any], why: str | None
) -> None:
    (one,) = listed(planned(**changes))
    assert one.why == why
    assert one.parts == ((Interval(START, START + HOUR),) if why is None else ())


def test_an_occurrence_that_ends_before_it_begins_is_empty() -> None:
    used = planned(start="2026-03-08T02:30", end="2026-03-08T03:15", timezone="America/New_York")
    (one,) = listed(used)
    assert (rfc3339(one.start), rfc3339(one.end)) == (
        "2026-03-08T07:30:00.000Z",
        "2026-03-08T07:15:00.000Z",
    )
    assert (one.why, one.excludes) == ("empty", False)


APPROVED = START - 26 * HOUR


def test_an_approval_inside_an_open_outage_excludes_none_of_that_outage() -> None:
    (one,) = listed(planned(), Outage(APPROVED - 1, START + HOUR // 2, None, None))
    assert one.why == "during_outage"
    assert one.parts == (Interval(START + HOUR // 2, START + HOUR),)


def test_an_outage_that_lasts_to_the_end_leaves_nothing_to_exclude() -> None:
    (one,) = listed(planned(), Outage(APPROVED, None, None, None))
    assert (one.why, one.excludes) == ("during_outage", False)


@pytest.mark.parametrize(
    "outage",
    [
        Outage(APPROVED + 1, START + HOUR // 2, None, None),
        Outage(APPROVED - 10, APPROVED, None, None),
        Outage(APPROVED - 10, START, None, None),
    ],
)
def test_another_outage_or_one_over_before_the_window_takes_nothing_away(outage: Outage) -> None:
    (one,) = listed(planned(), outage)
    assert (one.why, one.parts) == (None, (Interval(START, START + HOUR),))


def test_finish_ends_an_occurrence_early() -> None:
    used = planned(finished=[{"by": "p", "at": "2026-02-02T02:20:00Z"}])
    (one,) = listed(used)
    assert one.parts == (Interval(START, START + 20 * 60_000),)
    assert one.end == START + 20 * 60_000


def test_a_window_acts_while_the_version_that_has_it_is_in_force() -> None:
    half = START + HOUR // 2
    history = History([Version(T0, planned()), Version(half, config())])
    (one,) = occurrences("ehr", history, (), T0, LATER, recorded=False)
    assert one.parts == (Interval(START, half),)
    assert (one.start, one.end) == (START, START + HOUR)


def test_an_approval_counts_from_the_first_version_with_that_exact_content() -> None:
    other = planned(end="2026-02-02T03:30")
    early, late = START - HOUR, START + 1
    kept = History([Version(early, planned()), Version(late, planned())])
    changed = History([Version(early, planned()), Version(late, other)])
    (one,) = occurrences("ehr", kept, (), T0, LATER, recorded=True)
    assert (one.why, one.parts) == (None, (Interval(START, START + HOUR),))
    (two,) = occurrences("ehr", changed, (), T0, LATER, recorded=True)
    assert (two.why, two.parts) == ("approved_late", (Interval(START, late),))


def test_in_the_collector_the_later_of_the_claimed_and_the_recorded_time_counts() -> None:
    history = History([Version(START, planned())])
    (live,) = occurrences("ehr", history, (), T0, LATER, recorded=True)
    (replayed,) = occurrences("ehr", history, (), T0, LATER, recorded=False)
    assert (live.why, replayed.why) == ("approved_late", None)


@pytest.mark.parametrize(
    ("class_", "changes", "expected"),
    [
        ("clinical", {}, None),
        ("clinical", {"rrule": "FREQ=DAILY;COUNT=1"}, 1_800_000),
        ("point_of_care", {"rrule": "FREQ=DAILY;COUNT=1"}, 1_800_000),
        ("administrative", {"rrule": "FREQ=DAILY;COUNT=1"}, None),
        ("clinical", {"rrule": "FREQ=DAILY;COUNT=1", "expect_down": "5m"}, 300_000),
    ],
)
def test_a_recurring_window_of_a_clinical_system_expects_half_an_hour(
    class_: str, changes: dict[str, Any], expected: int | None
) -> None:
    used = config(
        systems={"ehr": system(impact={"class": class_})}, maintenance=[window(**changes)]
    )
    (one,) = listed(used)
    assert one.expect_down_ms == expected


def test_an_approval_during_a_real_outage_is_judged_against_it() -> None:
    used = config(
        maintenance=[
            window(
                start="2026-01-01T00:02",
                end="2026-01-01T00:06",
                proposed={"by": "p", "at": "2025-12-01T00:00:00Z"},
                approval={"by": "q", "at": "2026-01-01T00:01:00Z"},
            )
        ]
    )
    truth = fold("dddduuuu", until=480, used=used)
    assert truth.excluded(LATER) == (Interval(T0 + 240_000, T0 + 360_000),)


def test_a_version_that_takes_a_window_away_waits_for_no_outage() -> None:
    begins = "2026-01-01T00:03"
    having = planned(
        start=begins,
        end="2026-01-01T00:09",
        proposed={"by": "p", "at": "2025-12-30T00:00:00Z"},
        approval={"by": "q", "at": "2025-12-31T00:00:00Z"},
    )
    history = [(T0 - 1, having), (T0 + 300_000, config())]
    truth = fold("uuudddddddu", until=650, history=history)
    assert [(o.start - T0, o.end) for o in truth.outages] == [(180_000, T0 + 600_000)]
    assert truth.excluded(LATER) == (Interval(T0 + 180_000, T0 + 300_000),)
