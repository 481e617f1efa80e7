"""What people ruled of rejections by all, as the journal and the incidents have it."""

from __future__ import annotations

import json

from sqlalchemy import Connection

from alerts.people import ActKind
from collector import journal
from collector.core.rulings import Ruled
from collector.incident_acts import act_of
from collector.store.incidents import read_incidents

KIND = f"incident.{ActKind.RULED.value}"


def read(conn: Connection, org: str) -> tuple[Ruled, ...]:
    """One for each incident: of several the last stands."""
    latest: dict[str, journal.Row] = {}
    for row in journal.rows(conn, org, kind=KIND):
        latest[json.loads(row.data)["key"]] = row
    out: list[Ruled] = []
    for key, row in latest.items():
        act = act_of(row)
        for found in read_incidents(conn, org, key=key):
            if act is not None and act.ruling is not None:
                incident = found.incident
                start, end = incident.started_at, incident.recovered_at
                at = max(row.at, row.recorded_at)
                out.append(Ruled(key, incident.system, start, end, act.ruling, act.by, at))
    return tuple(out)
