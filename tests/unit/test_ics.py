"""A change calendar read as windows; what a window cannot hold is named, event by event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events

from collector.ics import OFF, CalendarError, id_of, read_calendar
from probes import recurrence, times

BASE = {
    "UID": "weekday-early",
    "DTSTART;TZID=America/Chicago": "20260105T020000",
    "DTEND;TZID=America/Chicago": "20260105T040000",
    "X-WARDWATCH-SYSTEMS": "ehr",
}


def calendar(*events: Mapping[str, str | None]) -> bytes:
    """Each event is `BASE` with changes; None leaves a line out."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example//change calendar//EN"]
    for changes in events:
        written = {name: value for name, value in {**BASE, **changes}.items() if value is not None}
        lines += ["BEGIN:VEVENT", "DTSTAMP:20251201T000000Z"]
        lines += [f"{name}:{value}" for name, value in written.items()]
        lines += ["END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def test_an_event_becomes_what_the_operators_file_would_say() -> None:
    events, problems = read_calendar(
        calendar(
            {
                "RRULE": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;UNTIL=20261231T080000Z",
                "EXDATE;TZID=America/Chicago": "20260119T020000,20260120T020000",
                "X-WARDWATCH-SYSTEMS": "ehr,portal",
                "X-WARDWATCH-EXPECT-DOWN": "30m",
                "SUMMARY": "Jane Roe patches the EHR",
            }
        )
    )
    assert problems == []
    (event,) = events
    assert event.entry == {
        "id": "weekday-early",
        "systems": ["ehr", "portal"],
        "start": "2026-01-05T02:00",
        "end": "2026-01-05T04:00",
        "timezone": "America/Chicago",
        "rrule": "FREQ=WEEKLY;UNTIL=20261231T080000Z;BYDAY=MO,TU,WE,TH,FR",
        "exdate": ["2026-01-19T02:00", "2026-01-20T02:00"],
        "expect_down": "30m",
    }
    assert event.cancelled is False


def test_times_in_utc_make_a_window_in_utc_and_excluded_ones_are_brought_to_its_zone() -> None:
    utc = {
        "DTSTART;TZID=America/Chicago": None,
        "DTEND;TZID=America/Chicago": None,
        "DTSTART": "20260105T080000Z",
        "DTEND": "20260105T100000Z",
    }
    mixed = {"UID": "b", "RRULE": "FREQ=DAILY", "EXDATE": "20260107T080000Z"}
    events, problems = read_calendar(calendar(utc, mixed))
    assert problems == []
    assert [(e.entry["timezone"], e.entry["start"]) for e in events] == [
        ("UTC", "2026-01-05T08:00"),
        ("America/Chicago", "2026-01-05T02:00"),
    ]
    assert events[1].entry["exdate"] == ["2026-01-07T02:00"]


def test_a_cancelled_event_is_said_to_be() -> None:
    events, _ = read_calendar(
        calendar({"STATUS": "CANCELLED"}, {"UID": "b", "STATUS": "CONFIRMED"})
    )
    assert [event.cancelled for event in events] == [True, False]


def test_a_uid_that_is_no_id_gets_one_that_stays_the_same() -> None:
    assert id_of("weekday-early") == "weekday-early"
    assert id_of("040000008200E00074C5B7101A82E008") == "ics-1f9af35b6b11"
    assert id_of("a@example.org") == "ics-e16bfe08be11"


def test_a_duration_that_the_clocks_never_touch_is_an_end() -> None:
    events, problems = read_calendar(
        calendar({"DTEND;TZID=America/Chicago": None, "DURATION": "PT2H", "RRULE": "FREQ=WEEKLY"})
    )
    assert problems == []
    assert events[0].entry["end"] == "2026-01-05T04:00"


NO_END: dict[str, str | None] = {"DTEND;TZID=America/Chicago": None}
NO_START: dict[str, str | None] = {"DTSTART;TZID=America/Chicago": None}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"RECURRENCE-ID;TZID=America/Chicago": "20260105T020000"},
            "RECURRENCE-ID: one occurrence",
        ),
        ({"RDATE;TZID=America/Chicago": "20260106T020000"}, "RDATE: single dates"),
        ({"EXRULE": "FREQ=YEARLY"}, "EXRULE: rules of exclusion"),
        (NO_START | {"DTSTART": "20260105T020000"}, "DTSTART: a floating time"),
        (NO_START | {"DTSTART;VALUE=DATE": "20260105"}, "DTSTART: a whole day"),
        (NO_START, "DTSTART: the key is missing"),
        (NO_END, "DTEND: the key is missing"),
        (NO_END | {"DTEND;TZID=America/Denver": "20260105T030000"}, "DTEND: in another zone"),
        (
            NO_START | {"DTSTART;TZID=Central Standard Time": "20260105T020000"},
            "DTSTART: TZID is not an IANA zone",
        ),
        (
            NO_END | {"DURATION": "PT2H", "RRULE": "FREQ=DAILY"},
            "DURATION: on 2026-03-08 the clocks change inside it",
        ),
        (NO_START | {"DTSTART": "00010101T000000Z"}, "DTSTART: the year lies from 1970 to 9000"),
        (NO_END | {"DURATION": "-PT2H"}, "DURATION: from 0 to 400 days"),
        ({"EXDATE": "00010101T000000Z"}, "EXDATE: the year lies from 1970 to 9000"),
        ({"RRULE": "FREQ=HOURLY"}, "RRULE: FREQ is DAILY, WEEKLY, MONTHLY or YEARLY"),
        ({"RRULE": "FREQ=DAILY;BYHOUR=3"}, "RRULE: an RRULE is PART=VALUE"),
        ({"RRULE": "FREQ=DAILY;UNTIL=20260201T020000"}, "RRULE: UNTIL is a time in UTC"),
        ({"RRULE": "FREQ=DAILY", "EXDATE;VALUE=DATE": "20260106"}, "EXDATE: a whole day"),
        ({"RRULE": "FREQ=DAILY", "EXDATE": "20260106T020000"}, "EXDATE: a floating time"),
        ({"X-WARDWATCH-SYSTEMS": None}, "X-WARDWATCH-SYSTEMS: name the systems"),
        ({"X-WARDWATCH-SYSTEMS": "ehr,"}, "X-WARDWATCH-SYSTEMS: name the systems"),
        ({"UID": None}, "UID: the key is missing"),
        (NO_END | {"DTEND;TZID=America/Chicago": "soon"}, "DTEND: it cannot be read"),
        (NO_END | {"DTEND;TZID=America/Chicago": "20260105T010000"}, "DTEND: from 0 to 400 days"),
        (NO_END | {"DTEND;TZID=America/Chicago": "90000105T010000"}, "DTEND: from 0 to 400 days"),
        (
            NO_START | {"DTSTART;TZID=America/Chicago": "20260105T020000Z"},
            "DTSTART: a time in UTC (with Z) that also names a TZID",
        ),
        (
            {"RRULE": "FREQ=DAILY", "EXDATE;TZID=America/Chicago": "20260106T020000Z"},
            "EXDATE: a time in UTC (with Z) that also names a TZID",
        ),
        ({"RRULE": "FREQ=DAILY;COUNT=2;FREQ=WEEKLY"}, "RRULE: FREQ is written twice"),
        ({'COMMENT;X="a': "b"}, "a line: it cannot be read"),
    ],
)
def test_what_a_window_cannot_hold_is_a_problem_of_that_event(
    changes: dict[str, str | None], said: str
) -> None:
    good = {"UID": "good"}
    events, problems = read_calendar(calendar(good, changes))
    assert [event.uid for event in events] == ["good"]
    assert {problem.event for problem in problems} == {2}
    place = "no UID" if changes.get("UID", "") is None else "weekday-early"
    assert any(str(p).startswith(f"event 2 ({place}): {said}") for p in problems), problems


