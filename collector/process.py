"""The process fold: acts, steps of the rules and deadlines, one after the other. Pure.

What an evaluation says of the incidents is a function of the sequence recorded before it and of
what it has found: first what people have done since, then what the truth shows, then what has
come due.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace

from alerts import telling
from alerts.course import Course, acted, taken
from alerts.deadlines import TRACKED, Deadline, Settings, Which, due, running
from alerts.events import Incident
from alerts.grouping import Groups
from alerts.ladder import Rank, ranks
from alerts.people import Act, ActKind
from alerts.targets import Reach, nobody
from alerts.telling import Said
from alerts.transitions import Transition, TransitionKind


@dataclass(frozen=True, slots=True)
class Arrival:
    """A notice has reached a receiver, at UTC ms."""

    key: str
    which: Which
    receiver: str
    at: int


@dataclass(frozen=True, slots=True)
class Case:
    """An incident as the process knows it. `look_at`: when time alone shows more, None = never;
    `waits`: something is due, and waits for the end of a calm. `sent`: the messages of notices
    that nobody has confirmed, by id, each with its receiver. One read back from the journal is
    to be looked at anew.
    """

    course: Course
    fired: Mapping[Which, Deadline] = field(default_factory=dict)
    delivered: Mapping[Which, int] = field(default_factory=dict)
    sent: Mapping[str, tuple[tuple[Which, ...], str]] = field(default_factory=dict)
    look_at: int | None = 0
    waits: bool = False

    def is_due(self, now: int) -> bool:
        return self.waits or (self.look_at is not None and self.look_at <= now)

    @property
    def awaited(self) -> Mapping[str, tuple[tuple[Which, ...], str]]:
        """Messages with notices that have not arrived yet."""
        return {
            id_: (waiting, receiver)
            for id_, (about, receiver) in self.sent.items()
            if (waiting := tuple(one for one in about if one not in self.delivered))
        }


@dataclass(frozen=True, slots=True)
class Advance:
    """`cases` are those that changed, by key; `groups` how all hang together now. `said` is of
    acts and steps, `noticed` of what has come due; `come_due` by key, in order.
    """

    cases: Mapping[str, Case]
    groups: Groups
    said: Sequence[Said]
    noticed: Sequence[Said]
    come_due: Sequence[tuple[str, Deadline]]


def advance(
    cases: MutableMapping[str, Case],
    acts: Iterable[tuple[str, Act, int]],
    steps: Iterable[tuple[Transition, int]],
    arrivals: Iterable[Arrival],
    settings_of: Callable[[Course], Settings],
    now: int,
    reach: Reach = nobody,
) -> Advance:
    """Each act with the number of config versions recorded since, each step with its `at`; `now`
    is the edge of knowledge. All instants are UTC ms.

    `settings_of` knows nothing of what hangs on an incident: its clocks are added here. `reach`
    says whom a rung reaches.
    """
    moved, done, said = _acted(cases, acts, settings_of, now)
    dated: list[tuple[Course | None, Course, Transition, int]] = []
    for step, at in steps:
        case = moved.get(step.incident.key) or cases.get(step.incident.key)
        before = None if case is None else case.course
        course = taken(before, step, at, now)
        dated.append((before, course, step, at))
        moved[step.incident.key] = Case(course) if case is None else replace(case, course=course)
    for arrival in arrivals:
        case = moved.get(arrival.key) or cases.get(arrival.key)
        if case is not None and arrival.which not in case.delivered:
            arrived = {**case.delivered, arrival.which: arrival.at}
            moved[arrival.key] = replace(case, delivered=arrived)
    every = ChainMap(moved, cases)
    groups = groups_of(_all(cases, moved), now)

    def below(course: Course) -> list[Course]:
        return hanging(course, groups, every, now)

    said += (
        telling.of_transition(
            before,
            course,
            step,
            at,
            now,
            telling.highest(below(every[course.incident.key].course), now),
        )
        for before, course, step, at in dated
    )
    earlier = (cases[key].course.incident for key in moved if key in cases)
    touched = [*earlier, *(case.course.incident for case in moved.values())]
    concerned = {*moved, *(one.key for each in touched for one in groups.above(each))}
    concerned |= {key for key, case in cases.items() if case.is_due(now)}
    concerned |= {one.key for key in done for one in groups.attached(every[key].course.incident)}
    come_due: list[tuple[str, Deadline]] = []
    following: dict[str, Deadline | None] = {}
    noticed: list[Said | None] = []
    for key in sorted(concerned):
        case = every[key]
        settings = among(case.course, groups, every, settings_of, now)
        found = due(case.course, settings, case.fired, case.delivered, now)
        new = [with_reached(case.course, one, settings, reach) for one in found.new]
        come_due += ((key, deadline) for deadline in new)
        if new:
            floor = telling.highest(below(case.course), now)
            noticed += (telling.of_deadline(case.course, one, floor) for one in new)
        fired = {**case.fired, **{deadline.which: deadline for deadline in new}}
        following[key] = found.following
        moved[key] = replace(case, fired=fired, look_at=found.look_at, waits=found.waits)

    def looking_ahead(found: Iterable[Said | None]) -> list[Said]:
        return [
            one
            if isinstance(one.step, ActKind)
            else replace(one, following=following.get(one.incident.key))
            for one in found
            if one is not None
        ]

    return Advance(moved, groups, looking_ahead(said), looking_ahead(noticed), come_due)


def with_reached(course: Course, one: Deadline, settings: Settings, reach: Reach) -> Deadline:
    """A rung with whom it reaches."""
    if one.rung is None:
        return one
    (ladder,) = (ladder for ladder in settings.ladders if ladder.name == one.which.of)
    return replace(one, reached=reach(ladder, one.rung, course.incident, one.at))


def _acted(
    cases: MutableMapping[str, Case],
    acts: Iterable[tuple[str, Act, int]],
    settings_of: Callable[[Course], Settings],
    now: int,
) -> tuple[dict[str, Case], list[str], list[Said | None]]:
    """The cases that acts change, the keys of those they settle, and what is said of them.

    Each is said as of the act, whenever it is taken in, and by what hung together before anything
    else was seen: so what is said follows from the sequence alone.
    """
    moved: dict[str, Case] = {}
    settled: list[str] = []
    said: list[Said | None] = []
    groups: Groups | None = None
    for key, act, behind in acts:
        case = moved.get(key) or cases.get(key)
        if case is None:
            continue  # an incident is recorded before anybody can act on it
        groups = groups or groups_of(cases.values(), now)
        after = acted(case.course, act)
        floor = telling.highest(hanging(after, groups, cases, now), now)
        told = telling.of_act(case.course, after, act, behind, floor)
        if told is not None:
            own, every = settings_of(after), ChainMap(moved, cases)
            if own.ladders:
                here = among(after, groups, every, settings_of, now)
                own = replace(own, held=here.held, freed_at=here.freed_at, lifts=here.lifts)
            ahead = due(after, own, case.fired, case.delivered, act.at)
            said.append(replace(told, following=ahead.following))
        if act.kind in (ActKind.FALSE_POSITIVE, ActKind.MERGED):
            settled.append(key)
            freed = hanging(after, groups, cases, now)
            said += (
                telling.of_freed(one, act.at, behind)
                for one in freed
                if groups.is_silent(one.incident, TransitionKind.OPENED)
            )
        moved[key] = replace(case, course=after)
    return moved, settled, said


def _is_carried(incident: Incident, groups: Groups, *, calm: bool) -> bool:
    """Does one it hangs on speak for it? One that is over does as long as this one may be, too."""
    if groups.is_silent(incident, TransitionKind.OPENED):
        return True
    over = calm or incident.recovered_at is not None
    return over and groups.is_silent(incident, TransitionKind.CAUSE_ADDED)


def among(
    course: Course,
    groups: Groups,
    cases: Mapping[str, Case],
    settings_of: Callable[[Course], Settings],
    now: int,
) -> Settings:
    """What holds for an incident among all others: what it hangs on, what hangs on it."""
    own, attached = settings_of(course), hanging(course, groups, cases, now)
    return replace(
        own,
        carried=_is_carried(course.incident, groups, calm=own.calm_since is not None),
        attached=tuple(c for one in attached for c in running(one, settings_of(one))),
        carries=tuple(c for one in attached for c in one.categories),
        held=groups.is_silent(course.incident, TransitionKind.CAUSE_ADDED),
        freed_at=_freed_at(course.incident, groups, cases, now),
        lifts=tuple(lift for one in attached for lift in _lifts(one)) if own.ladders else (),
    )


def _freed_at(incident: Incident, groups: Groups, cases: Mapping[str, Case], now: int) -> int:
    """When a person settled what it hangs on, 0 where nobody has."""
    parent = next(groups.above(incident), None)
    if parent is None:
        return 0
    stands = cases[parent.key].course.stands(now)
    acts = (stands.merged, stands.false_positive)
    return max((act.at for act in acts if act is not None), default=0)


def _lifts(course: Course) -> Iterator[tuple[int, Rank]]:
    """The ranks it brings to what it hangs on, from when it hangs there."""
    since = course.attached_since or 0
    return ((max(at, since), rank) for at, rank in ranks(course))


def _all(cases: Mapping[str, Case], moved: Mapping[str, Case]) -> Iterator[Case]:
    yield from moved.values()
    yield from (case for key, case in cases.items() if key not in moved)


def groups_of(cases: Iterable[Case], now: int) -> Groups:
    incidents: list[Incident] = []
    settled: list[str] = []
    for case in cases:
        incidents.append(case.course.incident)
        if telling.is_settled(case.course, now):
            settled.append(case.course.incident.key)
    return Groups(incidents, settled)


def hanging(course: Course, groups: Groups, cases: Mapping[str, Case], now: int) -> list[Course]:
    """What hangs on an open incident, at any depth, but for what a person has settled."""
    if course.incident.recovered_at is not None:
        return []
    found = (cases[one.key].course for one in groups.attached(course.incident))
    return [one for one in found if not telling.is_settled(one, now)]


def gathered(
    found: Advance,
    steps: Sequence[tuple[Transition, int]],
    cases: MutableMapping[str, Case],
    now: int,
) -> list[Said]:
    """What parents say of those that hang on them, after all steps: one update each. `cases` are
    those before it.
    """
    out: list[Said] = []
    every = ChainMap(dict(found.cases), cases)
    for update in found.groups.updates(steps):
        course = every[update.parent.key].course
        floor = telling.highest(hanging(course, found.groups, every, now), now)
        said = telling.of_update(course, update, now, floor)
        out += [] if said is None else [said]
    return out


def with_sent(case: Case, sent: Iterable[tuple[str, Which, str]]) -> Case:
    """The case once the messages (id, notice, receiver) of its notices are known."""
    known = dict(case.sent)
    for id_, which, receiver in sent:
        if which.kind in TRACKED:
            about = known[id_][0] if id_ in known else ()
            known[id_] = (tuple(dict.fromkeys((*about, which))), receiver)
    return replace(case, sent=known) if known != case.sent else case
