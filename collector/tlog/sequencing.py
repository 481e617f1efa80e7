"""Leaves for what has none: batches, tombstones and rows of the journal get their places in the logs.

Whoever holds the lease does it, after what T2 has committed, a bounded piece at a time. `prepare`
reads and hashes; `append` writes it all in one transaction under the lease's token, and only where
the logs stand as they stood. A crash between them, or within one, only does it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, insert, select

from collector import journal
from collector.access.credentials import RandomBytes
from collector.attest.entries import write
from collector.attest.merkle import Subtree
from collector.attest.tiles import HEIGHT
from collector.facts import Row
from collector.store import leases, ledger, ranges
from collector.store.leases import Lease
from collector.store.ledger import Chain, Stored
from collector.store.log_tables import log_cursors, log_rows, log_subtrees
from collector.store.ranges import Ranges
from collector.store.upsert import replace_all
from collector.tlog import leafrows
from collector.tlog import rows as rows_
from collector.tlog.batches import entry_of
from collector.tlog.epochs import (
    Epoch,
    Log,
    current,
    default_origin,
    moved,
    start_epoch,
    take_name,
)
from collector.tlog.leafrows import JOURNAL, Leaf, Tree
from probes.wire.merkle import leaf_hash

AT_ONCE = 2_000


class MovedError(Exception):
    """The logs have moved on since `prepare`: another process leads, or a new epoch began."""


@dataclass(frozen=True, slots=True)
class Sequenced:
    """`appended`: leaves of both logs. `more`: there is more to do than was taken, of which `waiting`
    is known. `sizes`: how many leaves each log has now.
    """

    appended: int
    more: bool
    waiting: int
    sizes: Mapping[Log, int]


@dataclass(frozen=True, slots=True)
class Grown:
    """A log before and after; `leaves` are those between, `full` the subtrees they complete.
    `commitments` are of rows, by id.
    """

    before: Epoch
    after: Epoch
    leaves: Sequence[Leaf]
    full: Sequence[Subtree]
    commitments: Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is to be appended, and all that is logged of the chains it has batches of."""

    evidence: Grown
    audit: Grown
    cursors: Mapping[Chain, Ranges]
    more: bool
    waiting: int


def begin(
    conn: Connection, org: str, lease: Lease, origin: str, now: int, random_bytes: RandomBytes
) -> None:
    """Begin the logs where there are none, and give them the operator's origin as long as nothing
    was signed under another.
    """
    leases.guard(conn, org, lease)
    if current(conn, org, Log.EVIDENCE) is None:
        start_epoch(conn, org, origin, {}, now, random_bytes)
    elif origin != default_origin(org):
        take_name(conn, org, origin)


def prepare(conn: Connection, org: str, limit: int = AT_ONCE) -> Prepared | None:
    """At most `limit` rows and batches together, rows first; None when there is nothing to log, or
    no log.
    """
    evidence, audit = current(conn, org, Log.EVIDENCE), current(conn, org, Log.AUDIT)
    if evidence is None or audit is None:
        return None
    found = journal.rows(conn, org, after=audit.rows_to, limit=limit)
    fresh, cursors, behind = _batches(conn, org, evidence.epoch, limit - len(found))
    if not found and not fresh:
        return None
    parts = {row.id: rows_.parts_of(row) for row in found}
    return Prepared(
        evidence=_grown(evidence, [row for row in found if rows_.is_evidence(row)], parts, fresh),
        audit=_grown(audit, found, parts, ()),
        cursors=cursors,
        more=len(found) + len(fresh) >= limit,
        waiting=behind + journal.last_id(conn, org) - (found[-1].id if found else audit.rows_to),
    )


def append(conn: Connection, org: str, lease: Lease, prepared: Prepared) -> Sequenced:
    """FencedError when the lease is lost, MovedError when the logs are not as they were read."""
    leases.guard(conn, org, lease)
    last = prepared.audit.after.rows_to
    for grown in (prepared.evidence, prepared.audit):
        if not moved(conn, org, grown.before, replace(grown.after, rows_to=last)):
            raise MovedError
        _write(conn, org, grown)
    epoch = prepared.evidence.before.epoch
    replace_all(
        conn,
        log_cursors,
        [
            {
                "org": org,
                "epoch": epoch,
                "agent": agent,
                "chain_epoch": chain_epoch,
                "logged": ranges.dump(done),
            }
            for (agent, chain_epoch), done in sorted(prepared.cursors.items())
        ],
    )
    appended = len(prepared.evidence.leaves) + len(prepared.audit.leaves)
    sizes = {
        grown.after.log: grown.after.tree.size for grown in (prepared.evidence, prepared.audit)
    }
    return Sequenced(appended, prepared.more, prepared.waiting, sizes)


