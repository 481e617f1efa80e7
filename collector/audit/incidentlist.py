"""Incidents as they stood at the end of a range, folded from the rows recorded before it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Connection, and_, func, select

from alerts.course import first_answer
from alerts.people import ActKind, Facts, standing
from alerts.transitions import BEGINNING, TransitionKind
from collector import incident_acts
from collector.audit.population import Cells, Population
from collector.audit.safecsv import when
from collector.audit.trail import COLUMNS, Range, row_of
from collector.changes import status_after
from collector.journal import Row
from collector.process_facts import KINDS, STEPS, step_of
from collector.store.incidents import Status
from collector.store.tables import incident_events, journal

INCIDENTS = Population(
    "incidents",
    "One row per incident of which anything was recorded in the range, or that was open when it "
    "began; as it stood at the range's end, from what was recorded before that.",
    (
        "incident",
        "system",
        "family",
        "state",
        "category",
        "priority",
        "started_at",
        "detected_at",
        "acknowledged_at",
        "acknowledged_by",
        "recovered_at",
        "resolved_at",
        "closed_at",
        "merged_into",
        "hangs_on",
        "sites",
        "notes",
        "rows",
        "first_row",
        "last_row",
    ),
    KINDS,
    from_beginning=True,
)
AT_ONCE = 200
"""Incidents in memory at a time, with all their rows."""
_OPENS = tuple(
    f"incident.{kind.value}"
    for kind in (*BEGINNING, TransitionKind.REOPENED, TransitionKind.CORRECTED)
)
_ENDS = f"incident.{TransitionKind.RECOVERED.value}"


def incidents(conn: Connection, org: str, wanted: Range) -> Iterator[Cells]:
    keys = sorted(_touched(conn, org, wanted) | _open_before(conn, org, wanted))
    for first in range(0, len(keys), AT_ONCE):
        some = keys[first : first + AT_ONCE]
        about = _rows_of(conn, org, wanted, some)
        for key in some:
            yield folded(key, about[key], wanted.end)


def folded(key: str, rows: Sequence[Row], end: int) -> Cells:
    """One incident from all its rows, in the order of their ids."""
    steps = [
        (row.at, step_of(STEPS[row.kind], data))
        for row in rows
        if row.kind in STEPS and "by" not in (data := json.loads(row.data))
    ]
    status: Status | None = None
    resolved_at: int | None = None
    for at, step in steps:
        status = status_after(step.kind, step.incident, status)
        if status != "resolved":
            resolved_at = None
        elif resolved_at is None:
            resolved_at = at
    incident = steps[-1][1].incident
    acts = [act for row in rows if (act := incident_acts.act_of(row)) is not None]
    stood = standing(
        Facts(incident.recovered_at, status == "resolved", incident.category), acts, end
    )
    answered = first_answer(acts)
    by = next((a.by for a in acts if a.kind is ActKind.ACKNOWLEDGED and not a.by_service), None)
    resolved = stood.resolved
    return (
        key,
        incident.system,
        incident.family.value,
        stood.state.value,
        stood.category,
        incident.priority.value,
        when(incident.started_at),
        when(steps[0][0]),
        when(answered),
        by,
        when(incident.recovered_at),
        when(resolved_at if resolved is None else resolved.at),
        None if stood.closed is None else when(stood.closed.at),
        stood.merged_into,
        incident.attached_to,
        " ".join(incident.sites),
        stood.notes,
        len(rows),
        rows[0].id,
        rows[-1].id,
    )


_EVENTS = incident_events.join(
    journal,
    and_(journal.c.org == incident_events.c.org, journal.c.id == incident_events.c.id),
)


def _upto(org: str, last: int) -> ColumnElement[bool]:
    return and_(incident_events.c.org == org, journal.c.id <= last, journal.c.kind.in_(KINDS))


def _touched(conn: Connection, org: str, wanted: Range) -> set[str]:
    query = (
        select(incident_events.c.key)
        .select_from(_EVENTS)
        .where(_upto(org, wanted.last), journal.c.id >= wanted.first)
        .distinct()
    )
    return set(conn.execute(query).scalars())


def _open_before(conn: Connection, org: str, wanted: Range) -> set[str]:
    """Those whose last step before the range leaves them open."""
    query = (
        select(incident_events.c.key, journal.c.kind, func.max(journal.c.id))
        .select_from(_EVENTS)
        .where(_upto(org, wanted.first - 1), journal.c.kind.in_((*_OPENS, _ENDS)))
        .group_by(incident_events.c.key, journal.c.kind)
    )
    last: dict[str, tuple[int, str]] = {}
    for key, kind, number in conn.execute(query):
        last[key] = max(last.get(key, (0, "")), (number, kind))
    maybe = {number: key for key, (number, kind) in last.items() if kind != _ENDS}
    found: set[str] = set()
    numbers = sorted(maybe)
    for first in range(0, len(numbers), AT_ONCE):
        some = select(journal.c.id, journal.c.data).where(
            journal.c.org == org, journal.c.id.in_(numbers[first : first + AT_ONCE])
        )
        found |= {
            maybe[row.id]
            for row in conn.execute(some)
            if json.loads(bytes(row.data))["recovered_at"] is None
        }
    return found


def _rows_of(
    conn: Connection, org: str, wanted: Range, keys: Sequence[str]
) -> dict[str, list[Row]]:
    """By key, oldest first; ids first, so that no engine looks through the whole journal."""
    linked = select(incident_events.c.id, incident_events.c.key).where(
        incident_events.c.org == org,
        incident_events.c.key.in_(keys),
        incident_events.c.id <= wanted.last,
    )
    about = {row.id: row.key for row in conn.execute(linked)}
    numbers, out = sorted(about), dict[str, list[Row]]()
    for first in range(0, len(numbers), AT_ONCE):
        query = select(*COLUMNS).where(
            journal.c.org == org,
            journal.c.id.in_(numbers[first : first + AT_ONCE]),
            journal.c.kind.in_(KINDS),
        )
        for row in (row_of(*columns) for columns in conn.execute(query.order_by(journal.c.id))):
            out.setdefault(about[row.id], []).append(row)
    return out
