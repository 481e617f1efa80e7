"""T2's transaction: everything one evaluation says, together or not at all.

Incident events (journal), incident rows, messages (outbox), state changes, the snapshot and the
cursors commit under the lease's token; a process that lost the lease commits nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from alerts.outbox import Message
from collector import journal
from collector.journal import Fact
from collector.snapshots import FORMAT
from collector.store import incidents, leases, ledger, outbox, rollups, snapshots
from collector.store.incidents import Flips, Place, Recorded, SystemState
from collector.store.leases import Lease
from collector.store.ledger import Chain
from collector.store.ranges import Ranges
from collector.store.rollups import RollupRow
from collector.store.snapshots import Snapshots


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


def commit(conn: Connection, org: str, lease: Lease, plan: Plan) -> Lease:
    """FencedError or StaleError when this process is not the one to say it."""
    kept = leases.beat(conn, org, lease)
    ids = journal.append(conn, org, [fact for _, fact in plan.facts], plan.now)
    incidents.link_events(conn, org, zip((key for key, _ in plan.facts), ids, strict=True))
    incidents.write_incidents(conn, org, plan.incidents)
    outbox.add(conn, org, plan.messages)
    incidents.write_flips(conn, org, plan.flips)
    incidents.write_states(conn, org, plan.states)
    ledger.advance_cursors(conn, org, plan.folded, plan.now)
    rollups.write(conn, org, plan.rollups)
    if plan.snapshots is not None:
        snapshots.write(conn, org, FORMAT, plan.snapshots)
    return kept


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier evaluations have said."""

    incidents: Mapping[str, Recorded]
    flips: Mapping[Place, Flips]
    folded: Mapping[Chain, Ranges]
    told: Mapping[tuple[str, str], int]
    """The last `seq` per (incident key, receiver)."""
    as_of: int


def read_past(conn: Connection, org: str) -> Past:
    return Past(
        incidents={row.incident.key: row for row in incidents.read_incidents(conn, org)},
        flips=incidents.read_flips(conn, org),
        folded=ledger.folded_ranges(conn, org),
        told=outbox.last_seqs(conn, org),
        as_of=incidents.said_at(conn, org),
    )
