"""The process in the journal: what came due and what arrived as rows, and the way back to cases.

Cases are folded from the rows in the order they were recorded, by the functions that made them:
after a restart, or in another process, nothing is said twice and no step is skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from alerts.course import acted, taken
from alerts.deadlines import Deadline, DeadlineKind, Which
from alerts.events import Priority
from alerts.ladder import Rank, Reached, RungDue
from alerts.people import Act
from alerts.transitions import BEGINNING, Transition, TransitionKind
from collector import incident_acts
from collector.journal import Fact, Row, canonical
from collector.process import Arrival, Case, with_sent
from collector.store.incidents import incident_of

ARRIVED = "incident.notice_delivered"
STEPS = {f"incident.{kind.value}": kind for kind in TransitionKind}
DEADLINES = {f"incident.{kind.value}": kind for kind in DeadlineKind}
BEGINNINGS = [f"incident.{kind.value}" for kind in TransitionKind if kind in BEGINNING]
ACTS = tuple(incident_acts.KINDS)
KINDS = tuple({**STEPS, **DEADLINES, **incident_acts.KINDS, ARRIVED: None})
"""Kinds of journal rows that make the cases."""


def deadline_fact(
    key: str, version: int, deadline: Deadline, sent: Sequence[tuple[str, str]]
) -> Fact:
    """`version`: of the incident as the rules have it; `sent`: (message id, receiver), of a notice."""
    kind, of, occasion = deadline.which
    data: dict[str, Any] = {"key": key, "version": version, "of": of, "occasion": occasion}
    if deadline.by is not None:
        data |= {"deliver_by": deadline.by, "sent": [list(one) for one in sent]}
    if deadline.rung is not None and deadline.reached is not None:
        data |= {
            "rung": deadline.rung.number,
            "round": deadline.rung.round,
            "rank": [deadline.rung.rank.priority.value, deadline.rung.rank.category],
            "by_rung": deadline.reached.by,
            "receivers": list(deadline.reached.receivers),
        }
    return Fact(f"incident.{kind.value}", deadline.at, canonical(data))


def deadline_of(kind: DeadlineKind, data: Mapping[str, Any], at: int) -> Deadline:
    """The way back, from a row's kind, `data` and instant."""
    which = Which(kind, data["of"], data["occasion"])
    if kind is not DeadlineKind.ESCALATED:
        return Deadline(which, at, data.get("deliver_by"))
    priority, category = data["rank"]
    rung = RungDue(data["rung"], data["round"], Rank(Priority(priority), category))
    return Deadline(
        which, at, rung=rung, reached=Reached(data["by_rung"], tuple(data["receivers"]))
    )


def arrival_fact(arrival: Arrival, version: int) -> Fact:
    kind, of, occasion = arrival.which
    data = {
        "key": arrival.key,
        "version": version,
        "notice": kind.value,
        "of": of,
        "occasion": occasion,
        "receiver": arrival.receiver,
    }
    return Fact(ARRIVED, arrival.at, canonical(data))


def acts_of(rows: Iterable[Row]) -> list[tuple[str, Act]]:
    """What people did, each with the incident's key; what the rules did is left out."""
    out = []
    for row in rows:
        data = json.loads(row.data)
        act = incident_acts.act_of(row) if "by" in data else None
        if act is not None:
            out.append((data["key"], act))
    return out


def cases(rows: Sequence[Row]) -> dict[str, Case]:
    """Every case, from all rows of `KINDS` that an evaluation had taken in, in order.

    Nothing is due in them yet: when each is to be looked at again, the next evaluation finds out.
    """
    out: dict[str, Case] = {}
    for row in rows:
        data = json.loads(row.data)
        key, before = data["key"], out.get(data["key"])
        if row.kind in STEPS and "by" not in data:
            step = step_of(STEPS[row.kind], data)
            out[key] = _stepped(before, step, row.at, row.recorded_at)
        elif before is None:
            raise ValueError("an incident begins with a step of the rules")
        elif row.kind in DEADLINES:
            out[key] = _fired(before, DEADLINES[row.kind], data, row.at)
        elif row.kind == ARRIVED:
            which = Which(DeadlineKind(data["notice"]), data["of"], data["occasion"])
            out[key] = replace(before, delivered={which: row.at, **before.delivered})
        else:
            ((_, act),) = acts_of([row])
            out[key] = replace(before, course=acted(before.course, act))
    return out


def step_of(kind: TransitionKind, data: Mapping[str, Any]) -> Transition:
    """The step as its row's `data` has it."""
    return Transition(kind, incident_of(data), data.get("config"))


def config_of(rows: Iterable[Row]) -> int | None:
    """The number of the version whose terms the incident of these rows has."""
    found = (json.loads(row.data).get("config") for row in rows if row.kind in BEGINNINGS)
    return next(found, None)


def _stepped(before: Case | None, step: Transition, at: int, recorded: int) -> Case:
    course = taken(None if before is None else before.course, step, at, recorded)
    return Case(course) if before is None else replace(before, course=course)


def _fired(before: Case, kind: DeadlineKind, data: Mapping[str, Any], at: int) -> Case:
    one = deadline_of(kind, data, at)
    fired = replace(before, fired={**before.fired, one.which: one})
    return with_sent(fired, ((id_, one.which, receiver) for id_, receiver in data.get("sent", ())))