def nothing(conn: Connection, org: str) -> Sequenced:
    """What `append` would say where there was nothing to append."""
    known = [epoch for log in Log if (epoch := current(conn, org, log)) is not None]
    return Sequenced(0, more=False, waiting=0, sizes={one.log: one.tree.size for one in known})


def sequence(
    conn: Connection,
    org: str,
    lease: Lease,
    now: int,
    limit: int = AT_ONCE,
    *,
    origin: str,
    random_bytes: RandomBytes,
) -> Sequenced:
    """`begin`, `prepare` and `append` in one transaction."""
    begin(conn, org, lease, origin, now, random_bytes)
    prepared = prepare(conn, org, limit)
    return nothing(conn, org) if prepared is None else append(conn, org, lease, prepared)


def _batches(
    conn: Connection, org: str, epoch: int, limit: int
) -> tuple[list[Stored], dict[Chain, Ranges], int]:
    """Those that are folded and no leaf yet, by when they came; with them what is logged then, and how
    many are left. Each chain has its share, the shortest first, so that a long one does not keep the
    others waiting.
    """
    logged = _logged(conn, org, epoch)
    wanted = [
        (sum(last - first + 1 for first, last in fresh), chain, fresh)
        for chain, folded in ledger.folded_ranges(conn, org).items()
        if (fresh := ranges.missing(logged.get(chain, ()), folded))
    ]
    found: list[Stored] = []
    cursors: dict[Chain, Ranges] = {}
    for n, (_, chain, fresh) in enumerate(sorted(wanted)):
        share = (limit - len(found)) // (len(wanted) - n)
        if share < 1:
            continue
        taken = ledger.read_batches(conn, org, chain, fresh, share)
        done = logged.get(chain, ())
        for stored in taken:
            done = ranges.add(done, stored.seq)
        if taken:
            cursors[chain] = done
        found += taken
    found.sort(key=lambda one: (one.received_at, one.chain, one.seq))
    return found, cursors, sum(count for count, *_ in wanted) - len(found)


def _logged(conn: Connection, org: str, epoch: int) -> dict[Chain, Ranges]:
    query = select(log_cursors.c.agent, log_cursors.c.chain_epoch, log_cursors.c.logged).where(
        log_cursors.c.org == org, log_cursors.c.epoch == epoch
    )
    return {(row.agent, row.chain_epoch): ranges.load(row.logged) for row in conn.execute(query)}


def _grown(
    before: Epoch,
    found: Sequence[Row],
    parts: Mapping[int, Mapping[str, bytes]],
    fresh: Sequence[Stored],
) -> Grown:
    leaves: list[Leaf] = []
    commitments: dict[int, bytes] = {}
    state, first = before.state, before.tree.size
    for row in found:
        state += rows_.counts(row)
        entry = rows_.committed(before.secret, row, parts[row.id], state)
        value = leaf_hash(write(entry))
        leaves.append(Leaf(first + len(leaves), JOURNAL, row.id, state, value))
        commitments[row.id] = entry.commitment
    leaves += (
        Leaf(index, stored.chain, stored.seq, state, leaf_hash(entry_of(stored, state)))
        for index, stored in enumerate(fresh, first + len(leaves))
    )
    tree, full = before.tree.extended(leaf.hash for leaf in leaves)
    last = found[-1].id if found else before.rows_to
    after = replace(before, tree=tree, state=state, rows_to=last)
    return Grown(before, after, leaves, full, commitments)


def _write(conn: Connection, org: str, grown: Grown) -> None:
    log, epoch = grown.before.log.number, grown.before.epoch
    key = {"org": org, "log": log, "epoch": epoch}
    leafrows.add(conn, Tree(org, log, epoch), grown.leaves)
    subtrees = [
        {**key, "level": one.level, "place": one.place, "hash": one.hash}
        for one in grown.full
        if one.level and one.level % HEIGHT == 0
    ]
    if subtrees:
        conn.execute(insert(log_subtrees), subtrees)
    rows = [
        {
            **key,
            "row": leaf.number,
            "idx": leaf.index,
            "commitment": grown.commitments[leaf.number],
        }
        for leaf in grown.leaves
        if leaf.chain == JOURNAL
    ]
    if rows:
        conn.execute(insert(log_rows), rows)
