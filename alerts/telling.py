"""What is said of an incident, step by step, and to which audience. Pure.

A step is said with the category in force, a person's included; what changes nothing for whoever
hears of it is recorded and not said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from alerts.course import Course, in_effect
from alerts.deadlines import Deadline, DeadlineKind
from alerts.events import Incident, Priority
from alerts.grouping import GroupStep, Update
from alerts.people import Act, ActKind, CategoryReason, IncidentState, Ruling, Standing
from alerts.transitions import Transition, TransitionKind

SETTLED = frozenset({IncidentState.MERGED, IncidentState.FALSE_POSITIVE})
"""A person has taken it off the list: only a reopening is said after that."""
_ENDS = frozenset({TransitionKind.RECOVERED, TransitionKind.CORRECTED})
Step = TransitionKind | ActKind | DeadlineKind | GroupStep


class Audience(StrEnum):
    """`ROUTED`: whom the routes name, and who has heard of the incident. The others are roles."""

    ROUTED = "routed"
    CLINICAL_LIAISON = "clinical_liaison"
    CLINICAL_LEADERSHIP = "clinical_leadership"
    LEGAL_COMPLIANCE = "legal_compliance"
    SAFETY = "safety"
    """Clinical leadership and legal/compliance."""
    ESCALATED = "escalated"
    """Whom a rung of a ladder reached."""
    CUSTOMERS = "customers"
    """Customers who have heard of the incident: those who depend on the system."""


_A, _D = Audience, DeadlineKind
_ROLES = {
    _D.LIAISON_NOTICE: _A.CLINICAL_LIAISON,
    _D.WORKAROUND_NOTICE: _A.CLINICAL_LIAISON,
    _D.LATE_DIGEST: _A.CLINICAL_LIAISON,
    _D.LEADERSHIP_NOTICE: _A.CLINICAL_LEADERSHIP,
    _D.LEGAL_NOTICE: _A.LEGAL_COMPLIANCE,
    _D.MDR_SOON: _A.SAFETY,
    _D.MDR_DUE: _A.SAFETY,
    _D.ESCALATED: _A.ESCALATED,
}


@dataclass(frozen=True, slots=True)
class Said:
    """`incident` carries the category and priority in force at `at` (UTC ms); `state` is what it
    stands at. `opens`: whoever has heard nothing yet is told of it as of a new one. `deadline` is
    set where one came due, `following` is the one that comes next. `priorities` are those of the
    incidents it is said for, beside its own. `reason` is a person's, where theirs is the category;
    `ruling` theirs on a rejection by all.
    `behind`: how many config versions were recorded since, before it could be said.
    """

    step: Step
    incident: Incident
    state: IncidentState
    at: int
    detected_at: int
    audience: Audience = Audience.ROUTED
    opens: bool = False
    deadline: Deadline | None = None
    following: Deadline | None = None
    priorities: frozenset[Priority] = frozenset()
    reason: CategoryReason | None = None
    ruling: Ruling | None = None
    receiver: str | None = None
    """Who alone is told, of what they have heard already; None: the audience."""
    behind: int = 0


def is_settled(course: Course, now: int) -> bool:
    return bool(course.acts) and course.stands(now).state in SETTLED


def highest(courses: Iterable[Course], now: int) -> int:
    """The highest category in force of what hangs on an incident: nothing goes below it there."""
    return max((course.stands(now).category for course in courses), default=0)


def of_freed(course: Course, at: int, behind: int) -> Said | None:
    """What hung on an incident that a person has settled speaks for itself from then on."""
    incident, stands = course.incident, course.stands(at)
    if incident.quiet or incident.recovered_at is not None or stands.state in SETTLED:
        return None
    return _said(TransitionKind.PARTED, course, stands, at, opens=True, behind=behind)


def of_transition(
    before: Course | None, after: Course, step: Transition, at: int, now: int, floor: int = 0
) -> Said | None:
    """None where nobody need hear of it; `now` is the edge of knowledge. `floor`: the category of
    what hangs on it, below which a person's does not count for those who are told.
    """
    stands = after.stands(now)
    said = _said(step.kind, after, stands, at, floor=floor, incident=step.incident)
    if stands.state in SETTLED and step.kind is not TransitionKind.REOPENED:
        ends = stands.state is IncidentState.MERGED and step.kind in _ENDS
        return replace(said, audience=Audience.CUSTOMERS) if ends else None
    if step.kind is TransitionKind.RAISED and before is not None:
        known = max(before.stands(now).category, floor)
        as_before = in_effect(before.incident, known).priority
        if said.incident.category <= known and said.incident.priority >= as_before:
            return None  # a person has said as much already, or says less until the review
    if step.kind is TransitionKind.RESOLVED and stands.state is IncidentState.RECOVERED:
        return None  # a person has made it grave: a person resolves it
    incident = said.incident
    opens = incident.recovered_at is None or step.kind is TransitionKind.FOUND_LATE
    return replace(said, state=_state(step, stands), opens=opens and not incident.quiet)


def _state(step: Transition, stands: Standing) -> IncidentState:
    """A recovery and the resolution that follows at once are said one after the other."""
    if step.kind is TransitionKind.RECOVERED:
        return IncidentState.RECOVERED
    return stands.state


def of_update(course: Course, update: Update, now: int, floor: int = 0) -> Said | None:
    """What a parent says of those that hang on it."""
    stands = course.stands(now)
    if update.parent.quiet or stands.state in SETTLED:
        return None
    said = _said(GroupStep.GATHERED, course, stands, update.at, floor=floor, incident=update.parent)
    return replace(said, opens=True, priorities=update.priorities)


def of_act(before: Course, after: Course, act: Act, behind: int = 0, floor: int = 0) -> Said | None:
    """What was typed is not said."""
    if act.kind is ActKind.NOTED:
        return None
    grave = act.category is not None and act.category > before.stands(act.at).category
    stands = after.stands(act.at)
    said = _said(act.kind, after, stands, act.at, floor=floor, opens=grave, behind=behind)
    return said if act.receiver is None else replace(said, receiver=act.receiver)


def of_deadline(course: Course, deadline: Deadline, floor: int = 0) -> Said:
    """By the category in force from then on: a review that is due lets the rules' count again,
    and opens the incident to whom that newly concerns.
    """
    kind = deadline.which.kind
    audience = _ROLES.get(kind, Audience.ROUTED)
    stands = course.stands(deadline.at + 1, until=deadline.at)
    opens = audience is not Audience.ROUTED or kind is DeadlineKind.REVIEW_DUE
    said = _said(kind, course, stands, deadline.at, floor=floor, opens=opens)
    return replace(said, audience=audience, deadline=deadline)


def _said(
    step: Step,
    course: Course,
    stands: Standing,
    at: int,
    *,
    floor: int = 0,
    opens: bool = False,
    behind: int = 0,
    incident: Incident | None = None,
) -> Said:
    """`incident` where it is not the course's; in it the category in force, `floor` at least."""
    act, ruled = stands.category_set, stands.ruled
    by_rules = act is None or stands.category == stands.rules_category
    return Said(
        step,
        in_effect(incident or course.incident, max(stands.category, floor)),
        stands.state,
        at,
        course.detected_at,
        opens=opens,
        reason=None if act is None or by_rules else act.reason,
        ruling=None if ruled is None else ruled.ruling,
        behind=behind,
    )
