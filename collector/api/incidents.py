"""Incidents as recorded, and the events they are made of."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from collector.api.parts import PARTS, answer, flag, instant, only, whole
from collector.api.problems import problem
from collector.store.incidents import Recorded, read_events, read_incidents

PAGE, MOST = 100, 1_000


def shown(row: Recorded) -> dict[str, Any]:
    """One incident; every caller shows the same fields."""
    incident = row.incident
    return {
        "key": incident.key,
        "system": incident.system,
        "family": incident.family.value,
        "causes": [cause.value for cause in incident.causes],
        "sites": list(incident.sites),
        "category": incident.category,
        "priority": incident.priority.value,
        "status": row.status,
        "started_at": instant(incident.started_at),
        "detected_at": instant(row.detected_at),
        "recovered_at": instant(incident.recovered_at),
        "next_due": instant(row.next_due),
        "attached_to": incident.attached_to,
        "quiet": incident.quiet,
        "reopened": incident.reopened,
        "flapping": incident.flapping,
        "version": row.version,
    }


async def get_incidents(request: web.Request) -> web.Response:
    """Newest start first; `open` means not yet recovered."""
    only(request, "open", "limit")
    is_open = flag(request, "open")
    limit = whole(request, "limit", default=PAGE, most=MOST)
    parts = request.app[PARTS]
    rows = await parts.store.read(read_incidents, parts.org, is_open=is_open, limit=limit)
    return answer({"incidents": [shown(row) for row in rows]})


async def get_incident(request: web.Request) -> web.Response:
    """One incident with its events, oldest first."""
    only(request)
    parts = request.app[PARTS]
    key = request.match_info["key"]
    rows = await parts.store.read(read_incidents, parts.org, key=key)
    if not rows:
        return problem(404, "api.unknown_incident")
    events = await parts.store.read(read_events, parts.org, key)
    return answer(
        shown(rows[0])
        | {
            "events": [
                {
                    "id": event.id,
                    "kind": event.kind,
                    "at": instant(event.at),
                    "recorded_at": instant(event.recorded_at),
                    "actor": event.actor,
                    "version": json.loads(event.data)["version"],
                }
                for event in events
            ]
        }
    )
