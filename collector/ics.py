"""A change calendar (.ics, RFC 5545) read as maintenance windows.

What a window cannot hold is a problem of that event, never left out in silence. Of the event's
text nothing is read but times, rules, status, and two properties of ours:
`X-WARDWATCH-SYSTEMS:ehr,portal` and `X-WARDWATCH-EXPECT-DOWN:30m`. An approval in a calendar is
no approval here.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import icalendar
import recurring_ical_events

from collector.icslines import contradictions
from probes import recurrence, times

T = TypeVar("T")
SYSTEMS = "X-WARDWATCH-SYSTEMS"
EXPECT_DOWN = "X-WARDWATCH-EXPECT-DOWN"
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_BEYOND = {
    "RECURRENCE-ID": "one occurrence moved by itself: exclude it with EXDATE and write an event of its own",
    "RDATE": "single dates beside a rule: write events of their own",
    "EXRULE": "rules of exclusion are no longer part of iCalendar: write EXDATE",
}
OFF = "it does not give DTSTART, and calendars differ on that day: write a start that it gives"
LAST_YEAR = 9000
CHECKED = timedelta(days=400)
"""How far two readings of an event are compared."""
_DURATION_CHECKED = timedelta(days=28 * 365)
"""After so long calendars repeat: no night comes later that has not come before."""


class CalendarError(Exception):
    """The file is no calendar."""


@dataclass(frozen=True, slots=True)
class EventProblem:
    """`event` counts from 1 in the order of the file; `id` is that of the window it would be."""

    event: int
    uid: str
    field: str
    message: str
    id: str

    def __str__(self) -> str:
        return f"event {self.event} ({self.uid}): {self.field}: {self.message}"


@dataclass(frozen=True, slots=True)
class Event:
    """`entry` is what the operator's file would say; it is checked like it, later."""

    number: int
    uid: str
    entry: dict[str, Any]
    cancelled: bool


class _NotHeldError(Exception):
    def __init__(self, field: str, message: str) -> None:
        super().__init__(field)
        self.field = field
        self.message = message


def read_calendar(data: bytes) -> tuple[list[Event], list[EventProblem]]:
    """Events that a window can hold, and every problem of the others. CalendarError."""
    try:
        with warnings.catch_warnings():
            # what it guesses about a zone's name is refused below
            warnings.simplefilter("ignore")
            calendars = icalendar.Calendar.from_ical(data, multiple=True)
        found = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    except (ValueError, IndexError, KeyError):
        raise CalendarError("not an iCalendar file (RFC 5545)") from None
    except OSError:
        raise CalendarError("a TZID in it is not an IANA zone, such as America/Chicago") from None
    if not calendars:
        raise CalendarError("not an iCalendar file (RFC 5545)")
    events: list[Event] = []
    problems: list[EventProblem] = []
    first: dict[str, int] = {}
    contradicting = contradictions(data)
    for number, event in enumerate(found, 1):
        uid = str(event.get("UID", ""))
        own = [*_beyond(event)]
        own += [_NotHeldError(field, message) for field, message in contradicting.get(number, ())]
        if uid and uid in first and "RECURRENCE-ID" not in event:
            own.append(_NotHeldError("UID", f"the same as that of event {first[uid]}"))
        first.setdefault(uid, number)
        entry = None if event.errors else _entry(event, uid, own)
        if entry is not None and not own:
            own += _read_alike(event, entry)
        if entry is not None and not own:
            cancelled = str(event.get("STATUS", "")).upper() == "CANCELLED"
            events.append(Event(number, _shown(uid), entry, cancelled))
        problems += [EventProblem(number, _shown(uid), e.field, e.message, id_of(uid)) for e in own]
    return events, problems


def id_of(uid: str) -> str:
    """The UID itself where it may be an id, else `ics-` and 12 hex digits of its SHA-256."""
    if _ID.fullmatch(uid):
        return uid
    return f"ics-{hashlib.sha256(uid.encode()).hexdigest()[:12]}"


def _shown(uid: str) -> str:
    """As messages name it: cut, and nothing in it that a terminal obeys."""
    cut = uid[:80]
    return (cut if cut.isascii() and cut.isprintable() else ascii(cut)) or "no UID"


def _beyond(event: Any) -> Iterator[_NotHeldError]:
    yield from (_NotHeldError(name, _BEYOND[name]) for name in _BEYOND if name in event)
    for name, _ in event.errors:
        yield _NotHeldError(name or "a line", "it cannot be read")
    for name in ("UID", "DURATION", "RRULE", "STATUS", SYSTEMS, EXPECT_DOWN):
        if isinstance(event.get(name), list):
            yield _NotHeldError(name, "written more than once")


def _entry(event: Any, uid: str, problems: list[_NotHeldError]) -> dict[str, Any] | None:
    """What the operator's file would say, or None when `problems` got more."""

    def attempt(read: Callable[[], T]) -> T | None:
        try:
            return read()
        except _NotHeldError as error:
            problems.append(error)
            return None

    if not uid:
        problems.append(_NotHeldError("UID", "the key is missing"))
    systems = attempt(lambda: _systems(event))
    start = attempt(lambda: _wall_clock(event, "DTSTART"))
    rule = attempt(lambda: _rule(event, None if start is None else start[0]))
    if start is None or systems is None or rule is None:
        return None
    begins, zone = start
    end = attempt(lambda: _end(event, begins, zone, rule[0]))
    exdate = attempt(lambda: _excluded(event, zone))
    if end is None or exdate is None:
        return None
    entry: dict[str, Any] = {
        "id": id_of(uid),
        "systems": systems,
        "start": _text(begins),
        "end": _text(end),
        "timezone": zone,
        "exdate": [_text(value) for value in exdate],
    }
    if rule[0] is not None:
        entry["rrule"] = rule[0]
    if EXPECT_DOWN in event:
        entry["expect_down"] = str(event[EXPECT_DOWN])
    return entry


