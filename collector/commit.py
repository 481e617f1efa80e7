"""T2's transaction: everything one evaluation says, together or not at all.

Incident events (journal), incident rows, messages (outbox), state changes, the snapshot and the
cursors commit under the lease's token; a process that lost the lease commits nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from sqlalchemy import Connection

from alerts.deadlines import Which
from alerts.outbox import Message
from alerts.people import Act
from collector import journal, process_facts, redriving
from collector.journal import CONFIG, Fact, Row
from collector.process import Arrival, Case
from collector.sightings import Sighting
from collector.snapshots import FORMAT
from collector.store import (
    incidents,
    leases,
    ledger,
    outbox,
    process,
    rollups,
    sightings,
    snapshots,
)
from collector.store.incidents import Flips, Place, Recorded, SystemState
from collector.store.leases import Lease
from collector.store.ledger import Chain
from collector.store.ranges import Ranges
from collector.store.rollups import RollupRow
from collector.store.snapshots import Snapshots
from probes.acts import OverrideKind
from probes.history import History

TAKEN = (*process_facts.ACTS, CONFIG)
IN_FORCE = (CONFIG, *(kind.value for kind in OverrideKind))
"""Whom a rung tells is by these: one recorded since the plan was made may count at its instant."""
Awaited = tuple[str, tuple[Which, ...], str]
"""(incident key, notices, receiver)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one evaluation at `now` (UTC ms) wants to say."""

    now: int
    facts: Sequence[tuple[str, Fact]]
    """(incident key, event)."""
    incidents: Sequence[Recorded]
    messages: Sequence[Message]
    flips: Mapping[Place, tuple[Flips, Flips]]
    """(before, after) of each place that changed."""
    states: Sequence[SystemState]
    states_whole: bool
    """Are they all there are, and not just those that changed?"""
    folded: Mapping[Chain, Ranges]
    snapshots: Snapshots | None
    rollups: Sequence[RollupRow]
    dues: Mapping[str, tuple[int | None, int | None]]
    """Incidents by key whose `next_due` moves though the rules changed nothing: (before, after)."""
    taken: int
    """The journal id up to which acts of people and config versions are part of what is said."""
    sighted: Sequence[Sighting] = ()
    """What agents saw of the servers behind checks."""
    systems: Mapping[str, str] = field(default_factory=dict)
    """By check."""


class OvertakenError(Exception):
    """Somebody has loaded a file, or changed who is on duty, since the plan was made."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What to say now, and what is said once that is committed."""

    plan: Plan
    following: Following


@dataclass(frozen=True, slots=True)
class Committed:
    """The lease as it is now, what was said in the end, and its `taken` moved past what it wrote."""

    lease: Lease
    planned: Planned
    taken: int


def commit(
    conn: Connection,
    org: str,
    lease: Lease,
    past: Past,
    news: News,
    planned: Planned,
    anew: Callable[[News], Planned],
) -> Committed:
    """FencedError or StaleError when this process is not the one to say it; OvertakenError when
    a config version, or another person on duty, has come in between.

    People who have acted since `news` come before what is said: it is planned `anew` with them,
    here, where nobody else can act. So it is planned twice at most, however many act at once.
    """
    kept = leases.beat(conn, org, lease)
    journal.hold(conn, org)
    since = process.since(conn, org, (*TAKEN, *IN_FORCE), news.taken)
    if any(row.kind in IN_FORCE for row in since):
        raise OvertakenError
    if any(process_facts.acts_of([row]) for row in since):
        planned = anew(replace(read_news(conn, org, past), arrivals=news.arrivals))
    plan = planned.plan
    ids = journal.append(conn, org, [fact for _, fact in plan.facts], plan.now)
    incidents.link_events(conn, org, zip((key for key, _ in plan.facts), ids, strict=True))
    incidents.write_incidents(conn, org, plan.incidents)
    for key, (before, due) in sorted(plan.dues.items()):
        incidents.move_due(conn, org, key, before, due)
    taken = ids[-1] if ids else plan.taken
    if past.history is None or taken != past.taken:  # what was said first says where it began
        process.take(conn, org, taken)
    outbox.add(conn, org, plan.messages)
    incidents.write_flips(conn, org, plan.flips)
    incidents.write_states(conn, org, plan.states, plan.now, whole=plan.states_whole)
    ledger.advance_cursors(conn, org, plan.folded, plan.now)
    rollups.write(conn, org, plan.rollups)
    changed = sightings.take(conn, org, plan.sighted, plan.systems)
    journal.append(conn, org, changed, plan.now)
    if plan.snapshots is not None:
        snapshots.write(conn, org, FORMAT, plan.snapshots)
    return Committed(kept, planned, taken)


@dataclass(frozen=True, slots=True)
class Following:
    """What is different once a plan is committed: of `incidents`, `cases` and `told` those that
    changed, all of the rest.
    """

    incidents: Mapping[str, Recorded]
    cases: Mapping[str, Case]
    told: Mapping[tuple[str, str], int]
    flips: dict[Place, Flips]
    folded: dict[Chain, Ranges]
    dues: Mapping[str, int]
    history: History
    as_of: int
    announce_due: int | None = None
    """When maintenance next begins or ends for channels that show it."""


