"""An incident as the rules record it, for tests that need one and do not care which."""

from __future__ import annotations

from typing import Any

from alerts.events import Cause, Family, Incident, Priority


def an_outage(started_at: int, system: str = "ehr", **changes: Any) -> Incident:
    """Of category 2: down and open, alone, never reopened; `started_at` is UTC ms."""
    made: dict[str, Any] = {
        "key": f"{system}.availability.{started_at}",
        "system": system,
        "family": Family.AVAILABILITY,
        "causes": (Cause.DOWN,),
        "category": 2,
        "priority": Priority.P2,
        "started_at": started_at,
        "due_at": started_at,
        "recovered_at": None,
        "attached_to": None,
        "quiet": False,
        "reopened": 0,
        "flapping": False,
    }
    return Incident(**made | changes)
