"""Incidents as they stand: what the rules recorded, and what people did since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from alerts.course import first_answer
from alerts.events import Priority
from alerts.people import Facts, IncidentState, Standing, standing
from collector.incident_acts import KINDS, act_of
from collector.store.incidents import (
    Recorded,
    read_events_of,
    read_incidents,
    read_priorities,
)


@dataclass(frozen=True, slots=True)
class Stood:
    row: Recorded
    standing: Standing
    reached: frozenset[Priority]
    """Every priority the rules have given it."""
    answered: bool
    """A person has acknowledged it, however long ago."""


def stood(conn: Connection, org: str, rows: Sequence[Recorded], now: int) -> list[Stood]:
    """The same incidents in the same order, with their standing at `now` (UTC ms)."""
    reached = read_priorities(conn, org, (row.incident.key for row in rows))
    about = read_events_of(conn, org, [row.incident.key for row in rows], list(KINDS))
    out: list[Stood] = []
    for row in rows:
        key = row.incident.key
        acts = [act for event in about.get(key, ()) if (act := act_of(event))]
        facts = Facts(row.incident.recovered_at, row.status == "resolved", row.incident.category)
        answered = first_answer(acts) is not None
        found = standing(facts, acts, now)
        out.append(Stood(row, found, reached.get(key, frozenset()), answered))
    return out


def read_stood(
    conn: Connection,
    org: str,
    now: int,
    *,
    key: str | None = None,
    is_open: bool | None = None,
    state: IncidentState | None = None,
    after: Sequence[int | str] | None = None,
    limit: int | None = None,
) -> list[Stood]:
    """Newest start first, as `read_incidents`; `state` is the one they stand in."""
    found: list[Stood] = []
    while True:
        rows = read_incidents(conn, org, key=key, is_open=is_open, after=after, limit=limit)
        found += (
            one
            for one in stood(conn, org, rows, now)
            if state is None or one.standing.state is state
        )
        if limit is None or len(rows) < limit or len(found) >= limit:
            return found[:limit]
        last = rows[-1].incident
        after = (last.started_at, last.key)
