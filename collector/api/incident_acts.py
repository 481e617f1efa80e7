"""What people do to an incident. Who types something may not read it here: see `notes`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from sqlalchemy import Connection
from typing_extensions import TypedDict

from alerts.people import PATIENT_SAFETY, SAFETY_REASONS, ActKind, CategoryReason, Ruling
from collector.access.actors import Kind
from collector.access.policy import Permission
from collector.api.cursors import Paged, cursor, place
from collector.api.incident_shapes import Incident, shown
from collector.api.once import once
from collector.api.parts import Parts, stamp
from collector.api.problems import DeniedError, InvalidError
from collector.api.reading import Word
from collector.api.routes import Call, Nothing, get, post
from collector.api.shapes import Instant
from collector.incident_acting import Wanted, record
from collector.store import typed
from collector.store.incidents import read_events, read_incidents
from probes.config_words import Model
from probes.yamlfile import Problem

LONGEST = 2_000
ROOM = 32_768
"""Bytes of a body with the longest text: one character is twelve where JSON escapes it."""


def _lines(value: str) -> str:
    if not all(line.isprintable() for line in value.split("\n")) or not value.strip():
        raise ValueError("write printable text, in lines")
    return value


def _date(value: object) -> str:
    try:
        return date.fromisoformat(value if isinstance(value, str) else "").isoformat()
    except ValueError:
        raise ValueError("write a date, such as 2026-01-05") from None


Text = Annotated[str, Field(min_length=1, max_length=LONGEST), AfterValidator(_lines)]
"""Kept apart, read by `clinical` and `admin` only, sent nowhere."""
Date = Annotated[str, BeforeValidator(_date), WithJsonSchema({"type": "string"})]


class Acknowledging(Model):
    pass


class Noting(Model):
    text: Text


class Categorizing(Model):
    """Category 4 has a reason of patient safety, and the day somebody became aware of it."""

    category: Annotated[int, Field(strict=True, ge=1, le=PATIENT_SAFETY)]
    reason: CategoryReason
    aware_on: Date | None = None


class Ending(Model):
    text: Text | None = None


class Merging(Model):
    into: Word
    """The key of another incident, which is open."""


class Judging(Model):
    """Whose fault it was that the system rejected the monitoring from everywhere, and why."""

    ruling: Ruling
    text: Text


class Acted(TypedDict):
    """`id` and `at` of the journal's row."""

    id: int
    at: Instant
    incident: Incident


class Note(TypedDict):
    id: int
    kind: str
    by: str
    at: Instant
    text: str


class Notes(TypedDict):
    notes: list[Note]
    next: str | None


async def acknowledge_incident(call: Call[Nothing, Acknowledging]) -> Acted:
    """Say that one is on it: for a while; a service's acknowledgement stops nothing."""
    return await _act(call, ActKind.ACKNOWLEDGED)


async def note_incident(call: Call[Nothing, Noting]) -> Acted:
    """Write something down about it."""
    return await _act(call, ActKind.NOTED, text=call.body.text)


async def set_incident_category(call: Call[Nothing, Categorizing]) -> Acted:
    """Set the clinical risk category; 4, a patient safety event, is of the role clinical."""
    said = call.body
    _refuse_wrong(said, _today(call.parts))
    return await _act(
        call,
        ActKind.RAISED,
        category=said.category,
        reason=said.reason,
        aware_on=said.aware_on,
    )


async def resolve_incident(call: Call[Nothing, Ending]) -> Acted:
    """Resolve what has recovered."""
    return await _act(call, ActKind.RESOLVED, text=call.body.text)


async def close_incident(call: Call[Nothing, Ending]) -> Acted:
    """Close what is resolved: the cause is known and written down."""
    return await _act(call, ActKind.CLOSED, text=call.body.text)


async def call_incident_false_positive(call: Call[Nothing, Ending]) -> Acted:
    """Say that there was nothing; no number changes."""
    return await _act(call, ActKind.FALSE_POSITIVE, text=call.body.text)


async def merge_incident(call: Call[Nothing, Merging]) -> Acted:
    """Go on with another open incident instead."""
    return await _act(call, ActKind.MERGED, into=call.body.into)


async def rule_incident(call: Call[Nothing, Judging]) -> Acted:
    """Rule a rejection by all ours or theirs: theirs counts as down, in a number of its own."""
    return await _act(call, ActKind.RULED, ruling=call.body.ruling, text=call.body.text)


