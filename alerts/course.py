"""What an incident has gone through so far: the steps of the rules and the acts of people. Pure.

A course grows by one recorded event after the other and is never taken back; the deadlines that
follow from it are told by `deadlines.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from alerts.category import PRIORITY
from alerts.events import Cause, Incident, Priority
from alerts.people import (
    Act,
    ActKind,
    Facts,
    IncidentState,
    Standing,
    category_in_force,
    standing,
)
from alerts.transitions import Transition, TransitionKind

T = TypeVar("T")

_PAGING = frozenset(
    {
        TransitionKind.OPENED,
        TransitionKind.REOPENED,
        TransitionKind.PAGED,
        TransitionKind.PARTED,
    }
)
ENDED = frozenset(
    {
        IncidentState.RESOLVED,
        IncidentState.CLOSED,
        IncidentState.MERGED,
        IncidentState.FALSE_POSITIVE,
    }
)
"""Nobody waits for anything any more, but for the report."""


@dataclass(frozen=True, slots=True)
class Course:
    """`incident` as the rules recorded it last; every instant is UTC ms.

    `alone_since`: when it last began to speak for itself (opened, reopened, paged, parted).
    `reached` are the priorities the rules gave it while it was not quiet, each with its first
    instant, `categories` likewise. `resolved_at` is when the rules resolved it, None if they did
    not; `found_at` when a past outage was found late, until it is back. `config` numbers the
    version whose terms it has, None in rows of earlier releases. `attached_since`: when it began to
    hang on the one it hangs on; `rejected_at`: when it was first rejected by all.
    """

    incident: Incident
    detected_at: int
    alone_since: int
    found_at: int | None = None
    resolved_at: int | None = None
    reached: tuple[tuple[int, Priority], ...] = ()
    categories: tuple[tuple[int, int], ...] = ()
    acts: tuple[Act, ...] = ()
    config: int | None = None
    attached_since: int | None = None
    rejected_at: int | None = None

    def stands(self, now: int, *, until: int | None = None) -> Standing:
        """At `now`, by the acts up to `until` (included; None = all of them)."""
        acts = [act for act in self.acts if until is None or act.at <= until]
        return standing(self.facts(until), acts, now)

    def facts(self, until: int | None = None) -> Facts:
        """What the rules had recorded by `until` of recovery and resolution."""
        over, done = self.incident.recovered_at, self.resolved_at
        if until is not None and over is not None and over > until:
            over = None
        resolved = over is not None and done is not None and (until is None or done <= until)
        return Facts(over, resolved, self.incident.category)

    def category_at(self, t: int, *, own: bool = True) -> int:
        """The category in force at `t`, 0 before it had one; without `own` a person's alone."""
        known = self.categories if own else ()
        rules = max((category for at, category in known if at <= t), default=0)
        found = standing(Facts(None, resolved=False, category=rules), self._by(t), t)
        return category_in_force(rules, found.category_set, t)

    def priorities(self) -> tuple[tuple[int, Priority], ...]:
        """Every priority it has had, by the rules or by a person, with its first instant."""
        said = [(a.at, PRIORITY[a.category]) for a in self.acts if a.category is not None]
        first: dict[Priority, int] = {}
        for at, priority in sorted([*self.reached, *said]):
            first.setdefault(priority, at)
        return tuple((at, priority) for priority, at in first.items())

    def _by(self, t: int) -> list[Act]:
        return [act for act in self.acts if act.at <= t]


def taken(course: Course | None, step: Transition, at: int, recorded: int) -> Course:
    """The course after a step of the rules; the first one begins it. `recorded`: when it was."""
    incident = step.incident
    if course is None:
        late = step.kind is TransitionKind.FOUND_LATE
        course = Course(incident, at, at, found_at=recorded if late else None, config=step.config)
    elif step.kind in _PAGING:
        course = replace(course, alone_since=at)
    resolved = course.resolved_at
    if step.kind is TransitionKind.RESOLVED:
        resolved = at
    if step.kind is TransitionKind.REOPENED:
        resolved = None
        again = Act(ActKind.REOPENED, "system", at)
        course = replace(course, found_at=None, acts=(*course.acts, again))
    attached = course.attached_since
    if incident.attached_to is None:
        attached = None
    elif attached is None or course.incident.attached_to != incident.attached_to:
        attached = at
    rejected = course.rejected_at
    if rejected is None and Cause.REJECTED_BY_ALL in incident.causes:
        rejected = at
    course = replace(
        course,
        incident=incident,
        resolved_at=resolved,
        attached_since=attached,
        rejected_at=rejected,
    )
    if incident.quiet:
        return course
    return replace(
        course,
        reached=_with(course.reached, at, incident.priority),
        categories=_with(course.categories, at, incident.category),
    )


def acted(course: Course, act: Act) -> Course:
    return replace(course, acts=(*course.acts, act))


def _with(known: tuple[tuple[int, T], ...], at: int, value: T) -> tuple[tuple[int, T], ...]:
    return known if value in (v for _, v in known) else (*known, (at, value))


def in_effect(incident: Incident, category: int) -> Incident:
    """The incident with the category in force, and the priority it means."""
    if category == incident.category:
        return incident
    return replace(incident, category=category, priority=PRIORITY[category])


def first_answer(acts: Iterable[Act]) -> int | None:
    """When a person first acknowledged."""
    answers = (a.at for a in acts if a.kind is ActKind.ACKNOWLEDGED and not a.by_service)
    return min(answers, default=None)