def test_every_problem_of_an_event_is_told_at_once() -> None:
    _, problems = read_calendar(
        calendar(
            {"X-WARDWATCH-SYSTEMS": None, "RRULE": "FREQ=HOURLY", "EXRULE": "FREQ=YEARLY"}
            | NO_START
        )
    )
    assert [p.field for p in problems] == ["EXRULE", "X-WARDWATCH-SYSTEMS", "DTSTART", "RRULE"]


def test_a_uid_twice_is_a_problem_of_the_second() -> None:
    events, problems = read_calendar(calendar({}, {}))
    assert [event.number for event in events] == [1]
    assert [str(p) for p in problems] == [
        "event 2 (weekday-early): UID: the same as that of event 1"
    ]


def twice(name: str) -> bytes:
    """The second event has a line of its own twice."""
    (line,) = (f"{key}:{value}" for key, value in BASE.items() if key.startswith(name))
    whole = calendar({"UID": "good"}, {}).decode()
    before, found, after = whole.rpartition(f"{line}\r\n")
    assert found
    return f"{before}{found}{found}{after}".encode()


@pytest.mark.parametrize("name", ["UID", "DTSTART", "DTEND", "X-WARDWATCH-SYSTEMS"])
def test_a_line_twice_is_one_problem_of_its_event(name: str) -> None:
    events, problems = read_calendar(twice(name))
    assert [event.uid for event in events] == ["good"]
    assert [(p.event, p.field, "twice" in p.message or "once" in p.message) for p in problems] == [
        (2, name, True)
    ]


def test_two_without_a_uid_are_not_the_same() -> None:
    _, problems = read_calendar(calendar({"UID": None}, {"UID": None}))
    assert [str(p) for p in problems] == [
        "event 1 (no UID): UID: the key is missing",
        "event 2 (no UID): UID: the key is missing",
    ]


def test_a_zone_that_is_a_folder_of_zones_is_named() -> None:
    with pytest.raises(CalendarError, match="TZID in it is not an IANA zone"):
        read_calendar(calendar(NO_START | {"DTSTART;TZID=America": "20260105T020000"}))


def test_a_zone_whose_name_a_library_guesses_is_refused_without_a_word_of_its_own() -> None:
    name = "DTSTART;TZID=/freeassociation.sourceforge.net/America/Chicago"
    _, problems = read_calendar(calendar(NO_START | {name: "20260105T020000"}))
    assert [p.field for p in problems] == ["DTSTART"]


