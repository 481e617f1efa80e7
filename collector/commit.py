"""T2's transaction: everything one evaluation says, together or not at all.

Incident events (journal), incident rows, messages (outbox), state changes, the snapshot and the
cursors commit under the lease's token; a process that lost the lease commits nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from alerts.deadlines import Which
from alerts.outbox import Message
from alerts.people import Act
from collector import journal, process_facts
from collector.journal import CONFIG, Fact, Row
from collector.process import Arrival, Case
from collector.snapshots import FORMAT
from collector.store import incidents, leases, ledger, outbox, process, rollups, snapshots
from collector.store.incidents import Flips, Place, Recorded, SystemState
from collector.store.leases import Lease
from collector.store.ledger import Chain
from collector.store.ranges import Ranges
from collector.store.rollups import RollupRow
from collector.store.snapshots import Snapshots
from probes.history import History

TAKEN = (*process_facts.ACTS, CONFIG)


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
    folded: Mapping[Chain, Ranges]
    snapshots: Snapshots | None
    rollups: Sequence[RollupRow]
    dues: Mapping[str, tuple[int | None, int | None]]
    """Incidents by key whose `next_due` moves though the rules changed nothing: (before, after)."""
    taken: int
    """The journal id up to which acts of people and config versions are part of what is said."""


class OvertakenError(Exception):
    """Somebody has acted on an incident, or loaded a file, since the plan was made."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The lease as it is now, and the plan's `taken` moved past what it wrote."""

    lease: Lease
    taken: int


def commit(conn: Connection, org: str, lease: Lease, plan: Plan) -> Committed:
    """FencedError or StaleError when this process is not the one to say it; OvertakenError when
    the sequence has gone on without it.
    """
    kept = leases.beat(conn, org, lease)
    journal.hold(conn, org)
    if _gone_on(process.since(conn, org, TAKEN, plan.taken)):
        raise OvertakenError
    ids = journal.append(conn, org, [fact for _, fact in plan.facts], plan.now)
    incidents.link_events(conn, org, zip((key for key, _ in plan.facts), ids, strict=True))
    incidents.write_incidents(conn, org, plan.incidents)
    for key, (before, due) in sorted(plan.dues.items()):
        incidents.move_due(conn, org, key, before, due)
    taken = ids[-1] if ids else plan.taken
    process.take(conn, org, taken)
    outbox.add(conn, org, plan.messages)
    incidents.write_flips(conn, org, plan.flips)
    incidents.write_states(conn, org, plan.states)
    ledger.advance_cursors(conn, org, plan.folded, plan.now)
    rollups.write(conn, org, plan.rollups)
    if plan.snapshots is not None:
        snapshots.write(conn, org, FORMAT, plan.snapshots)
    return Committed(kept, taken)


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier evaluations have said."""

    incidents: Mapping[str, Recorded]
    flips: Mapping[Place, Flips]
    folded: Mapping[Chain, Ranges]
    told: Mapping[tuple[str, str], int]
    """The last `seq` per (incident key, receiver)."""
    as_of: int
    cases: Mapping[str, Case]
    """Every incident as the process knows it, by key."""
    awaited: Mapping[str, tuple[str, tuple[Which, ...], str]]
    """Messages of notices that have not arrived: (incident key, notices, receiver), by id."""
    taken: int
    rules_due: int | None = None
    """The earliest `now` at which time alone changes what the rules say."""
    history: History | None = None
    """The versions they were asked under; None before they were."""


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


def awaited(cases: Mapping[str, Case]) -> dict[str, tuple[str, tuple[Which, ...], str]]:
    return {
        id_: (key, about, receiver)
        for key, case in cases.items()
        for id_, (about, receiver) in case.awaited.items()
    }


@dataclass(frozen=True, slots=True)
class News:
    """What has happened beside the truth: acts with their incident's key and the number of config
    versions recorded since, notices that arrived.

    `taken` is the last journal id that was looked at.
    """

    acts: Sequence[tuple[str, Act, int]]
    arrivals: Sequence[Arrival]
    taken: int

    def __bool__(self) -> bool:
        return bool(self.acts or self.arrivals)


def read_news(conn: Connection, org: str, past: Past) -> News:
    rows = process.since(conn, org, TAKEN, past.taken)
    arrived = process.sent(conn, org, past.awaited)
    return News(
        _acts(rows),
        list(_arrivals(past, arrived)),
        rows[-1].id if rows else past.taken,
    )


def _arrivals(past: Past, arrived: Mapping[str, int]) -> Iterator[Arrival]:
    """Each notice once, by the message that came first."""
    seen: set[tuple[str, Which]] = set()
    for id_, at in sorted(arrived.items(), key=lambda one: (one[1], one[0])):
        key, about, receiver = past.awaited[id_]
        for which in about:
            if (key, which) not in seen:
                seen.add((key, which))
                yield Arrival(key, which, receiver, at)


def _acts(rows: Sequence[Row]) -> list[tuple[str, Act, int]]:
    behind = sum(row.kind == CONFIG for row in rows)
    out: list[tuple[str, Act, int]] = []
    for row in rows:
        if row.kind == CONFIG:
            behind -= 1
        else:
            out += ((key, act, behind) for key, act in process_facts.acts_of([row]))
    return out


def _gone_on(rows: Sequence[Row]) -> bool:
    """The rules' own rows of these kinds are what an evaluation wrote."""
    return any(row.kind == CONFIG or process_facts.acts_of([row]) for row in rows)
