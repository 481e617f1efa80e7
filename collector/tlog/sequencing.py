"""Leaves for what has none: batches, tombstones and rows of the journal get their places in the logs.

Whoever holds the lease does it, after what T2 has committed, a bounded piece at a time. `prepare`
reads and hashes; `append` writes it all in one transaction under the lease's token, and only where
the logs stand as they stood. A crash between them, or within one, only does it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, and_, insert, outerjoin, select

from collector import journal
from collector.access.credentials import RandomBytes
from collector.attest import commitments
from collector.attest.entries import BatchEntry, RowEntry, write
from collector.attest.merkle import Subtree
from collector.attest.tiles import HEIGHT
from collector.facts import Row
from collector.store import leases, ledger, ranges
from collector.store.leases import Lease
from collector.store.ledger import Chain
from collector.store.log_tables import log_cursors, log_rows, log_subtrees
from collector.store.ranges import Ranges
from collector.store.tables import cursors as folded_cursors
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
ROWS, BYTES = 50, 4 << 20
"""Rows of the journal in one question, and bytes of rows after which no more are taken: a version of
the operator's file may have a megabyte.
"""


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
class _Fresh:
    """A batch or tombstone that is no leaf yet; its entry counts no state rows so far."""

    chain: int
    seq: int
    entry: BatchEntry


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
        journal.hold(conn, org)  # nothing is signed under the old name meanwhile
        take_name(conn, org, origin)


def prepare(conn: Connection, org: str, limit: int = AT_ONCE) -> Prepared | None:
    """At most `limit` rows and batches together, rows first; None when there is nothing to log, or
    no log.
    """
    evidence, audit = current(conn, org, Log.EVIDENCE), current(conn, org, Log.AUDIT)
    if evidence is None or audit is None:
        return None
    found = _rows(conn, org, audit.rows_to, limit)
    last = found[-1].id if found else audit.rows_to
    rows_left = journal.last_id(conn, org) - last
    # no batch comes before a row that was there: a verifier takes such a row for one of a later date
    room = 0 if rows_left else limit - len(found)
    fresh, cursors, behind = _batches(conn, org, evidence.epoch, room)
    if not found and not fresh:
        return None
    own, every = _commitments(evidence, audit, found)
    return Prepared(
        evidence=_grown(evidence, [row for row in found if rows_.is_evidence(row)], own, fresh),
        audit=_grown(audit, found, every, ()),
        cursors=cursors,
        more=rows_left > 0 or len(found) + len(fresh) >= limit,
        waiting=behind + rows_left,
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


def _rows(conn: Connection, org: str, after: int, limit: int) -> list[Row]:
    """At most `limit` rows behind `after`."""
    found: list[Row] = []
    size = 0
    while len(found) < limit:
        most = min(ROWS, limit - len(found))
        page = journal.rows(conn, org, after=found[-1].id if found else after, limit=most)
        for row in page:
            found.append(row)
            size += len(row.data)
            if size >= BYTES:
                return found
        if len(page) < most:
            break
    return found


def _commitments(
    evidence: Epoch, audit: Epoch, found: Sequence[Row]
) -> tuple[dict[int, bytes], dict[int, bytes]]:
    """By row, for each log. One version at a time is taken apart: its parts are many times as large."""
    own: dict[int, bytes] = {}
    every: dict[int, bytes] = {}
    for row in found:
        parts = rows_.parts_of(row)
        every[row.id] = commitments.commit(audit.secret, row, parts)
        if rows_.is_evidence(row):
            own[row.id] = commitments.commit(evidence.secret, row, parts)
    return own, every


def _batches(
    conn: Connection, org: str, epoch: int, limit: int
) -> tuple[list[_Fresh], dict[Chain, Ranges], int]:
    """Those that are folded and no leaf yet, by when they came; with them what is logged then, and how
    many are left. Each chain has its share, the shortest first, so that a long one does not keep the
    others waiting.
    """
    behind = _behind(conn, org, epoch)
    wanted = [
        (sum(last - first + 1 for first, last in fresh), chain, fresh)
        for chain, (logged, folded) in behind.items()
        if (fresh := ranges.missing(logged, folded))
    ]
    found: list[_Fresh] = []
    cursors: dict[Chain, Ranges] = {}
    for n, (_, chain, fresh) in enumerate(sorted(wanted)):
        share = (limit - len(found)) // (len(wanted) - n)
        taken = list(_of_chain(conn, org, chain, fresh, share))
        done, _ = behind[chain]
        for one in taken:
            done = ranges.add(done, one.seq)
        if taken:
            cursors[chain] = done
        found += taken
    found.sort(key=lambda one: (one.entry.received_at, one.chain, one.seq))
    return found, cursors, sum(count for count, *_ in wanted) - len(found)


def _of_chain(
    conn: Connection, org: str, chain: Chain, wanted: Ranges, limit: int
) -> Iterator[_Fresh]:
    """At most `limit`, by seq; few whole batches are in memory at a time."""
    while limit > 0:
        page = ledger.read_batches(conn, org, chain, wanted, min(limit, ledger.FEW))
        yield from (_Fresh(one.chain, one.seq, entry_of(one)) for one in page)
        if not page:
            return
        wanted = ranges.missing(((1, page[-1].seq),), wanted)
        limit -= len(page)


def _behind(conn: Connection, org: str, epoch: int) -> dict[Chain, tuple[Ranges, Ranges]]:
    """What is logged and what is folded of each chain where these differ: of thousands that came to
    an end long ago the engine compares the text, and nothing is read.
    """
    mine = and_(
        log_cursors.c.org == folded_cursors.c.org,
        log_cursors.c.epoch == epoch,
        log_cursors.c.agent == folded_cursors.c.agent,
        log_cursors.c.chain_epoch == folded_cursors.c.epoch,
    )
    query = (
        select(
            folded_cursors.c.agent,
            folded_cursors.c.epoch,
            folded_cursors.c.folded,
            log_cursors.c.logged,
        )
        .select_from(outerjoin(folded_cursors, log_cursors, mine))
        .where(
            folded_cursors.c.org == org,
            log_cursors.c.logged.is_distinct_from(folded_cursors.c.folded),
        )
    )
    return {
        (row.agent, row.epoch): (
            () if row.logged is None else ranges.load(row.logged),
            ranges.load(row.folded),
        )
        for row in conn.execute(query)
    }


def _grown(
    before: Epoch,
    found: Sequence[Row],
    committed: Mapping[int, bytes],
    fresh: Sequence[_Fresh],
) -> Grown:
    leaves: list[Leaf] = []
    state, first = before.state, before.tree.size
    for row in found:
        state += rows_.counts(row)
        entry = RowEntry(row.id, row.recorded_at, state, row.kind, committed[row.id])
        value = leaf_hash(write(entry))
        leaves.append(Leaf(first + len(leaves), JOURNAL, row.id, state, value))
    leaves += (
        Leaf(index, one.chain, one.seq, state, leaf_hash(write(replace(one.entry, state=state))))
        for index, one in enumerate(fresh, first + len(leaves))
    )
    tree, full = before.tree.extended(leaf.hash for leaf in leaves)
    last = found[-1].id if found else before.rows_to
    after = replace(before, tree=tree, state=state, rows_to=last)
    return Grown(before, after, leaves, full, committed)


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
