"""Incidents as they stand: what the rules recorded, what people did since, what hangs on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from alerts.category import PRIORITY
from alerts.course import first_answer
from alerts.events import Family, Priority
from alerts.grouping import Groups
from alerts.people import Facts, IncidentState, Standing, standing
from collector.incident_acts import KINDS, act_of
from collector.process_facts import BEGINNINGS, config_of
from collector.store.incidents import (
    Recorded,
    read_events_of,
    read_incidents,
    read_priorities,
)

_KINDS = [*KINDS, *BEGINNINGS]


@dataclass(frozen=True, slots=True)
class Stood:
    row: Recorded
    standing: Standing
    reached: frozenset[Priority]
    """Every priority it has had, by the rules or by a person."""
    answered: bool
    """A person has acknowledged it, however long ago."""
    config: int | None = None
    """The number of the version whose terms it has, as its first row has it."""
    attached: tuple[Stood, ...] = ()
    """The open incidents that hang on it, at any depth."""


def stood(conn: Connection, org: str, rows: Sequence[Recorded], now: int) -> list[Stood]:
    """The same incidents in the same order, with their standing at `now` (UTC ms)."""
    below = _below(conn, org, rows)
    every = {
        row.incident.key: row for row in (*rows, *(r for some in below.values() for r in some))
    }
    each = _each(conn, org, list(every.values()), now)
    return [
        replace(each[key], attached=tuple(each[one.incident.key] for one in below.get(key, ())))
        for key in (row.incident.key for row in rows)
    ]


def _below(
    conn: Connection, org: str, rows: Sequence[Recorded]
) -> Mapping[str, Sequence[Recorded]]:
    """By key of an open incident: the open ones that hang on it."""
    if not any(_may_carry(row) for row in rows):
        return {}
    is_open = {row.incident.key: row for row in read_incidents(conn, org, is_open=True)}
    groups = Groups(row.incident for row in is_open.values())
    return {
        row.incident.key: [is_open[one.key] for one in groups.attached(row.incident)]
        for row in rows
        if _may_carry(row)
    }


def _may_carry(row: Recorded) -> bool:
    return row.incident.family is Family.AVAILABILITY and row.incident.recovered_at is None


def _each(conn: Connection, org: str, rows: Sequence[Recorded], now: int) -> dict[str, Stood]:
    reached = read_priorities(conn, org, (row.incident.key for row in rows))
    about = read_events_of(conn, org, [row.incident.key for row in rows], _KINDS)
    out: dict[str, Stood] = {}
    for row in rows:
        key = row.incident.key
        acts = [act for event in about.get(key, ()) if (act := act_of(event))]
        facts = Facts(row.incident.recovered_at, row.status == "resolved", row.incident.category)
        out[key] = Stood(
            row,
            standing(facts, acts, now),
            reached.get(key, frozenset())
            | {PRIORITY[act.category] for act in acts if act.category is not None},
            first_answer(acts) is not None,
            config_of(about.get(key, ())),
        )
    return out


def read_one(conn: Connection, org: str, key: str, now: int) -> Stood | None:
    """An incident without those that hang on it."""
    rows = read_incidents(conn, org, key=key)
    return _each(conn, org, rows, now)[key] if rows else None


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
