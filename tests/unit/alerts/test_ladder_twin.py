"""Rungs as they fall due, whatever happens in between, against a twin that goes minute by minute."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.course import Course
from alerts.deadlines import Deadline, DeadlineKind, Settings, Which, due
from alerts.events import Priority
from alerts.ladder import Ladder
from alerts.people import ActKind
from alerts.transitions import TransitionKind
from probes.config_escalation import Escalation
from tests.support.soak import SOAKING, longer
from tests.unit.alerts.courses import MIN, START, act, opened, over, step, terms

A, K, T = ActKind, DeadlineKind, TransitionKind
BEGIN = START + MIN
LASTS = 5 * 60
"""Minutes that are looked at."""


@dataclass(frozen=True)
class Event:
    """At a minute after the beginning; `span`: how long an acknowledgement holds."""

    minute: int
    what: str
    span: int = 0


@dataclass
class Twin:
    """An incident, minute by minute; `told` are (minute, round, rung)."""

    delays: list[int]
    repeat: int
    repeat_after: int
    told: list[tuple[int, int, int]] = field(default_factory=list)
    state: str = "open"
    category: int = 1
    until: int | None = None
    last: int | None = None
    due: int | None = 0
    """The minute at which the next rung is told; None: nothing more comes."""

    def take(self, event: Event) -> None:
        minute = event.minute
        if event.what == "back" and self.state == "over":
            self.state, self.until, self.last, self.due = "open", None, None, minute
        if self.state != "open":
            return
        if event.what == "over":
            self.state = "over"
        if event.what == "merged":
            self.state = "merged"
        if event.what == "answers":
            self.until = minute + event.span
        if event.what == "rises" and self.category < 3:
            self.category += 1
            self.last, self.due = None, minute

    def pass_(self, minute: int) -> None:
        """What is told at this minute, after all that happened at it."""
        if self.state != "open":
            return
        if self.until is not None:
            if minute < self.until:
                return
            begun_anew = self.due == minute and self.last is None
            self.until = None
            if not begun_anew:
                self.due, self.last = minute, None if self.last is None else self.last - 1
        if self.due is None or minute < self.due:
            return
        place = 0 if self.last is None else self.last + 1
        self.told.append((minute, place // len(self.delays) + 1, place % len(self.delays) + 1))
        self.last = place
        following = place + 1
        if following >= len(self.delays) * (1 + self.repeat):
            self.due = None
        else:
            number = following % len(self.delays)
            self.due = minute + (self.delays[number] if number else self.repeat_after)


def policy(delays: list[int], repeat: int, repeat_after: int) -> Escalation:
    return Escalation.model_validate(
        {
            "rungs": [
                {"to": [{"role": "support"}]} | ({"after": f"{after}m"} if n else {})
                for n, after in enumerate(delays)
            ]
        }
        | ({"repeat": repeat, "repeat_after": f"{repeat_after}m"} if repeat else {})
    )


def lived(course: Course, event: Event) -> Course:
    """The course after an event, where it may happen."""
    at = BEGIN + event.minute * MIN
    state = course.stands(at, until=at).state
    is_over = course.incident.recovered_at is not None
    lasts = state.value in ("open", "acknowledged")
    if event.what == "back" and is_over and state.value != "merged":
        return step(course, T.REOPENED, at, recovered_at=None, reopened=1)
    if not lasts:
        return course
    if event.what == "over":
        return over(course, at, at)
    return _acted(course, event, at)


def _acted(course: Course, event: Event, at: int) -> Course:
    if event.what == "merged":
        return act(course, A.MERGED, at, into="other")
    if event.what == "answers":
        return act(course, A.ACKNOWLEDGED, at, until=at + event.span * MIN)
    if event.what == "service":
        return act(course, A.ACKNOWLEDGED, at, by_service=True)
    if event.what == "rises" and course.incident.category < 3:
        category = course.incident.category + 1
        priority = Priority.P2 if category == 2 else Priority.P1
        return step(course, T.RAISED, at, category=category, priority=priority)
    return course


events = st.builds(
    Event,
    st.integers(1, LASTS),
    st.sampled_from(["answers", "answers", "service", "rises", "over", "back", "merged"]),
    st.integers(1, 90),
)
happenings = st.lists(events, max_size=8, unique_by=lambda one: one.minute)


@settings(max_examples=longer(150), derandomize=not SOAKING, deadline=None)
@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=4),
    st.integers(0, 2),
    st.integers(1, 60),
    happenings,
    st.lists(st.integers(0, LASTS), max_size=12),
)
def test_the_rungs_told_are_those_of_the_twin_however_rarely_one_looks(
    delays: list[int], repeat: int, repeat_after: int, happen: list[Event], looks: list[int]
) -> None:
    """One looks when something has happened, and at any other minutes, once they have passed."""
    twin = Twin(delays, repeat, repeat_after)
    ladder = Ladder("up", policy(delays, repeat, repeat_after), ((Priority.P4, 0),))
    known = replace(terms(), ladders=(ladder,))
    course = opened(1)
    fired: dict[Which, Deadline] = {}
    found: list[tuple[int, int, int]] = []
    by_minute = {one.minute: one for one in happen}
    for minute in range(LASTS + 1):
        if minute in by_minute:
            # what was due before is looked at before, as an evaluation does every second
            found += told(course, known, fired, BEGIN + minute * MIN)
            twin.take(by_minute[minute])
            course = lived(course, by_minute[minute])
            found += told(course, known, fired, BEGIN + minute * MIN)
        twin.pass_(minute)
        if minute in looks or minute == LASTS:
            found += told(course, known, fired, BEGIN + minute * MIN + 1)
    assert found == twin.told


def told(
    course: Course, known: Settings, fired: dict[Which, Deadline], now: int
) -> list[tuple[int, int, int]]:
    """What an evaluation at `now` tells; it is told then."""
    new = [one for one in due(course, known, fired, {}, now).new if one.which.kind is K.ESCALATED]
    fired |= {one.which: one for one in new}
    return [((one.at - BEGIN) // MIN, one.rung.round, one.rung.number) for one in new if one.rung]
