"""What is said of an incident, step by step, and to which audience. Pure.

A step is said with the category in force, a person's included; what changes nothing for whoever
hears of it is recorded and not said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from alerts.course import Course, in_effect
from alerts.deadlines import Deadline, DeadlineKind
from alerts.events import Incident, Priority
from alerts.grouping import GroupStep, Update
from alerts.people import Act, ActKind, CategoryReason, IncidentState, Standing
from alerts.transitions import Transition, TransitionKind

SETTLED = frozenset({IncidentState.MERGED, IncidentState.FALSE_POSITIVE})
"""A person has taken it off the list: only a reopening is said after that."""
Step = TransitionKind | ActKind | DeadlineKind | GroupStep


class Audience(StrEnum):
    """`ROUTED`: whom the routes name, and who has heard of the incident. The others are roles."""

    ROUTED = "routed"
    CLINICAL_LIAISON = "clinical_liaison"
    CLINICAL_LEADERSHIP = "clinical_leadership"
    LEGAL_COMPLIANCE = "legal_compliance"
    SAFETY = "safety"
    """Clinical leadership and legal/compliance."""


_A, _D = Audience, DeadlineKind
_ROLES = {
    _D.LIAISON_NOTICE: _A.CLINICAL_LIAISON,
    _D.WORKAROUND_NOTICE: _A.CLINICAL_LIAISON,
    _D.LATE_DIGEST: _A.CLINICAL_LIAISON,
    _D.LEADERSHIP_NOTICE: _A.CLINICAL_LEADERSHIP,
    _D.LEGAL_NOTICE: _A.LEGAL_COMPLIANCE,
    _D.MDR_SOON: _A.SAFETY,
    _D.MDR_DUE: _A.SAFETY,
}


@dataclass(frozen=True, slots=True)
class Said:
    """`incident` carries the category and priority in force at `at` (UTC ms); `state` is what it
    stands at. `opens`: whoever has heard nothing yet is told of it as of a new one. `deadline` is
    set where one came due, `following` is the one that comes next. `priorities` are those of the
    incidents it is said for, beside its own. `reason` is a person's, where theirs is the category.
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
    return Said(
        TransitionKind.PARTED,
        in_effect(incident, stands.category),
        stands.state,
        at,
        course.detected_at,
        reason=_reason(stands),
        opens=True,
        behind=behind,
    )


def of_transition(
    before: Course | None, after: Course, step: Transition, at: int, now: int, floor: int = 0
) -> Said | None:
    """None where nobody need hear of it; `now` is the edge of knowledge. `floor`: the category of
    what hangs on it, below which a person's does not count for those who are told.
    """
    stands = after.stands(now)
    incident = in_effect(step.incident, max(stands.category, floor))
    if stands.state in SETTLED and step.kind is not TransitionKind.REOPENED:
        return None
    if step.kind is TransitionKind.RAISED and before is not None:
        known = max(before.stands(now).category, floor)
        as_before = in_effect(before.incident, known).priority
        if incident.category <= known and incident.priority >= as_before:
            return None  # a person has said as much already, or says less until the review
    if step.kind is TransitionKind.RESOLVED and stands.state is IncidentState.RECOVERED:
        return None  # a person has made it grave: a person resolves it
    return Said(
        step.kind,
        incident,
        _state(step, stands),
        at,
        after.detected_at,
        reason=_reason(stands),
        opens=not incident.quiet
        and (incident.recovered_at is None or step.kind is TransitionKind.FOUND_LATE),
    )


def _reason(stands: Standing) -> CategoryReason | None:
    act = stands.category_set
    return None if act is None or stands.category == stands.rules_category else act.reason


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
    return Said(
        GroupStep.GATHERED,
        in_effect(update.parent, max(stands.category, floor)),
        stands.state,
        update.at,
        course.detected_at,
        reason=_reason(stands),
        opens=True,
        priorities=update.priorities,
    )


def of_act(before: Course, after: Course, act: Act, behind: int = 0, floor: int = 0) -> Said | None:
    """What was typed is not said."""
    stands = after.stands(act.at)
    if act.kind is ActKind.NOTED:
        return None
    grave = act.category is not None and act.category > before.stands(act.at).category
    return Said(
        act.kind,
        in_effect(after.incident, max(stands.category, floor)),
        stands.state,
        act.at,
        after.detected_at,
        reason=_reason(stands),
        opens=grave,
        behind=behind,
    )


def of_deadline(course: Course, deadline: Deadline, floor: int = 0) -> Said:
    """By the category in force from then on: a review that is due lets the rules' count again,
    and opens the incident to whom that newly concerns.
    """
    kind = deadline.which.kind
    audience = _ROLES.get(kind, Audience.ROUTED)
    stands = course.stands(deadline.at + 1, until=deadline.at)
    return Said(
        kind,
        in_effect(course.incident, max(stands.category, floor)),
        stands.state,
        deadline.at,
        course.detected_at,
        audience=audience,
        reason=_reason(stands),
        opens=audience is not Audience.ROUTED or kind is DeadlineKind.REVIEW_DUE,
        deadline=deadline,
    )
