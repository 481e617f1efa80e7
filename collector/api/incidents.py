"""Incidents as recorded, and the events they are made of."""

from __future__ import annotations

import json

from typing_extensions import TypedDict

from alerts.deadlines import DeadlineKind
from alerts.people import IncidentState
from collector.access.policy import Permission
from collector.annotations import around
from collector.api.annotations import Annotation
from collector.api.annotations import shown as shown_annotation
from collector.api.coming import ComesNext, Rung, coming, read_together, shown_rung
from collector.api.cursors import Paged, cursor, place
from collector.api.incident_shapes import Incident, shown
from collector.api.parts import instant, stamp
from collector.api.problems import DeniedError
from collector.api.reading import Flag
from collector.api.routes import Call, Nothing, get
from collector.api.shapes import Instant
from collector.api.told import ToldByAgent
from collector.api.told import shown as shown_told
from collector.process import Case
from collector.standings import read_stood
from collector.store.incidents import read_events
from collector.told import told_of


class Event(TypedDict):
    id: int
    kind: str
    at: Instant
    recorded_at: Instant
    actor: str
    version: int


class Notice(TypedDict):
    """A mandatory notice: late when it was not delivered by `deliver_by`."""

    notice: DeadlineKind
    told_at: Instant
    deliver_by: Instant
    delivered_at: Instant | None


class RungTold(Rung):
    at: Instant


class WithEvents(Incident):
    """`next`: what comes due next if nothing happens before, by the clocks of what hangs on it, too.
    `told`: what agents told by themselves of outages in its time. `rungs`: those that were told as
    nobody had taken it on.
    """

    events: list[Event]
    notices: list[Notice]
    rungs: list[RungTold]
    next: ComesNext | None
    told: list[ToldByAgent]
    annotations: list[Annotation]


class Incidents(TypedDict):
    incidents: list[Incident]
    next: str | None


class Asked(Paged):
    open: Flag | None = None
    """Open means not yet recovered, whatever people did."""
    status: IncidentState | None = None
    """What it stands at, acts of people and all."""


async def list_incidents(call: Call[Asked, Nothing]) -> Incidents:
    """Incidents, the newest start first."""
    asked, parts = call.query, call.parts
    after = place(asked.cursor, int, str)
    rows = await parts.store.read(
        read_stood,
        parts.org,
        parts.now(),
        is_open=asked.open,
        state=asked.status,
        after=after,
        limit=asked.limit + 1,
    )
    told = rows[: asked.limit]
    more = len(rows) > len(told)
    last = told[-1].row.incident if more else None
    return {
        "incidents": [shown(one, parts) for one in told],
        "next": None if last is None else cursor((last.started_at, last.key)),
    }


async def read_incident(call: Call[Nothing, Nothing]) -> WithEvents:
    """One incident with its events, oldest first."""
    parts, key = call.parts, call.path["key"]
    rows = await parts.store.read(read_stood, parts.org, parts.now(), key=key)
    if not rows:
        raise DeniedError(404, "api.unknown_incident")
    events = await parts.store.read(read_events, parts.org, key)
    incident = rows[0].row.incident
    span = (incident.system, incident.started_at, incident.recovered_at)
    told = await parts.store.read(told_of, parts.org, *span)
    changed = await parts.store.read(around, parts.org, *span)
    together = await parts.store.read(read_together, parts.org, rows[0].row)
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
        "notices": _notices(together[key]),
        "rungs": _rungs(together[key]),
        "next": coming(rows[0].row, together, parts),
        "told": [shown_told(one) for one in told],
        "annotations": [shown_annotation(one) for one in changed],
    }


def _notices(case: Case) -> list[Notice]:
    return [
        {
            "notice": fired.which.kind,
            "told_at": stamp(fired.at),
            "deliver_by": stamp(fired.by),
            "delivered_at": instant(case.delivered.get(fired.which)),
        }
        for fired in case.fired.values()
        if fired.by is not None
    ]


def _rungs(case: Case) -> list[RungTold]:
    told = ((one, shown_rung(one)) for one in case.fired.values())
    return [{**rung, "at": stamp(one.at)} for one, rung in told if rung is not None]


ROUTES = (
    get("/api/v1/incidents", Permission.INCIDENTS_READ, list_incidents, Incidents, Asked),
    get("/api/v1/incidents/{key}", Permission.INCIDENTS_READ, read_incident, WithEvents, Nothing),
)
