"""Rungs of a ladder: when more people are to be told of an incident that nobody takes on. Pure.

A ladder begins when its incident does, and anew with each rise of priority or category. A rung is
due its delay after the one before it, on the clock of elapsed time, while the incident is open and
no person's acknowledgement stands. Where one has run out, the rung told last is due again, and
those after it from then on. Whom a rung reaches changes nothing of when the next one is due.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from alerts.course import Course
from alerts.events import Priority
from alerts.instants import FAR
from alerts.people import PATIENT_SAFETY, Act, ActKind, IncidentState
from probes.config_escalation import Escalation


@dataclass(frozen=True, slots=True)
class Ladder:
    """A policy as it stood at the incident's start. `takes`: of each of its routes the least urgent
    priority that it takes, and since when (UTC ms).
    """

    name: str
    policy: Escalation
    takes: tuple[tuple[Priority, int], ...]

    @property
    def since(self) -> int:
        return min(since for _, since in self.takes)

    def is_for(self, priority: Priority, t: int) -> bool:
        return any(priority <= least and since <= t for least, since in self.takes)

    @property
    def places(self) -> int:
        """How many rungs there are to tell, repetitions and all."""
        return len(self.policy.rungs) * (1 + self.policy.repeat)

    def delay(self, place: int) -> int:
        """How long after the place before it: `repeat_after` where all begins anew."""
        after = self.policy.rungs[place % len(self.policy.rungs)].after
        return (self.policy.repeat_after if after is None else after) or 0


class Rank(NamedTuple):
    """The most urgent priority and the highest category that a ladder has begun with."""

    priority: Priority
    category: int

    def with_(self, other: Rank) -> Rank:
        return Rank(min(self.priority, other.priority), max(self.category, other.category))


Ranks = Iterable[tuple[int, Rank]]
LEAST = Rank(Priority.P4, 0)
OPEN = frozenset({IncidentState.OPEN, IncidentState.ACKNOWLEDGED})


@dataclass(frozen=True, slots=True)
class RungDue:
    """`number` and `round` count from 1. `at_once`: told with what the ladder begins by."""

    number: int
    round: int
    rank: Rank
    at_once: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Reached:
    """Whom a rung was told to, by ids of receivers. `by`: the number of the rung they stand at,
    another one where the rung itself reached nobody; None: no rung did, and they are the route's.
    """

    by: int | None
    receivers: tuple[str, ...]


Told = tuple[int, RungDue]
"""(UTC ms, rung)."""


def ranks(course: Course) -> Iterator[tuple[int, Rank]]:
    """What it has reached, by the rules or by a person, each with its instant."""
    for at, priority in course.priorities():
        yield at, Rank(priority, 0)
    for at, category in course.categories:
        yield at, Rank(Priority.P4, category)
    for act in course.acts:
        if act.category is not None:
            yield act.at, Rank(Priority.P4, act.category)


def climb(
    ladder: Ladder,
    course: Course,
    reached: Ranks,
    since: int,
    told: Told | None,
    edge: int,
) -> Iterator[Told]:
    """The rungs after the one `told` last, if nothing more happens; from the first where none was
    told from `since` on. `reached` are the ranks of the incident and of what hangs on it; from `edge`
    on nothing is due.
    """
    since = max(since, ladder.since)
    last = told if told is not None and told[0] >= since else None
    moments = _moments(ladder, course, reached, since, last, edge)
    place = -1 if last is None else _place(ladder, last[1])
    rank = None if last is None else last[1].rank
    if last is not None:
        moments = [_Moment(last[0], None, again=False), *moments]
    for n, moment in enumerate(moments):
        end = moments[n + 1].at if n + 1 < len(moments) else FAR
        if moment.rank is not None:
            rank, place = moment.rank, -1
        if rank is None:
            continue  # an acknowledgement ran out before the ladder began
        due, following = moment.at, max(place, 0) if moment.again else place + 1
        if not moment.begins:
            due += 0 if moment.again else _delay(ladder, following)
        while following < ladder.places and due < end:
            expired = moment.again and due == moment.at
            if not (expired or _is_free(course, due, edge)):
                break
            yield due, _rung(ladder, following, rank, at_once=moment.begins and due == moment.at)
            place, following = following, following + 1
            due += _delay(ladder, following)


class _Moment(NamedTuple):
    """From here on the ladder goes on: with `rank` from its first rung; `again` with the rung told
    last; else with the one after it.
    """

    at: int
    rank: Rank | None
    again: bool

    @property
    def begins(self) -> bool:
        return self.rank is not None


def _moments(
    ladder: Ladder,
    course: Course,
    reached: Ranks,
    since: int,
    last: Told | None,
    edge: int,
) -> list[_Moment]:
    """In order; where it begins anew nothing is told again at that instant."""
    begins = _beginnings(ladder, course, reached, since, last)
    after = since if last is None else last[0]
    expired = {act.until or 0 for act in expired_answers(course, edge)}
    found = [_Moment(at, rank, again=False) for at, rank in begins.items()]
    found += [_Moment(at, None, again=True) for at in expired if at > after and at not in begins]
    return sorted(found, key=lambda moment: moment.at)


def _beginnings(
    ladder: Ladder, course: Course, reached: Ranks, since: int, last: Told | None
) -> dict[int, Rank]:
    """When the ladder begins: once a route takes it, at each rise, and whenever a person sets
    category 4, which opens again what people had ended.
    """
    out: dict[int, Rank] = {}
    rank, earliest = (LEAST, since) if last is None else (last[1].rank, last[0] + 1)
    begun = last is not None
    for at, one in sorted([*reached, *((at, LEAST) for _, at in ladder.takes)]):
        higher, t = rank.with_(one), max(at, earliest)
        rises = higher != (rank if begun else LEAST)
        if rises and ladder.is_for(higher.priority, t):
            out[t], begun = higher, True
        rank = higher
    for act in course.acts:
        if act.category == PATIENT_SAFETY and act.at >= earliest:
            out[act.at] = rank
    return {at: one for at, one in out.items() if ladder.is_for(one.priority, at)}


def expired_answers(course: Course, edge: int) -> Iterator[Act]:
    """Acknowledgements of people that ran out with nobody in their place."""
    for act in course.acts:
        if act.kind is not ActKind.ACKNOWLEDGED or act.until is None or act.until >= edge:
            continue
        if any(a.kind is ActKind.REOPENED and a.at > act.until for a in course.acts):
            continue  # it had recovered meanwhile
        before = course.stands(act.until, until=act.until)
        if before.acknowledged == act and before.state in OPEN:
            yield act


def _is_free(course: Course, t: int, edge: int) -> bool:
    """Is it open at `t`, and no person's acknowledgement stands?"""
    return t < edge and course.stands(t, until=t).state is IncidentState.OPEN


def _place(ladder: Ladder, rung: RungDue) -> int:
    return (rung.round - 1) * len(ladder.policy.rungs) + rung.number - 1


def _delay(ladder: Ladder, place: int) -> int:
    return ladder.delay(place) if place < ladder.places else 0


def _rung(ladder: Ladder, place: int, rank: Rank, *, at_once: bool) -> RungDue:
    rounds, number = divmod(place, len(ladder.policy.rungs))
    return RungDue(number + 1, rounds + 1, rank, at_once)
