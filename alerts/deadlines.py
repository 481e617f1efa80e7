"""What comes due in the course of an incident: one event each, at the instant it was due. Pure.

A timer of length d fires at start + d if its condition still holds then (semantics 5); one that
is due exactly at `now` has not fired. A notice is no timer: it is told with what causes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from alerts.clocks import clocks as clocks_of
from alerts.course import Course, first_answer
from alerts.events import Priority
from alerts.hours import Hours, next_opening
from alerts.ladder import OPEN, Ladder, Rank, Reached, RungDue, Told, climb, expired_answers, ranks
from alerts.mdr import reminders
from alerts.people import PATIENT_SAFETY, ActKind, IncidentState
from alerts.terms import Terms

SEVERE = 3
"""The category whose notice to the clinical liaison nothing stops."""
NEVER = (1 << 62) - 1
_LASTING = frozenset({IncidentState.OPEN, IncidentState.ACKNOWLEDGED, IncidentState.RECOVERED})


class DeadlineKind(StrEnum):
    RESPONSE_WARNED = "response_warned"
    RESPONSE_BREACHED = "response_breached"
    ACKNOWLEDGEMENT_EXPIRED = "acknowledgement_expired"
    REVIEW_DUE = "review_due"
    REPORT_DUE = "report_due"
    REPORT_OVERDUE = "report_overdue"
    MDR_SOON = "mdr_soon"
    MDR_DUE = "mdr_due"
    LIAISON_NOTICE = "liaison_notice"
    WORKAROUND_NOTICE = "workaround_notice"
    LEADERSHIP_NOTICE = "leadership_notice"
    LEGAL_NOTICE = "legal_notice"
    LATE_DIGEST = "late_digest"
    NOTICE_BREACHED = "notice_breached"
    ESCALATED = "escalated"
    """A rung of a ladder; `of` names the policy."""


K = DeadlineKind
TRACKED = frozenset({K.LIAISON_NOTICE, K.WORKAROUND_NOTICE, K.LEADERSHIP_NOTICE, K.LEGAL_NOTICE})
"""Notices: awaited until they are delivered; one that is late is a `notice_breached`."""
NOTICES = TRACKED | {K.MDR_SOON, K.MDR_DUE}
"""What is told to a role, whoever else is told."""
AT_ONCE = TRACKED - {K.WORKAROUND_NOTICE}
"""Told with what causes them."""


class Which(NamedTuple):
    """Tells the deadlines of an incident apart; each fires once.

    `of` is a horizon of MDR or, of a breach, the notice; `occasion` an instant or a day, 0 where
    there is one only.
    """

    kind: DeadlineKind
    of: str = ""
    occasion: int = 0


@dataclass(frozen=True, slots=True)
class Deadline:
    """`by`, of a notice: when it is to be delivered at the latest. `rung`, of an escalation, and whom
    it reached once it is told.
    """

    which: Which
    at: int
    by: int | None = None
    rung: RungDue | None = None
    reached: Reached | None = None

    @property
    def at_once(self) -> bool:
        """Told with what causes it."""
        return self.which.kind in AT_ONCE or (self.rung is not None and self.rung.at_once)


class Clock(NamedTuple):
    """A response clock: warning and breach, and since when it can be seen. UTC ms."""

    warn_at: int | None
    due_at: int
    since: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Terms and hours at the incident's start, and the organization's zone.

    `carried`: it hangs on one that speaks for it. `attached` are the clocks of what hangs on it,
    the earliest of all is its own; `carries` when they reached which category.
    `calm_since`: the system is up from then to the edge of knowledge, which may turn out to be
    the recovery; what has come due since waits until that is certain.
    `ladders` are those of the routes that fit. It climbs none while it is `held` by one that speaks
    for it, or that has recovered and will let it go; `freed_at`: when a person settled that one.
    `lifts` are the ranks of what hangs on it.
    """

    terms: Terms
    hours: Hours
    zone: ZoneInfo
    calm_since: int | None = None
    carried: bool = False
    attached: tuple[Clock, ...] = ()
    carries: tuple[tuple[int, int], ...] = ()
    ladders: tuple[Ladder, ...] = ()
    held: bool = False
    freed_at: int = 0
    lifts: tuple[tuple[int, Rank], ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """`new` has come due and was not told yet, in order. `following` comes next if nothing else
    happens, and `look_at` is the earliest `now` that shows it. `waits`: something is due, and
    waits for the end of a calm.
    """

    new: tuple[Deadline, ...]
    following: Deadline | None
    waits: bool

    @property
    def look_at(self) -> int | None:
        one = self.following
        return None if one is None else one.at + int(not one.at_once)


def due(
    course: Course,
    settings: Settings,
    fired: Mapping[Which, Deadline],
    delivered: Mapping[Which, int],
    now: int,
) -> Found:
    """`fired` are those told already, `delivered` the notices that arrived, with the instant."""
    stormy = settings if settings.calm_since is None else replace(settings, calm_since=None)
    # of an act that is recorded a moment later than the edge, or by a clock ahead of it, too
    edge = max([now, *(act.at for act in course.acts)])
    all_ones = [d for d in _deadlines(course, stormy, fired, edge) if d.which not in fired]
    withheld = _withheld(course, settings, fired, all_ones, edge)
    passed = [d for d in all_ones if (d.at <= edge if d.at_once else d.at < now)]
    new = [d for d in passed if d.which not in withheld]
    notices = {**fired, **{d.which: d for d in new}}
    late = [d for d in _breaches(notices.values(), delivered) if d.which not in fired]
    new += [d for d in late if d.at < now]
    new.sort(key=lambda d: (d.at, d.which))
    gone = {d.which for d in (*passed, *new)}
    # whether a calm is a recovery, nobody knows yet: what comes next is told as if it were none
    later = [d for d in (*all_ones, *late) if d.which not in gone]
    following = min(later, key=lambda d: (d.at, not d.at_once), default=None)
    return Found(tuple(new), following, any(d.which in withheld for d in passed))


def _withheld(
    course: Course,
    settings: Settings,
    fired: Mapping[Which, Deadline],
    found: Iterable[Deadline],
    edge: int,
) -> set[Which]:
    if settings.calm_since is None:
        return set()
    held = _deadlines(course, settings, fired, edge)
    return {d.which for d in found} - {d.which for d in held}


def _deadlines(
    course: Course, settings: Settings, fired: Mapping[Which, Deadline], edge: int
) -> Iterator[Deadline]:
    """All there will ever be if nothing more happens, whether they have fired or not; of the rungs
    of a ladder those up to the first one after `edge`.
    """
    yield from _response(course, settings)
    yield from _acknowledgement(course, settings)
    yield from _escalation(course, settings, fired, edge)
    yield from _review(course)
    yield from _report(course, settings)
    yield from _liaison(course, settings)
    yield from _workaround(course, settings)
    yield from _safety(course, settings)
    yield from _mdr(course, settings)
    if course.found_at is not None and course.incident.recovered_at is not None:
        yield Deadline(Which(K.LATE_DIGEST), next_opening(course.found_at, settings.hours))


def _response(course: Course, settings: Settings) -> Iterator[Deadline]:
    """Warning and breach of the earlier clock, each once; a person's acknowledgement answers."""
    if course.incident.quiet or settings.carried or course.found_at is not None:
        return
    clocks = [*running(course, settings), *settings.attached]
    # what was over before anybody could see it is over when it is seen
    seen = [(clock, max(clock.since, course.alone_since)) for clock in clocks]
    breach = min((max(c.due_at, since) for c, since in seen), default=NEVER)
    warned = (max(c.warn_at, since) for c, since in seen if c.warn_at is not None)
    warning = min(warned, default=NEVER)
    if warning < breach and _unanswered(course, settings, warning):
        yield Deadline(Which(K.RESPONSE_WARNED), warning)
    if breach < NEVER and _unanswered(course, settings, breach):
        yield Deadline(Which(K.RESPONSE_BREACHED), breach)


def running(course: Course, settings: Settings) -> Iterator[Clock]:
    """The clock of each priority it has had; none once a person has answered."""
    if first_answer(course.acts) is not None and course.incident.attached_to is not None:
        return
    priorities = course.priorities() or ((course.detected_at, course.incident.priority),)
    for since, priority in priorities:
        incident = replace(course.incident, priority=priority, recovered_at=None)
        found = clocks_of(incident, settings.terms, settings.hours, course.detected_at)
        if found is not None:
            yield Clock(found.warn_at, found.due_at, since)


def _unanswered(course: Course, settings: Settings, t: int) -> bool:
    answer = first_answer(course.acts)
    return (answer is None or answer > t) and _is_open(course, settings, t)


def _is_open(course: Course, settings: Settings, t: int) -> bool:
    """Open or acknowledged at `t`, as far as the truth now shows it."""
    return t < _edge(settings) and course.stands(t, until=t).state in OPEN


def _acknowledgement(course: Course, settings: Settings) -> Iterator[Deadline]:
    """A person's has run out, and nobody has taken its place."""
    for act in expired_answers(course, _edge(settings)):
        if act.until is not None:
            yield Deadline(Which(K.ACKNOWLEDGEMENT_EXPIRED, "", act.at), act.until)


def _escalation(
    course: Course, settings: Settings, fired: Mapping[Which, Deadline], edge: int
) -> Iterator[Deadline]:
    """Nobody is called to what is over when it is looked at, whatever was due before."""
    incident = course.incident
    if incident.quiet or settings.carried or settings.held or course.found_at is not None:
        return
    if incident.recovered_at is not None or course.stands(NEVER).state is not IncidentState.OPEN:
        return
    since = max(course.alone_since, settings.freed_at)
    reached = [*ranks(course), *settings.lifts]
    for ladder in settings.ladders:
        last = _told_last(ladder, fired)
        for at, rung in climb(ladder, course, reached, since, last, _edge(settings)):
            yield Deadline(Which(K.ESCALATED, ladder.name, at), at, rung=rung)
            if at > edge:
                break


def _told_last(ladder: Ladder, fired: Mapping[Which, Deadline]) -> Told | None:
    told = (
        (one.at, one.rung)
        for which, one in fired.items()
        if which.kind is K.ESCALATED and which.of == ladder.name and one.rung is not None
    )
    return max(told, key=lambda one: one[0], default=None)


def _edge(settings: Settings) -> int:
    return NEVER if settings.calm_since is None else settings.calm_since


def _review(course: Course) -> Iterator[Deadline]:
    for act in course.acts:
        if act.kind is not ActKind.RAISED or act.review_by is None:
            continue
        at = max(act.review_by, act.at)
        before = course.stands(at, until=at)
        if before.category_set == act and before.state in _LASTING:
            yield Deadline(Which(K.REVIEW_DUE, "", act.at), at)


def _report(course: Course, settings: Settings) -> Iterator[Deadline]:
    """Of an incident that was a P1, from its resolution; a closed one has its report."""
    resolved = _resolved_at(course)
    severe = any(priority is Priority.P1 for _, priority in course.priorities())
    if resolved is None or not severe:
        return
    policy = settings.terms.policy
    for kind, after in (
        (K.REPORT_DUE, policy.report_within),
        (K.REPORT_OVERDUE, policy.report_overdue),
    ):
        at = resolved + after
        if course.stands(at, until=at).state is IncidentState.RESOLVED:
            yield Deadline(Which(kind, "", resolved), at)


def _resolved_at(course: Course) -> int | None:
    """By a person, else by the rules; None unless it is resolved or closed."""
    now = course.stands(NEVER)
    if now.state not in (IncidentState.RESOLVED, IncidentState.CLOSED):
        return None
    if now.resolved is not None or course.resolved_at is None:
        return None if now.resolved is None else now.resolved.at
    # a person who lowers the category lets the rules' resolution count, from then on
    later = [act.at for act in course.acts if act.kind is ActKind.RAISED]
    return max([course.resolved_at, course.found_at or 0, *later])


def _liaison(course: Course, settings: Settings) -> Iterator[Deadline]:
    """From the first instant at which category 3 or more was in force, its own or what hangs on it."""
    acts = [act for act in course.acts if act.kind is ActKind.RAISED]
    reviews = [act.review_by + 1 for act in acts if act.review_by is not None]
    moments = [
        *(act.at for act in acts),
        *(at for at in reviews if course.stands(at, until=at).state in _LASTING),
    ]
    alone = not (course.incident.quiet or settings.carried or course.found_at is not None)
    if alone:
        since = course.alone_since
        moments += [max(at, since) for at, category in course.categories if category >= SEVERE]
    moments = [at for at in moments if course.category_at(at, own=alone) >= SEVERE]
    if alone:
        moments += [max(at, since) for at, category in settings.carries if category >= SEVERE]
    if moments:
        at = min(moments)
        yield Deadline(Which(K.LIAISON_NOTICE), at, at + settings.terms.policy.liaison_within)


def _workaround(course: Course, settings: Settings) -> Iterator[Deadline]:
    """Ahead of the instant at which the rules would raise the category."""
    workaround = settings.terms.impact.workaround
    silent = course.incident.quiet or settings.carried or course.found_at is not None
    if workaround is None or workaround.valid_for is None or silent:
        return
    ends = course.incident.started_at + workaround.valid_for
    ahead = ends - settings.terms.policy.workaround_ahead
    at = max(ahead, course.detected_at, course.alone_since)
    matters = at < ends and course.category_at(at) == SEVERE - 1
    if matters and _is_open(course, settings, at):
        yield Deadline(Which(K.WORKAROUND_NOTICE), at, ends)


def _safety(course: Course, settings: Settings) -> Iterator[Deadline]:
    for act in course.acts:
        if act.kind is ActKind.RAISED and act.category == PATIENT_SAFETY:
            by = act.at + settings.terms.policy.safety_within
            yield Deadline(Which(K.LEADERSHIP_NOTICE, "", act.at), act.at, by)
            yield Deadline(Which(K.LEGAL_NOTICE, "", act.at), act.at, by)


def _mdr(course: Course, settings: Settings) -> Iterator[Deadline]:
    """While category 4 stands, whatever became of the incident: the duty outlasts the outage."""
    for act in course.acts:
        if act.category != PATIENT_SAFETY or act.aware_on is None:
            continue
        for one in reminders(date.fromisoformat(act.aware_on), settings.hours, settings.zone):
            day = one.last_day.toordinal()
            for kind, end in ((K.MDR_SOON, one.soon_at), (K.MDR_DUE, one.due_at)):
                at = max(end, act.at)
                if course.stands(at, until=at).category_set == act:
                    yield Deadline(Which(kind, one.horizon.value, day), at)


def _breaches(notices: Iterable[Deadline], delivered: Mapping[Which, int]) -> Iterator[Deadline]:
    for notice in notices:
        if notice.by is None:
            continue
        arrived = delivered.get(notice.which)
        if arrived is None or arrived > notice.by:
            which = Which(K.NOTICE_BREACHED, notice.which.kind.value, notice.which.occasion)
            yield Deadline(which, notice.by)