@dataclass(slots=True)
class Past:
    """What earlier evaluations have said; `take` brings it up to the next commit."""

    incidents: dict[str, Recorded]
    flips: dict[Place, Flips]
    folded: dict[Chain, Ranges]
    told: dict[tuple[str, str], int]
    """The last `seq` per (incident key, receiver)."""
    as_of: int
    cases: dict[str, Case]
    """Every incident as the process knows it, by key."""
    awaited: dict[str, Awaited]
    """Messages of notices that may still arrive, by id."""
    taken: int
    dues: Mapping[str, int] = field(default_factory=dict)
    """The earliest `now` at which time alone changes what the rules say of an incident, by key."""
    history: History | None = None
    """The versions they were asked under; None before they were."""
    announce_due: int | None = None

    @property
    def rules_due(self) -> int | None:
        """The earliest `now` at which time alone changes what the rules say."""
        return min(self.dues.values(), default=None)

    @property
    def due(self) -> int | None:
        """When time alone calls for another look."""
        looks = (case.look_at for case in self.cases.values() if case.look_at is not None)
        announced = () if self.announce_due is None else (self.announce_due,)
        return min(chain(self.dues.values(), looks, announced), default=None)

    def take(self, following: Following, taken: int) -> None:
        self.incidents |= following.incidents
        self.told |= following.told
        for key, case in following.cases.items():
            self._await(key, case)
        self.cases |= following.cases
        self.flips, self.folded = following.flips, following.folded
        self.dues, self.history = following.dues, following.history
        self.announce_due = following.announce_due
        self.as_of, self.taken = following.as_of, taken

    def _await(self, key: str, case: Case) -> None:
        """The messages of its notices: those that are new, and no more what has arrived."""
        before = self.cases.get(key)
        known = {} if before is None else before.sent
        now = case.awaited
        for id_ in case.sent:
            if id_ not in now:
                self.awaited.pop(id_, None)
            elif id_ in self.awaited or id_ not in known:
                self.awaited[id_] = (key, *now[id_])

    def again(self, messages: Iterable[tuple[str, str]]) -> None:
        """Messages (incident key, id) that were dead are sent again, and may arrive."""
        for key, id_ in messages:
            found = self.cases[key].awaited.get(id_) if key in self.cases else None
            if found is not None:
                self.awaited[id_] = (key, *found)

    def give_up(self, messages: Iterable[str]) -> None:
        """Nobody will try these again by itself."""
        for id_ in messages:
            self.awaited.pop(id_, None)


def read_past(conn: Connection, org: str) -> Past:
    taken = process.taken(conn, org)
    rows = process.since(conn, org, process_facts.KINDS, 0)
    cases = process_facts.cases([row for row in rows if row.id <= taken])
    return Past(
        incidents={row.incident.key: row for row in incidents.read_incidents(conn, org)},
        flips=incidents.read_flips(conn, org),
        folded=ledger.folded_ranges(conn, org),
        told=outbox.last_seqs(conn, org),
        as_of=incidents.said_at(conn, org),
        cases=cases,
        awaited=awaited(cases),
        taken=taken,
    )


def awaited(cases: Mapping[str, Case]) -> dict[str, Awaited]:
    return {
        id_: (key, about, receiver)
        for key, case in cases.items()
        for id_, (about, receiver) in case.awaited.items()
    }


@dataclass(frozen=True, slots=True)
class News:
    """What has happened beside the truth: acts with their incident's key and the number of config
    versions recorded since, notices that arrived, dead messages (incident key, id) that somebody
    has sent again.

    `taken` is the last journal id that was looked at.
    """

    acts: Sequence[tuple[str, Act, int]]
    again: Sequence[tuple[str, str]]
    taken: int
    arrivals: Sequence[Arrival] = ()

    def __bool__(self) -> bool:
        return bool(self.acts or self.arrivals)


def read_news(conn: Connection, org: str, past: Past) -> News:
    """All of it but what arrived."""
    rows = process.since(conn, org, (*TAKEN, *IN_FORCE, redriving.KIND), past.taken)
    return News(
        _acts(row for row in rows if row.kind in TAKEN),
        [redriving.message_of(row) for row in rows if row.kind == redriving.KIND],
        rows[-1].id if rows else past.taken,
    )


def read_arrivals(
    conn: Connection, org: str, past: Past
) -> tuple[Sequence[Arrival], Sequence[str]]:
    """Notices that arrived, and messages by id that will not unless somebody sends them again."""
    arrived, dead = process.settled(conn, org, past.awaited)
    return list(_arrivals(past, arrived)), dead


def _arrivals(past: Past, arrived: Mapping[str, int]) -> Iterator[Arrival]:
    """Each notice once, by the message that came first."""
    seen: set[tuple[str, Which]] = set()
    for id_, at in sorted(arrived.items(), key=lambda one: (one[1], one[0])):
        key, about, receiver = past.awaited[id_]
        for which in about:
            if (key, which) not in seen:
                seen.add((key, which))
                yield Arrival(key, which, receiver, at)


def _acts(found: Iterable[Row]) -> list[tuple[str, Act, int]]:
    rows = list(found)
    behind = sum(row.kind == CONFIG for row in rows)
    out: list[tuple[str, Act, int]] = []
    for row in rows:
        if row.kind == CONFIG:
            behind -= 1
        else:
            out += ((key, act, behind) for key, act in process_facts.acts_of([row]))
    return out
