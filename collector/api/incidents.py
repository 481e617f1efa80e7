"""Incidents as recorded, and the events they are made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

from sqlalchemy import Connection
from typing_extensions import TypedDict

from alerts.clocks import clocks, is_overdue
from alerts.conditions import outages
from alerts.events import Cause, Family, Priority
from alerts.terms import in_force, terms
from collector import journal
from collector.access.policy import Permission
from collector.api.cursors import Paged, cursor, place
from collector.api.parts import Parts, instant, stamp
from collector.api.problems import DeniedError
from collector.api.reading import Flag
from collector.api.routes import Call, Nothing, get
from collector.api.shapes import Instant
from collector.businesshours import hours_of
from collector.store.incidents import Recorded, read_events, read_incidents, read_priorities

Answerable = tuple[Recorded, frozenset[Priority]]
"""An incident as recorded, and every priority it has had."""


class Response(TypedDict):
    """When an answer is due, by the service's clock or the priority's; overdue as of now."""

    warn_at: Instant | None
    due_at: Instant
    by: Literal["service", "priority"]
    overdue: bool


class Incident(TypedDict):
    """`response` is null while nobody was paged, and where it was over before it was detected."""

    key: str
    system: str
    family: Family
    causes: list[Cause]
    sites: list[str]
    category: int
    priority: Priority
    status: Literal["open", "recovered", "resolved"]
    started_at: Instant
    detected_at: Instant
    recovered_at: Instant | None
    next_due: Instant | None
    response: Response | None
    attached_to: str | None
    quiet: bool
    reopened: int
    flapping: bool
    version: int


class Event(TypedDict):
    id: int
    kind: str
    at: Instant
    recorded_at: Instant
    actor: str
    version: int


class WithEvents(Incident):
    events: list[Event]


class Incidents(TypedDict):
    incidents: list[Incident]
    next: str | None


class Asked(Paged):
    open: Flag | None = None
    """Open means not yet recovered."""


def with_priorities(conn: Connection, org: str, rows: Sequence[Recorded]) -> list[Answerable]:
    """Each with every priority it has had."""
    reached = read_priorities(conn, org, (row.incident.key for row in rows))
    return [(row, reached.get(row.incident.key, frozenset())) for row in rows]


def shown(one: Answerable, parts: Parts) -> Incident:
    """One incident as of now; every caller shows the same fields."""
    row, _ = one
    incident = row.incident
    return {
        "key": incident.key,
        "system": incident.system,
        "family": incident.family,
        "causes": list(incident.causes),
        "sites": list(incident.sites),
        "category": incident.category,
        "priority": incident.priority,
        "status": row.status,
        "started_at": stamp(incident.started_at),
        "detected_at": stamp(row.detected_at),
        "recovered_at": instant(incident.recovered_at),
        "next_due": instant(row.next_due),
        "response": _response(one, parts),
        "attached_to": incident.attached_to,
        "quiet": incident.quiet,
        "reopened": incident.reopened,
        "flapping": incident.flapping,
        "version": row.version,
    }


def _response(one: Answerable, parts: Parts) -> Response | None:
    row, reached = one
    incident, history = row.incident, parts.evaluator.history
    live = parts.evaluator.folded.get(incident.system)
    down = outages(live.view.states) if live is not None and live.folded else ()
    at_start = (history, down, incident.system, incident.started_at)
    hours = hours_of(in_force(*at_start))
    response = clocks(incident, terms(*at_start), hours, row.detected_at, reached)
    return (
        None
        if response is None
        else {
            "warn_at": instant(response.warn_at),
            "due_at": stamp(response.due_at),
            "by": response.by,
            "overdue": is_overdue(response, incident, parts.now()),
        }
    )


def _page(
    conn: Connection, org: str, asked: Asked, after: Sequence[int | str] | None
) -> list[Answerable]:
    rows = read_incidents(conn, org, is_open=asked.open, after=after, limit=asked.limit + 1)
    return with_priorities(conn, org, rows)


def _one(conn: Connection, org: str, key: str) -> tuple[list[Answerable], list[journal.Row]]:
    rows = with_priorities(conn, org, read_incidents(conn, org, key=key))
    return rows, read_events(conn, org, key)


async def list_incidents(call: Call[Asked, Nothing]) -> Incidents:
    """Incidents, the newest start first."""
    asked, parts = call.query, call.parts
    after = place(asked.cursor, int, str)
    rows = await parts.store.read(_page, parts.org, asked, after)
    told = rows[: asked.limit]
    more = len(rows) > len(told)
    last = told[-1][0].incident if more else None
    return {
        "incidents": [shown(one, parts) for one in told],
        "next": None if last is None else cursor((last.started_at, last.key)),
    }


async def read_incident(call: Call[Nothing, Nothing]) -> WithEvents:
    """One incident with its events, oldest first."""
    parts, key = call.parts, call.path["key"]
    rows, events = await parts.store.read(_one, parts.org, key)
    if not rows:
        raise DeniedError(404, "api.unknown_incident")
    return {
        **shown(rows[0], parts),
        "events": [
            {
                "id": event.id,
                "kind": event.kind,
                "at": stamp(event.at),
                "recorded_at": stamp(event.recorded_at),
                "actor": event.actor,
                "version": json.loads(event.data)["version"],
            }
            for event in events
        ],
    }


ROUTES = (
    get("/api/v1/incidents", Permission.INCIDENTS_READ, list_incidents, Incidents, Asked),
    get("/api/v1/incidents/{key}", Permission.INCIDENTS_READ, read_incident, WithEvents, Nothing),
)
