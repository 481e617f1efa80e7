"""Incidents as recorded, and the events they are made of."""

from __future__ import annotations

import json
from typing import Literal

from typing_extensions import TypedDict

from alerts.events import Cause, Family, Priority
from collector.access.policy import Permission
from collector.api.cursors import Paged, cursor, place
from collector.api.parts import instant, stamp
from collector.api.problems import DeniedError
from collector.api.reading import Flag
from collector.api.routes import Call, Nothing, get
from collector.api.shapes import Instant
from collector.store.incidents import Recorded, read_events, read_incidents


class Incident(TypedDict):
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


def shown(row: Recorded) -> Incident:
    """One incident; every caller shows the same fields."""
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
        "attached_to": incident.attached_to,
        "quiet": incident.quiet,
        "reopened": incident.reopened,
        "flapping": incident.flapping,
        "version": row.version,
    }


async def list_incidents(call: Call[Asked, Nothing]) -> Incidents:
    """Incidents, the newest start first."""
    asked, parts = call.query, call.parts
    after = place(asked.cursor, int, str)
    rows = await parts.store.read(
        read_incidents, parts.org, is_open=asked.open, after=after, limit=asked.limit + 1
    )
    told = rows[: asked.limit]
    more = len(rows) > len(told)
    last = told[-1].incident if more else None
    return {
        "incidents": [shown(row) for row in told],
        "next": None if last is None else cursor((last.started_at, last.key)),
    }


async def read_incident(call: Call[Nothing, Nothing]) -> WithEvents:
    """One incident with its events, oldest first."""
    parts, key = call.parts, call.path["key"]
    rows = await parts.store.read(read_incidents, parts.org, key=key)
    if not rows:
        raise DeniedError(404, "api.unknown_incident")
    events = await parts.store.read(read_events, parts.org, key)
    return {
        **shown(rows[0]),
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
