"""What holds of the logs of a store at any time: `broken` names every law that does not."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, select

from collector import journal
from collector.attest import entries, merkle
from collector.attest.entries import STATE_KINDS, BatchEntry, LogStart, RowEntry
from collector.audit.kinds import KINDS
from collector.store import ledger, ranges
from collector.store.tables import batches
from collector.tlog import reading
from collector.tlog.epochs import Epoch, Log, of
from collector.tlog.leafrows import JOURNAL, START
from collector.tlog.rows import EVIDENCE_TOPICS
from probes.wire.merkle import leaf_hash
from tests.unit.attest import naive

Place = tuple[int, int]
"""(chain, number) as a leaf says them."""


def whole(conn: Connection, org: str) -> list[str]:
    """`broken`, and everything there is has its leaf in the growing epoch."""
    wanted = {(row.chain, row.seq) for row in conn.execute(select(batches.c.chain, batches.c.seq))}
    rows = journal.rows(conn, org)
    out = broken(conn, org)
    for log in Log:
        mine = [row for row in rows if log is Log.AUDIT or KINDS[row.kind].topic in EVIDENCE_TOPICS]
        there = {(JOURNAL, row.id) for row in mine}
        if log is Log.EVIDENCE:
            there |= wanted
        epoch = of(conn, org, log)[-1]
        if set(places(conn, org, epoch)) != {(START, 0), *there}:
            out.append(f"{log}: not everything has a leaf")
    return out


def broken(conn: Connection, org: str) -> list[str]:
    return [
        f"{epoch.log} {epoch.epoch}: {law}"
        for log in Log
        for epoch in of(conn, org, log)
        for law in _of_epoch(conn, org, epoch)
    ]


def places(conn: Connection, org: str, epoch: Epoch) -> list[Place]:
    found = reading.leaves(conn, org, epoch.log, 0, epoch.tree.size, epoch=epoch.epoch)
    return [(leaf.chain, leaf.number) for leaf in found]


def _of_epoch(conn: Connection, org: str, epoch: Epoch) -> list[str]:
    out: list[str] = []
    size, log = epoch.tree.size, epoch.log
    told = list(reading.entries(conn, org, log, 0, size + 9, epoch=epoch.epoch))
    if len(told) != size:
        out.append("there are other leaves than its size says")
    if naive.mth(told) != epoch.tree.root():
        out.append("the root is not that of the entries")
    if max(Counter(places(conn, org, epoch)).values()) > 1:
        out.append("something has two leaves")
    out += _tree(conn, org, epoch, told)
    out += _entries(conn, org, epoch, told)
    if log is Log.EVIDENCE and epoch.closed_at is None:
        out += _cursors(conn, org, epoch)
    return out


def _tree(conn: Connection, org: str, epoch: Epoch, told: list[bytes]) -> list[str]:
    """Nodes, earlier trees and proofs, at a few places."""
    out: list[str] = []
    size = len(told)
    nodes = reading.nodes(conn, org, epoch.log, size, epoch=epoch.epoch)
    twin = naive.kept(told)
    for level in range(size.bit_length()):
        last = (size >> level) - 1
        places_ = {0, last // 2, last}
        out += (f"node {level} {n}" for n in places_ if nodes(level, n) != twin(level, n))
    root = epoch.tree.root()
    for index in {0, size // 3, size - 1}:
        path = merkle.inclusion_path(nodes, index, size)
        if not merkle.included(leaf_hash(told[index]), index, size, path, root):
            out.append(f"{index} is not proved")
        before = reading.peaks(conn, org, epoch.log, index + 1, epoch=epoch.epoch).root()
        proof = merkle.consistency_path(nodes, index + 1, size)
        if not merkle.consistent(index + 1, size, before, root, proof):
            out.append(f"{index + 1} is not gone on from")
    return out


def _entries(conn: Connection, org: str, epoch: Epoch, told: list[bytes]) -> list[str]:
    out: list[str] = []
    state, row = 0, 0
    for index, data in enumerate(told):
        entry = entries.parse(data)
        if isinstance(entry, LogStart) != (index == 0):
            out.append(f"{index} begins the log")
        if isinstance(entry, RowEntry):
            state += entry.kind in STATE_KINDS
            if entry.id <= row or (epoch.log is Log.AUDIT and entry.id != index):
                out.append(f"row {entry.id} at {index}")
            row = entry.id
            if reading.index_of_row(conn, org, epoch.log, row, epoch=epoch.epoch) != index:
                out.append(f"row {row} is not found")
        if isinstance(entry, BatchEntry) and epoch.log is Log.AUDIT:
            out.append(f"a batch at {index}")
        if not isinstance(entry, LogStart) and entry.state != state:
            out.append(f"{index} counts {entry.state} of {state} state rows")
    if epoch.state != state:
        out.append("the log counts other state rows than its entries")
    return out


def _cursors(conn: Connection, org: str, epoch: Epoch) -> list[str]:
    """Nothing is a leaf that was not folded."""
    heads = ledger.heads(conn, org)
    folded = ledger.folded_ranges(conn, org)
    known = {head.number: folded.get(chain, ()) for chain, head in heads.items()}
    return [
        f"{place} was not folded"
        for place in places(conn, org, epoch)
        if place[0] > JOURNAL and not ranges.contains(known[place[0]], place[1])
    ]