def test_lines_that_are_folded_or_end_in_lf_are_read() -> None:
    folded = calendar({}).replace(
        b"America/Chicago:20260105T04", b"Ameri\r\n ca/Chicago:2026\r\n\t0105T04"
    )
    plain = [event.entry for event in read_calendar(calendar({}))[0]]
    assert [event.entry for event in read_calendar(folded)[0]] == plain
    assert [e.entry for e in read_calendar(folded.replace(b"\r\n", b"\n"))[0]] == plain


def test_a_uid_is_named_so_that_no_terminal_obeys_it() -> None:
    _, problems = read_calendar(
        calendar({"UID": "\x1b[31mred" + "x" * 200, "EXRULE": "FREQ=DAILY"})
    )
    (problem,) = problems
    assert problem.uid == "'\\x1b[31mred" + "x" * 72 + "'"


def test_two_long_uids_that_begin_alike_are_two() -> None:
    events, problems = read_calendar(calendar({"UID": "A" * 100 + "1"}, {"UID": "A" * 100 + "2"}))
    assert problems == []
    assert len({event.entry["id"] for event in events}) == 2


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\xff\xfe\x00", b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT"]
)
def test_what_is_no_calendar_is_refused(data: bytes) -> None:
    with pytest.raises(CalendarError):
        read_calendar(data)


ZONES = (
    "America/New_York",
    "America/Chicago",
    "America/Phoenix",
    "Europe/Berlin",
    "Australia/Lord_Howe",
)
TIMES = (
    ("20260105T020000", "20260105T040000"),
    ("20260105T013000", "20260105T040000"),
    ("20260105T023000", "20260105T031500"),
    ("20260105T220000", "20260106T023000"),
)
RULES = (
    "FREQ=DAILY",
    "FREQ=WEEKLY;BYDAY=SU",
    "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=SA,SU;WKST=SU",
    "FREQ=WEEKLY;COUNT=7",
    "FREQ=DAILY;UNTIL=20260401T070000Z",
    "FREQ=MONTHLY;BYDAY=2SU",
    "FREQ=MONTHLY;BYMONTHDAY=-1",
    "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1",
    "FREQ=YEARLY;BYMONTH=3,11;BYDAY=1SU",
)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("rule", RULES)
def test_our_occurrences_are_those_of_another_library_over_three_years(
    zone: str, rule: str
) -> None:
    """Semantics 4 decides otherwise nowhere here: both use the offset before a gap (3.3.5)."""
    info, edge = ZoneInfo(zone), datetime(2029, 1, 1, tzinfo=UTC)
    for start, end in TIMES:
        text = calendar(
            {
                "DTSTART;TZID=America/Chicago": None,
                "DTEND;TZID=America/Chicago": None,
                f"DTSTART;TZID={zone}": start,
                f"DTEND;TZID={zone}": end,
                "RRULE": rule,
            }
        )
        theirs = sorted(
            (times.to_ms(event["DTSTART"].dt, info), times.to_ms(event["DTEND"].dt, info))
            for event in recurring_ical_events.of(icalendar.Calendar.from_ical(text)).between(
                datetime(2026, 1, 1, tzinfo=UTC), edge
            )
        )
        begins, ends = (datetime.strptime(t, "%Y%m%dT%H%M%S") for t in (start, end))
        ours = [
            (times.to_ms(t, info), times.to_ms(t + (ends - begins), info))
            for t in recurrence.local_starts(begins, rule, (), info, datetime(2029, 1, 3))
        ]
        assert theirs == [pair for pair in ours if pair[0] < times.to_ms(edge, info)]
        assert len(theirs) >= 6


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=WEEKLY;BYDAY=TU;COUNT=2",
        "FREQ=WEEKLY;BYDAY=TU",
        "FREQ=DAILY;BYMONTH=2",
        "FREQ=MONTHLY;BYMONTHDAY=6",
    ],
)
def test_a_start_off_its_rule_is_the_first_occurrence_for_us_and_the_import_says_so(
    rule: str,
) -> None:
    """Where semantics 4 decides otherwise: `start` is the first occurrence, and COUNT counts it."""
    _, problems = read_calendar(calendar({"RRULE": rule}))
    assert [str(p) for p in problems] == [f"event 1 (weekday-early): RRULE: {OFF}"]


def test_a_rule_with_plain_and_numbered_days_is_not_imported() -> None:
    _, problems = read_calendar(calendar({"RRULE": "FREQ=MONTHLY;BYDAY=MO,2WE"}))
    (told,) = map(str, problems)
    assert told == (
        "event 1 (weekday-early): RRULE: BYDAY has plain days or numbered ones: write two windows "
        "for SU,2WE"
    )


def test_a_window_with_other_instants_than_the_event_is_refused() -> None:
    _, problems = read_calendar(calendar({"RRULE": "FREQ=DAILY;UNTIL=20250201T000000Z"}))
    assert [str(p) for p in problems] == [
        "event 1 (weekday-early): RRULE: read as a window it would differ on 2026-01-05; write it plainer"
    ]
