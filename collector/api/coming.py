"""What comes due next of an incident, as the evaluation reckons it: among all it hangs together with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from sqlalchemy import Connection
from typing_extensions import TypedDict

from alerts.deadlines import Deadline, DeadlineKind, due
from alerts.grouping import Groups
from alerts.targets import reaching
from collector.api.parts import Parts, stamp
from collector.api.shapes import Instant
from collector.process import Case, among, groups_of, with_reached
from collector.process_facts import KINDS, cases
from collector.saying import settings_of
from collector.store.incidents import Recorded, read_events_of, read_incidents
from collector.truths import prolonged


class Rung(TypedDict):
    """A rung of the ladder `policy`; rung and round count from 1. `by_rung`: the one whose people
    hear of it, another one where the rung itself reaches nobody, null where none does.
    """

    policy: str
    rung: int
    round: int
    by_rung: int | None
    receivers: list[str]


class ComesNext(TypedDict):
    """`at`, what a person has to see to; `looked_at`: only the rules look at it again. `rung`, of
    `escalated`: whom it reaches by what is known now.
    """

    kind: DeadlineKind | Literal["looked_at"]
    at: Instant
    rung: Rung | None


def read_together(conn: Connection, org: str, row: Recorded) -> dict[str, Case]:
    """The incident, what hangs on it and what it hangs on, by key."""
    known = {row.incident.key: row.incident}
    if row.incident.recovered_at is None:
        known |= {r.incident.key: r.incident for r in read_incidents(conn, org, is_open=True)}
    above = row.incident.attached_to
    while above is not None and above not in {one.system for one in known.values()}:
        latest = read_incidents(conn, org, system=above, limit=1)
        known |= {one.incident.key: one.incident for one in latest}
        above = latest[0].incident.attached_to if latest else None
    groups = Groups(known.values())
    near = (*groups.attached(row.incident), *groups.above(row.incident))
    keys = sorted({row.incident.key, *(one.key for one in near)})
    events = [event for some in read_events_of(conn, org, keys, KINDS).values() for event in some]
    return cases(sorted(events, key=lambda event: event.id))


def coming(row: Recorded, together: Mapping[str, Case], parts: Parts) -> ComesNext | None:
    """Of the incident of `row`, if nothing happens before."""
    evaluator, now = parts.evaluator, parts.now()
    systems = {case.course.incident.system for case in together.values()}
    views = {
        name: prolonged(live, now)
        for name, live in evaluator.folded.items()
        if name in systems and live.folded
    }
    own = settings_of(views, evaluator.history, evaluator.frozen, now)
    case = together[row.incident.key]
    settings = among(case.course, groups_of(together.values(), now), together, own, now)
    found = due(case.course, settings, case.fired, case.delivered, now).following
    if row.next_due is not None and (found is None or row.next_due < found.at):
        return {"kind": "looked_at", "at": stamp(row.next_due), "rung": None}
    if found is None:
        return None
    reach = reaching(evaluator.history)
    found = with_reached(case.course, found, settings, reach)
    return {"kind": found.which.kind, "at": stamp(found.at), "rung": shown_rung(found)}


def shown_rung(one: Deadline) -> Rung | None:
    if one.rung is None or one.reached is None:
        return None
    return {
        "policy": one.which.of,
        "rung": one.rung.number,
        "round": one.rung.round,
        "by_rung": one.reached.by,
        "receivers": list(one.reached.receivers),
    }
