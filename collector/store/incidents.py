"""Incident rows and state changes: projections the lease holder writes, everyone reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from sqlalchemy import Connection, and_, bindparam, delete, func, or_, select, update

from alerts.events import Cause, Family, Incident, Priority, State
from collector import journal
from collector.store.tables import incident_events, incidents, system_flips, system_states
from collector.store.tables import journal as journal_rows
from collector.store.upsert import replace_all

Status = Literal["open", "recovered", "resolved"]
Flips = tuple[tuple[int, State], ...]
"""(from this instant on, this state), in order."""
Place = tuple[str, str]
"""(system, site)."""
WHOLE = ""
"""The `site` of what is said about the whole system."""
AT_ONCE = 500
"""Keys a statement names."""
_FIELDS = tuple(field.name for field in fields(Incident))


class StaleError(Exception):
    """An incident has moved on since it was read; read again."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An incident as recorded."""

    version: int
    incident: Incident
    status: Status
    detected_at: int
    next_due: int | None


@dataclass(frozen=True, slots=True)
class SystemState:
    """One system, or one site of it, at the last evaluation."""

    system: str
    site: str
    state: State
    since: int
    as_of: int


def read_incidents(
    conn: Connection,
    org: str,
    *,
    key: str | None = None,
    system: str | None = None,
    is_open: bool | None = None,
    after: Sequence[int | str] | None = None,
    limit: int | None = None,
) -> list[Recorded]:
    """Newest start first; `after`: (started_at, key) of the last one told. Of a system those of its
    availability, which alone hang together.
    """
    query = select(incidents).where(incidents.c.org == org)
    if system is not None:
        about = (incidents.c.system == system, incidents.c.family == Family.AVAILABILITY.value)
        query = query.where(*about)
    if key is not None:
        query = query.where(incidents.c.key == key)
    if is_open is not None:
        missing = incidents.c.recovered_at.is_(None)
        query = query.where(missing if is_open else ~missing)
    if after is not None:
        started, last = after
        query = query.where(
            or_(
                incidents.c.started_at < started,
                and_(incidents.c.started_at == started, incidents.c.key > last),
            )
        )
    query = query.order_by(incidents.c.started_at.desc(), incidents.c.key).limit(limit)
    return [
        Recorded(r.version, incident_of(json.loads(r.data)), r.status, r.detected_at, r.next_due)
        for r in conn.execute(query)
    ]


def write_incidents(conn: Connection, org: str, rows: Sequence[Recorded]) -> None:
    """Insert those of version 1, replace the version before of all others; StaleError when that
    is not there.
    """
    fresh = [{"org": org, "key": r.incident.key, **_values(r)} for r in rows if r.version == 1]
    if fresh:
        conn.execute(incidents.insert(), fresh)
    later = [
        {"of": org, "about": r.incident.key, "before": r.version - 1, **_values(r)}
        for r in rows
        if r.version > 1
    ]
    if later and conn.execute(_REPLACE, later).rowcount != len(later):
        raise StaleError


_REPLACE = update(incidents).where(
    incidents.c.org == bindparam("of"),
    incidents.c.key == bindparam("about"),
    incidents.c.version == bindparam("before"),
)


def _values(row: Recorded) -> dict[str, object]:
    incident = row.incident
    return {
        "version": row.version,
        "system": incident.system,
        "family": incident.family.value,
        "status": row.status,
        "started_at": incident.started_at,
        "detected_at": row.detected_at,
        "recovered_at": incident.recovered_at,
        "next_due": row.next_due,
        "data": json.dumps(incident_fields(incident), sort_keys=True),
    }


def move_due(conn: Connection, org: str, key: str, before: int | None, after: int | None) -> None:
    """Set `next_due` by compare-and-set; StaleError when somebody else has moved it."""
    known = incidents.c.next_due
    changed = conn.execute(
        update(incidents)
        .where(
            incidents.c.org == org,
            incidents.c.key == key,
            known.is_(None) if before is None else known == before,
        )
        .values(next_due=after)
    )
    if changed.rowcount != 1:
        raise StaleError


def link_events(conn: Connection, org: str, events: Iterable[tuple[str, int]]) -> None:
    """Note which journal rows (by id) are about which incident (by key)."""
    rows = [{"org": org, "key": key, "id": number} for key, number in events]
    if rows:
        conn.execute(incident_events.insert(), rows)


def read_events(conn: Connection, org: str, key: str) -> list[journal.Row]:
    """The journal rows about one incident, oldest first."""
    about = select(incident_events.c.id).where(
        incident_events.c.org == org, incident_events.c.key == key
    )
    return journal.rows(conn, org, only=about)