def _systems(event: Any) -> list[str]:
    systems = [word.strip() for word in str(event.get(SYSTEMS, "")).replace("\\", "").split(",")]
    if not all(systems):
        raise _NotHeldError(SYSTEMS, "name the systems it covers, such as ehr,portal")
    return systems


def _text(value: datetime) -> str:
    return value.isoformat(timespec="minutes" if value.second == 0 else "seconds")


def _wall_clock(event: Any, name: str) -> tuple[datetime, str]:
    """Local time without zone, and the zone beside it."""
    if name not in event or isinstance(event[name], list):
        raise _NotHeldError(name, "the key is missing or written twice")
    value = getattr(event[name], "dt", None)
    if isinstance(value, date) and not isinstance(value, datetime):
        raise _NotHeldError(name, "a whole day has no wall-clock times: write start and end")
    if not isinstance(value, datetime):
        raise _NotHeldError(name, "it cannot be read")
    if not 1970 <= value.year <= LAST_YEAR:
        raise _NotHeldError(name, f"the year lies from 1970 to {LAST_YEAR}")
    zone = event[name].params.get("TZID")
    if zone is None:
        if value.tzinfo is None:
            raise _NotHeldError(name, "a floating time: name its zone with TZID")
        zone = "UTC"
    try:
        ZoneInfo(str(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _NotHeldError(name, "TZID is not an IANA zone, such as America/Chicago") from None
    return value.replace(tzinfo=None), str(zone)


def _rule(event: Any, start: datetime | None) -> tuple[str | None]:
    """The rule or None, in a tuple: None alone means that it cannot be held."""
    if "RRULE" not in event or isinstance(event["RRULE"], list):
        return (None,)
    text = str(event["RRULE"].to_ical().decode())
    try:
        recurrence.parse(text)
    except ValueError as error:
        raise _NotHeldError("RRULE", str(error)) from None
    if start is not None and not recurrence.gives(start, text):
        raise _NotHeldError("RRULE", OFF)
    return (text,)


def _end(event: Any, start: datetime, zone: str, rule: str | None) -> datetime:
    if "DTEND" in event:
        end, end_zone = _wall_clock(event, "DTEND")
        if end_zone != zone:
            raise _NotHeldError("DTEND", "in another zone than DTSTART")
        if not timedelta(0) <= end - start <= CHECKED:
            raise _NotHeldError("DTEND", f"from 0 to {CHECKED.days} days after DTSTART")
        return end
    length = getattr(event.get("DURATION"), "dt", None)
    if not isinstance(length, timedelta):
        raise _NotHeldError("DTEND", "the key is missing")
    if not timedelta(0) <= length <= CHECKED:
        raise _NotHeldError("DURATION", f"from 0 to {CHECKED.days} days")
    info, real = ZoneInfo(zone), length // timedelta(milliseconds=1)
    for begins in recurrence.local_starts(start, rule, (), info, start + _DURATION_CHECKED):
        if times.to_ms(begins + length, info) - times.to_ms(begins, info) != real:
            raise _NotHeldError(
                "DURATION",
                f"on {begins:%Y-%m-%d} the clocks change inside it, so it ends at another time "
                "of the wall clock: write DTEND",
            )
    return start + length


def _excluded(event: Any, zone: str) -> list[datetime]:
    given = event.get("EXDATE", [])
    out: list[datetime] = []
    for line in given if isinstance(given, list) else [given]:
        for one in line.dts:
            value = one.dt
            if not isinstance(value, datetime):
                raise _NotHeldError(
                    "EXDATE", "a whole day: write the start that does not take place"
                )
            if not 1970 <= value.year <= LAST_YEAR:
                raise _NotHeldError("EXDATE", f"the year lies from 1970 to {LAST_YEAR}")
            if value.tzinfo is None:
                raise _NotHeldError("EXDATE", "a floating time: name its zone with TZID")
            named = line.params.get("TZID", "UTC")
            local = value if named == zone else value.astimezone(ZoneInfo(zone))
            out.append(local.replace(tzinfo=None, fold=0))
    return sorted(out)


def _read_alike(event: Any, entry: dict[str, Any]) -> list[_NotHeldError]:
    """A second reading, by a library of its own: a window with other instants is not the event."""
    zone = ZoneInfo(entry["timezone"])
    start, end = (datetime.fromisoformat(entry[name]) for name in ("start", "end"))
    until = start + CHECKED
    exdate = [datetime.fromisoformat(text) for text in entry["exdate"]]
    ours = {
        (times.to_ms(begins, zone), times.to_ms(begins + (end - start), zone))
        for begins in recurrence.local_starts(start, entry.get("rrule"), exdate, zone, until)
    }
    calendar = icalendar.Calendar()
    calendar.add_component(event)
    edges = [times.from_ms(times.to_ms(t, zone)) for t in (start, until)]
    found = recurring_ical_events.of(calendar).between(
        edges[0] - timedelta(days=1), edges[1] + timedelta(days=1)
    )
    read = {
        tuple(times.to_ms(one[name].dt.astimezone(UTC), zone) for name in ("DTSTART", "DTEND"))
        for one in found
    }
    last = times.to_ms(until, zone)
    differing = sorted(pair for pair in read ^ ours if pair[0] <= last)
    if not differing:
        return []
    day = times.from_ms(differing[0][0], zone)
    return [
        _NotHeldError(
            "RRULE", f"read as a window it would differ on {day:%Y-%m-%d}; write it plainer"
        )
    ]
