"""A payer's own downtime: wall clock, notice, and the config version that has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from collector.core.payer_calendar import Published, calendar, published
from probes.history import History, Version
from probes.spans import Interval
from probes.times import parse_datetime, rfc3339, to_ms
from tests.support.payer_path import DAY, FRIDAY, HOUR, SPRING, SPRING_END, SUNDAYS, THURSDAY, payer
from tests.support.stories import system

YEAR = (1_767_243_600_000, 1_798_779_600_000)
"""2026 in New York."""


def listed(
    *windows: Mapping[str, Any], since: int = SPRING, until: int = SPRING_END, zone: str = ""
) -> tuple[Published, ...]:
    used = payer(windows, timezone=zone or "America/New_York")
    return calendar("ehr", History([Version(None, used)]), since, until)


def at(text: str) -> int:
    return to_ms(parse_datetime(text), ZoneInfo("UTC"))


def test_occurrences_are_wall_clock_and_each_end_is_converted_on_its_own() -> None:
    found = listed(SUNDAYS, since=YEAR[0], until=YEAR[1])
    assert len(found) == 52
    assert {one.end - one.start for one in found} == {5 * HOUR, 6 * HOUR, 7 * HOUR}
    by_length = {one.end - one.start: rfc3339(one.start)[:16] for one in found}
    assert by_length[5 * HOUR] == "2026-03-08T05:00"
    assert by_length[7 * HOUR] == "2026-11-01T04:00"


def test_an_exdate_does_not_take_place() -> None:
    assert len(listed(SUNDAYS)) == 1
    assert listed({**SUNDAYS, "exdate": ["2026-03-08T00:00"]}) == ()


@pytest.mark.parametrize(
    ("window", "last"),
    [
        # routine: before it starts
        ({**THURSDAY, "kind": "routine"}, "2026-03-12T04:59:59.999Z"),
        # non-routine: a week on the payer's wall clock; the clocks went forward in between
        (THURSDAY, "2026-03-05T06:00:00.000Z"),
        # unscheduled: within the hour
        (FRIDAY, "2026-03-13T06:00:00.000Z"),
    ],
)
def test_each_kind_wants_a_notice_of_its_own(window: dict[str, Any], last: str) -> None:
    (in_time,) = listed({**window, "published": last})
    (late,) = listed({**window, "published": rfc3339(at(last) + 1)})
    assert (in_time.in_time, late.in_time) == (True, False)
    assert late.parts == ()
    if window["kind"] == "unscheduled":
        # a notice of an outage is no plan, in time or not
        assert (in_time.why, late.why, in_time.parts) == ("unscheduled", "unscheduled", ())
    else:
        assert (in_time.why, late.why) == (None, "late")
        assert in_time.parts == (Interval(in_time.start, in_time.end),)


def test_an_instant_without_offset_is_in_the_organizations_zone() -> None:
    (one,) = listed({**FRIDAY, "published": "2026-03-13T00:45"})
    # Chicago
    assert rfc3339(one.at) == "2026-03-13T05:45:00.000Z"


@pytest.mark.parametrize(("start", "end"), [("02:30", "03:15"), ("02:30", "03:30")])
def test_an_occurrence_of_no_length_is_listed_as_empty(start: str, end: str) -> None:
    # 02:30 does not exist on that night, and is 03:30 by the offset before
    gap = {**SUNDAYS, "start": f"2026-01-04T{start}", "end": f"2026-01-04T{end}"}
    (one,) = listed(gap)
    assert (one.why, one.parts, one.end <= one.start) == ("empty", (), True)
    # it is listed where it starts
    assert len(listed(gap, since=one.start)) == 1
    assert len(listed(gap, since=one.start + 1)) == 0


def test_an_entry_acts_while_a_version_that_has_it_is_in_force() -> None:
    with_, without = payer([SUNDAYS]), payer([])

    def acts(*versions: tuple[int | None, Any]) -> list[tuple[str | None, int]]:
        history = History([Version(t, used) for t, used in versions])
        found = calendar("ehr", history, SPRING - 7 * DAY, SPRING_END)
        return [(one.why, sum(part.length for part in one.parts) // HOUR) for one in found]

    assert acts((None, with_)) == [(None, 6), (None, 5)]
    # recorded at 03:00 on the second Sunday, when the first two hours were over
    assert acts((None, without), (SPRING + 2 * HOUR, with_)) == [
        ("not_in_force", 0),
        ("not_in_force", 3),
    ]
    # the system was no payer's path before
    plain = payer(systems={"ehr": system()})
    assert acts((None, plain), (SPRING - DAY, with_))[1:] == [(None, 5)]
    # taken out of the file between them: the second is not listed, it was taken back
    assert acts((None, with_), (SPRING - DAY, without)) == [(None, 6)]
    # taken out while it lasted
    assert acts((None, with_), (SPRING + HOUR, without)) == [(None, 6), ("not_in_force", 1)]
    # a version that changes something else goes on with it
    other = payer([SUNDAYS, THURSDAY])
    assert acts((None, with_), (SPRING + HOUR, other))[:2] == [(None, 6), (None, 5)]


def test_an_entry_whose_content_changes_is_one_occurrence() -> None:
    old = payer([SUNDAYS])
    longer = payer([{**SUNDAYS, "end": "2026-01-04T08:00"}])
    history = History([Version(None, old), Version(SPRING + 2 * HOUR, longer)])
    first, second = calendar("ehr", history, SPRING - 7 * DAY, SPRING_END)
    # what was over is told as it was
    assert (first.end - first.start, first.why) == (6 * HOUR, None)
    assert second.parts == (Interval(SPRING, SPRING + 7 * HOUR),)
    assert (second.end, second.why) == (SPRING + 7 * HOUR, None)


def test_an_entry_that_changes_after_it_was_recorded_late_is_not_whole() -> None:
    old, none = payer([SUNDAYS]), payer([])
    longer = payer([{**SUNDAYS, "end": "2026-01-04T08:00"}])
    history = History(
        [Version(None, none), Version(SPRING + HOUR, old), Version(SPRING + 3 * HOUR, longer)]
    )
    (one,) = calendar("ehr", history, SPRING, SPRING_END)
    assert one.parts == (Interval(SPRING + HOUR, SPRING + 7 * HOUR),)
    assert one.why == "not_in_force"


def test_what_is_over_is_told_as_it_was_and_a_notice_as_it_was_last_written() -> None:
    friday = {**FRIDAY, "end": "2026-03-13T02:00"}
    old = payer([THURSDAY, friday])
    new = payer([{**THURSDAY, "published": "2026-03-01T14:00:00Z"}, FRIDAY])
    history = History([Version(None, old), Version(SPRING_END - 1, new)])
    thursday, notice = calendar("ehr", history, SPRING, SPRING_END)
    assert (rfc3339(thursday.at)[:10], thursday.in_time, thursday.why) == (
        "2026-03-06",
        False,
        "late",
    )
    assert (notice.id, notice.end - notice.start) == ("friday", 13 * HOUR)


def test_a_system_without_a_payer_has_no_calendar() -> None:
    plain = payer(systems={"ehr": system()})
    assert calendar("ehr", History([Version(None, plain)]), *YEAR) == ()
    assert calendar("lab", History([Version(None, payer())]), *YEAR) == ()


def test_occurrences_that_touch_the_range_are_listed_and_overlapping_ones_united() -> None:
    again = {**SUNDAYS, "id": "again", "start": "2026-01-04T04:00", "end": "2026-01-04T09:00"}
    found = listed(SUNDAYS, again)
    assert [one.id for one in found] == ["sundays", "again"]
    assert published(found) == (Interval(SPRING, SPRING + 8 * HOUR),)
    end = SPRING + 5 * HOUR
    assert len(listed(SUNDAYS, since=end - 1, until=end)) == 1
    assert len(listed(SUNDAYS, since=end, until=end + 1)) == 0
    assert len(listed(SUNDAYS, since=SPRING - HOUR, until=SPRING)) == 0
    assert len(listed(SUNDAYS, since=SPRING - HOUR, until=SPRING + 1)) == 1