async def read_incident_notes(call: Call[Paged, Nothing]) -> Notes:
    """What people typed about an incident, oldest first."""
    asked, parts = call.query, call.parts
    after = place(asked.cursor, int)
    found = await parts.store.read(
        _notes, parts.org, call.path["key"], int(after[0]) if after else 0, asked.limit + 1
    )
    if found is None:
        raise DeniedError(404, "api.unknown_incident")
    told = found[: asked.limit]
    return {
        "notes": told,
        "next": cursor((told[-1]["id"],)) if len(found) > len(told) else None,
    }


def _notes(conn: Connection, org: str, key: str, after: int, limit: int) -> list[Note] | None:
    if not read_incidents(conn, org, key=key):
        return None
    texts = typed.read(conn, org, key, after, limit)
    return [
        {
            "id": row.id,
            "kind": row.kind,
            "by": row.actor,
            "at": stamp(row.at),
            "text": texts[row.id],
        }
        for row in read_events(conn, org, key)
        if row.id in texts
    ]


async def _act(call: Call[Nothing, Any], kind: ActKind, **said: Any) -> Acted:
    parts, who, key = call.parts, call.who, call.path["key"]
    wanted = Wanted(
        kind,
        who.account,
        by_service=who.kind is Kind.SERVICE,
        safety=who.kind is Kind.PERSON and who.may(Permission.INCIDENTS_PATIENT_SAFETY),
        **said,
    )
    return await once(call, _recording(parts, key, wanted))


def _recording(parts: Parts, key: str, wanted: Wanted) -> Callable[[Connection], Acted]:
    def work(conn: Connection) -> Acted:
        done = record(conn, parts.org, key, wanted, parts.now, parts.random_bytes)
        if done is None:
            raise DeniedError(404, "api.unknown_incident")
        return {
            "id": done.id,
            "at": stamp(done.at),
            "incident": shown(done.stood, parts),
        }

    return work


def _refuse_wrong(said: Categorizing, today: str) -> None:
    """InvalidError: category, reason and date must mean one thing."""
    grave = said.category == PATIENT_SAFETY
    fitting = [r.value for r in CategoryReason if (r in SAFETY_REASONS) is grave]
    problems: list[tuple[str, str]] = []
    if said.reason not in fitting:
        problems.append(("reason", f"of category {said.category}: {', '.join(fitting)}"))
    if grave and said.aware_on is None:
        problems.append(("aware_on", "write the day somebody became aware of it"))
    if not grave and said.aware_on is not None:
        problems.append(("aware_on", "only category 4 has it"))
    if said.aware_on is not None and said.aware_on > today:
        problems.append(("aware_on", "a day that has come"))
    if problems:
        raise InvalidError([Problem("", 1, path, message) for path, message in problems])


def _today(parts: Parts) -> str:
    """The date in the organization's zone."""
    zone = ZoneInfo(parts.config.organization.timezone)
    return datetime.fromtimestamp(parts.now() / 1000, UTC).astimezone(zone).date().isoformat()


P, BASE = Permission, "/api/v1/incidents/{key}"
ROUTES = (
    post(f"{BASE}/acknowledge", P.INCIDENTS_ACT, acknowledge_incident, Acted, Acknowledging),
    post(f"{BASE}/notes", P.INCIDENTS_ACT, note_incident, Acted, Noting, ROOM),
    post(f"{BASE}/category", P.INCIDENTS_ACT, set_incident_category, Acted, Categorizing),
    post(f"{BASE}/resolve", P.INCIDENTS_ACT, resolve_incident, Acted, Ending, ROOM),
    post(f"{BASE}/close", P.INCIDENTS_ACT, close_incident, Acted, Ending, ROOM),
    post(
        f"{BASE}/false-positive",
        P.INCIDENTS_ACT,
        call_incident_false_positive,
        Acted,
        Ending,
        ROOM,
    ),
    post(f"{BASE}/merge", P.INCIDENTS_ACT, merge_incident, Acted, Merging),
    post(f"{BASE}/rule", P.INCIDENTS_ACT, rule_incident, Acted, Judging, ROOM),
    get(f"{BASE}/notes", P.INCIDENTS_NOTES_READ, read_incident_notes, Notes, Paged),
)
