"""An incident of a point-of-care system and what becomes of it, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from alerts.course import Course, acted, taken
from alerts.deadlines import Deadline, DeadlineKind, Found, Settings, Which, due
from alerts.events import Priority
from alerts.people import Act, ActKind
from alerts.transitions import Transition, TransitionKind
from probes.config import Config
from tests.support.outages import an_outage
from tests.support.processing import settings

START = 1_767_612_600_000
"""2026-01-05T11:30:00Z, a Monday, 05:30 in Chicago."""
MIN, HOUR, DAY = 60_000, 3_600_000, 86_400_000
T, K = TransitionKind, DeadlineKind
INCIDENT = an_outage(START)


def config(**system: Any) -> Config:
    """Office hours in Chicago; the system is of critical clinical service, or as given."""
    impact = {"class": "point_of_care", "service": "critical_clinical"} | system
    return Config.model_validate(
        {
            "version": "1",
            "organization": {"id": "st-e", "name": "St E", "timezone": "America/Chicago"},
            "sites": {"north": {"name": "North"}},
            "agents": {"north-1": {"site": "north"}},
            "systems": {"ehr": {"name": "EHR", "impact": impact}},
            "checks": {"c": {"system": "ehr", "kind": "http", "every": "30s", "timeout": "5s"}},
        }
    )


def terms(*, calm_since: int | None = None, carried: bool = False, **system: Any) -> Settings:
    return replace(settings(config(**system), calm_since=calm_since), carried=carried)


def opened(category: int = 2, at: int = START + MIN, **changes: Any) -> Course:
    """Detected a minute after its start."""
    priority = {1: Priority.P3, 2: Priority.P2, 3: Priority.P1}[category]
    incident = replace(INCIDENT, category=category, priority=priority, **changes)
    return taken(None, Transition(T.OPENED, incident), at, at)


def step(course: Course, kind: TransitionKind, at: int, **changes: Any) -> Course:
    return taken(course, Transition(kind, replace(course.incident, **changes)), at, at)


def raised(course: Course, at: int) -> Course:
    return step(course, T.RAISED, at, category=3, priority=Priority.P1)


def over(course: Course, at: int, known: int) -> Course:
    """Recovered, and resolved where the rules do so."""
    course = step(course, T.RECOVERED, known, recovered_at=at)
    return step(course, T.RESOLVED, known) if course.incident.category <= 2 else course


def act(course: Course, kind: ActKind, at: int, **more: Any) -> Course:
    """An acknowledgement lasts half an hour, a category two hours."""
    if kind is ActKind.ACKNOWLEDGED and not more.get("by_service"):
        more.setdefault("until", at + 30 * MIN)
    if kind is ActKind.RAISED:
        more.setdefault("review_by", at + 2 * HOUR)
    return acted(course, Act(kind, "ann", at, **more))


def look(
    course: Course,
    now: int,
    *,
    known: Settings | None = None,
    fired: Mapping[Which, Deadline] | None = None,
    delivered: Mapping[Which, int] | None = None,
) -> Found:
    return due(course, known or terms(), fired or {}, delivered or {}, now)


def told(course: Course, now: int, **more: Any) -> list[tuple[str, int]]:
    """(kind, ms after `START`) of everything due by `now`, none of it told yet; that notices have
    not arrived is left out.
    """
    return [
        (d.which.kind.value, d.at - START)
        for d in look(course, now, **more).new
        if d.which.kind is not K.NOTICE_BREACHED
    ]