def read_priorities(
    conn: Connection, org: str, keys: Iterable[str]
) -> dict[str, frozenset[Priority]]:
    """Every priority each incident has had, as its events have it."""
    out: dict[str, frozenset[Priority]] = {}
    wanted = sorted(keys)
    for first in range(0, len(wanted), AT_ONCE):
        query = (
            select(incident_events.c.key, journal_rows.c.data)
            .join(
                journal_rows,
                and_(
                    journal_rows.c.org == incident_events.c.org,
                    journal_rows.c.id == incident_events.c.id,
                ),
            )
            .where(
                incident_events.c.org == org,
                incident_events.c.key.in_(wanted[first : first + AT_ONCE]),
            )
        )
        for row in conn.execute(query):
            # what people did has none
            if "priority" in (data := json.loads(row.data)):
                out[row.key] = out.get(row.key, frozenset()) | {Priority(data["priority"])}
    return out


def read_events_of(
    conn: Connection, org: str, keys: Sequence[str], kinds: Sequence[str]
) -> dict[str, list[journal.Row]]:
    """The journal rows of some kinds about some incidents, by key, oldest first."""
    out: dict[str, list[journal.Row]] = {}
    for first in range(0, len(keys), AT_ONCE):
        some = keys[first : first + AT_ONCE]
        linked = select(incident_events.c.key, incident_events.c.id).where(
            incident_events.c.org == org, incident_events.c.key.in_(some)
        )
        about = {row.id: row.key for row in conn.execute(linked)}
        only = select(incident_events.c.id).where(
            incident_events.c.org == org, incident_events.c.key.in_(some)
        )
        for row in journal.rows(conn, org, kind=kinds, only=only):
            out.setdefault(about[row.id], []).append(row)
    return out


def incident_fields(incident: Incident) -> dict[str, object]:
    """Ids, enumerations, integers and instants; what the journal and the row hold."""
    values = ((name, getattr(incident, name)) for name in _FIELDS)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values}


def incident_of(fields: Mapping[str, Any]) -> Incident:
    """The way back from `incident_fields`."""
    data = {name: fields[name] for name in Incident.__dataclass_fields__}
    return Incident(
        **{
            **data,
            "family": Family(data["family"]),
            "causes": tuple(Cause(c) for c in data["causes"]),
            "priority": Priority(data["priority"]),
            "sites": tuple(data["sites"]),
        }
    )


def read_flips(conn: Connection, org: str, system: str | None = None) -> dict[Place, Flips]:
    query = (
        select(system_flips)
        .where(system_flips.c.org == org)
        .order_by(system_flips.c.system, system_flips.c.site, system_flips.c.at)
    )
    if system is not None:
        query = query.where(system_flips.c.system == system)
    out: dict[Place, list[tuple[int, State]]] = {}
    for row in conn.execute(query):
        out.setdefault((row.system, row.site), []).append((row.at, State(row.state)))
    return {key: tuple(flips) for key, flips in out.items()}


def write_flips(conn: Connection, org: str, changed: Mapping[Place, tuple[Flips, Flips]]) -> None:
    """Replace what differs, (before, after) of each place; usually the last change or nothing."""
    gone: list[dict[str, object]] = []
    rows: list[dict[str, object]] = []
    for (system, site), (before, after) in sorted(changed.items()):
        same = next(
            (n for n, (old, new) in enumerate(zip(before, after, strict=False)) if old != new),
            min(len(before), len(after)),
        )
        if same < len(before):
            gone.append({"of": org, "about": system, "place": site, "since": before[same][0]})
        rows += (
            {"org": org, "system": system, "site": site, "at": at, "state": state.value}
            for at, state in after[same:]
        )
    if gone:
        conn.execute(_FORGET, gone)
    if rows:
        conn.execute(system_flips.insert(), rows)


_FORGET = delete(system_flips).where(
    system_flips.c.org == bindparam("of"),
    system_flips.c.system == bindparam("about"),
    system_flips.c.site == bindparam("place"),
    system_flips.c.at >= bindparam("since"),
)


def read_states(conn: Connection, org: str) -> list[SystemState]:
    rows = conn.execute(
        select(system_states)
        .where(system_states.c.org == org)
        .order_by(system_states.c.system, system_states.c.site)
    )
    return [SystemState(r.system, r.site, State(r.state), r.since, r.as_of) for r in rows]


def said_at(conn: Connection, org: str) -> int:
    """When anything was said last; 0 before."""
    query = select(func.max(system_states.c.as_of)).where(system_states.c.org == org)
    return int(conn.execute(query).scalar() or 0)


def write_states(
    conn: Connection, org: str, states: Sequence[SystemState], now: int, *, whole: bool
) -> None:
    """Bring the snapshot of the last evaluation up to `now`: `states` are those that changed, or
    the `whole` of it.
    """
    if whole:
        conn.execute(delete(system_states).where(system_states.c.org == org))
    else:
        conn.execute(update(system_states).where(system_states.c.org == org).values(as_of=now))
    rows = [
        {
            "org": org,
            "system": s.system,
            "site": s.site,
            "state": s.state.value,
            "since": s.since,
            "as_of": s.as_of,
        }
        for s in states
    ]
    replace_all(conn, system_states, rows)
