"""Changes of the servers behind checks, as the journal has them: read beside incidents."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select

from collector.sightings import KIND
from collector.store.tables import journal

BEFORE_MS = 86_400_000
"""How long before an incident a change is shown with it."""
MOST = 50
"""Rows shown at a time, the newest."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """`what` changed: software, statement; instants are UTC ms."""

    id: int
    at: int
    recorded_at: int
    system: str
    check: str
    agent: str
    what: tuple[str, ...]


def changed_of(
    conn: Connection,
    org: str,
    systems: Collection[str],
    start: int,
    end: int | None = None,
    most: int = MOST,
) -> list[Annotation]:
    """Of these systems in `[start, end)`, at most the newest ones, oldest first."""
    query = select(journal.c.id, journal.c.at, journal.c.recorded_at, journal.c.data).where(
        journal.c.org == org, journal.c.kind == KIND, journal.c.at >= start
    )
    if end is not None:
        query = query.where(journal.c.at < end)
    found: list[Annotation] = []
    for row in conn.execute(query.order_by(journal.c.at.desc(), journal.c.id.desc())):
        data = json.loads(bytes(row.data))
        if data["system"] in systems:
            what = tuple(sorted(data["after"]))
            named = (data["system"], data["check"], data["agent"])
            found.append(Annotation(row.id, row.at, row.recorded_at, *named, what))
            if len(found) == most:
                break
    return found[::-1]


def around(
    conn: Connection, org: str, system: str, started_at: int, ended_at: int | None
) -> list[Annotation]:
    """Those in the day before an incident and during it."""
    end = None if ended_at is None else ended_at + 1
    return changed_of(conn, org, {system}, started_at - BEFORE_MS, end)
