"""Windows at their edges: who they are for, what is listed, what keeps an approval (semantics 4)."""

from __future__ import annotations

from typing import Any

import pytest

from collector.core.windows import Occurrence, occurrences
from probes.config import Config
from probes.history import History, Version
from probes.spans import Interval
from tests.support.stories import T0, check, config, system
from tests.unit.core.test_windows import HOUR, LATER, START, planned, window

DAY = 24 * HOUR
MINUTE = 60_000


def listed(
    *versions: tuple[int | None, Config],
    since: int = T0,
    until: int = LATER,
    recorded: bool = False,
) -> tuple[Occurrence, ...]:
    history = History([Version(at, used) for at, used in versions])
    return occurrences("ehr", history, (), since, until, recorded=recorded)


def test_a_window_is_for_its_own_systems() -> None:
    used = config(
        systems={"ehr": system(), "lab": system()},
        checks={"c": check(), "l": check(system="lab")},
        maintenance=[
            window(id="lab-only", systems=["lab"]),
            window(id="both", systems=["lab", "ehr"], start="2026-02-03T02:00", end="2026-02-03T03:00"),
        ],
    )  # fmt: skip
    assert [one.id for one in listed((None, used))] == ["both"]


DAILY = planned(rrule="FREQ=DAILY;COUNT=3")


@pytest.mark.parametrize(
    ("since", "until", "days"),
    [
        (T0, LATER, [0, 1, 2]),
        (START + HOUR - 1, LATER, [0, 1, 2]),
        (START + HOUR, LATER, [1, 2]),
        (START + HOUR, START + 2 * DAY, [1]),
        (START + HOUR, START + 2 * DAY + 1, [1, 2]),
        (START + 3 * DAY, LATER, []),
        (T0, START, []),
    ],
)
def test_what_starts_before_until_and_ends_after_since_is_listed(
    since: int, until: int, days: list[int]
) -> None:
    found = listed((None, DAILY), since=since, until=until)
    assert [(one.start - START) // DAY for one in found] == days


EMPTY = planned(start="2026-03-08T02:30", end="2026-03-08T03:15", timezone="America/New_York")
EMPTY_AT = T0 + 66 * DAY + 7 * HOUR + 30 * MINUTE
"""2026-03-08T07:30Z."""


@pytest.mark.parametrize(("since", "count"), [(EMPTY_AT, 1), (EMPTY_AT + 1, 0)])
def test_an_empty_occurrence_is_at_its_start(since: int, count: int) -> None:
    assert len(listed((None, EMPTY), since=since)) == count
    assert len(listed((since, EMPTY))) == count


def test_a_window_removed_before_or_at_its_start_does_not_take_place() -> None:
    for removed in (START - HOUR, START):
        assert listed((T0, planned()), (removed, config())) == ()
    (one,) = listed((T0, planned()), (START + 1, config()))
    assert one.parts == (Interval(START, START + 1),)


def test_a_window_added_at_its_end_did_not_take_place() -> None:
    assert listed((T0, config()), (START + HOUR, planned())) == ()
    (one,) = listed((T0, config()), (START + HOUR - 1, planned()))
    assert one.parts == (Interval(START + HOUR - 1, START + HOUR),)


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({"finished": [{"by": "p", "at": "2026-02-02T02:20:00Z"}]}, START + 20 * MINUTE),
        ({"cancelled": {"by": "p", "at": "2026-02-02T02:15:00Z"}}, START + HOUR),
    ],
)
def test_finishing_or_cancelling_asks_for_no_new_approval(
    changes: dict[str, Any], end: int
) -> None:
    later = (START + 10 * MINUTE, planned(**changes))
    (one,) = listed((T0, planned()), later, recorded=True)
    assert (one.id, one.why, one.parts) == ("w", None, (Interval(START, end),))


def test_a_version_without_an_instant_has_no_time_of_recording() -> None:
    (one,) = listed((None, planned()), recorded=True)
    assert (one.why, one.excludes) == (None, True)


def test_an_occurrence_finished_as_it_began_is_empty() -> None:
    used = planned(finished=[{"by": "p", "at": "2026-02-02T02:00:00Z"}])
    (one,) = listed((None, used))
    assert (one.why, one.excludes, one.end) == ("empty", False, START)


def test_an_empty_occurrence_that_is_also_self_approved_says_the_first_why() -> None:
    used = planned(
        start="2026-03-08T02:30",
        end="2026-03-08T03:15",
        timezone="America/New_York",
        approval={"by": "p", "at": "2026-02-01T00:00:00Z"},
    )
    (one,) = listed((None, used))
    assert one.why == "self_approved"


def test_a_window_known_for_none_of_the_range_is_not_listed() -> None:
    inside = START + 10 * MINUTE
    assert listed((T0, config()), (inside, planned()), until=inside) == ()
    assert listed((T0, planned()), (inside, config()), since=inside) == ()


def test_a_window_of_days_is_listed_to_its_end() -> None:
    used = planned(end="2026-02-05T02:00")
    assert len(listed((None, used), since=START + 3 * DAY - 1)) == 1
    assert listed((None, used), since=START + 3 * DAY) == ()


def test_a_version_recorded_as_an_occurrence_ends_changes_nothing_of_it() -> None:
    (one,) = listed((T0, planned()), (START + HOUR, planned(approval=None)))
    assert (one.why, one.parts) == (None, (Interval(START, START + HOUR),))
