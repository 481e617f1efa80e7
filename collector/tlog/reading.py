"""A log as it stands in the store: its head, the hashes of its tree, its entries byte for byte.

All is of the growing epoch unless another is named. Entries are made again from what they are about;
an entry whose bytes have not the leaf's hash is told by `entries`, for then the store was changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from sqlalchemy import ColumnElement, Connection, and_, select

from collector import journal
from collector.attest.entries import RowEntry, write
from collector.attest.merkle import CompactRange, Nodes
from collector.attest.tiles import HEIGHT, WIDTH
from collector.store import ledger
from collector.store.log_tables import log_rows, log_subtrees
from collector.tlog import leafrows
from collector.tlog.batches import entry_of
from collector.tlog.epochs import Epoch, Log, current
from collector.tlog.epochs import of as epochs_of
from collector.tlog.leafrows import JOURNAL, START, Leaf, Tree
from probes.wire.merkle import leaf_hash, root_of_hashes

REMEMBERED = 65_536
"""Hashes that `nodes` keeps: many proofs share most of theirs."""


class ChangedError(Exception):
    """What the store holds at an index is not what was logged there."""

    def __init__(self, log: Log, index: int) -> None:
        super().__init__(f"{log} {index}")
        self.log = log
        self.index = index


def head(conn: Connection, org: str, log: Log, *, epoch: int | None = None) -> CompactRange | None:
    """The whole tree; None before the log was begun."""
    found = _epoch(conn, org, log, epoch)
    return None if found is None else found.tree


def hashes(
    conn: Connection, org: str, log: Log, epoch: int, level: int, first: int, count: int
) -> list[bytes]:
    """Of so many full subtrees of `level` (a multiple of 8), from the one at `first`; LookupError
    where the tree has not all of them.
    """
    if level == 0:
        found = leafrows.hashes(conn, Tree(org, log.number, epoch), first, first + count)
    else:
        query = select(log_subtrees.c.hash).where(
            log_subtrees.c.org == org,
            log_subtrees.c.log == log.number,
            log_subtrees.c.epoch == epoch,
            log_subtrees.c.level == level,
            log_subtrees.c.place >= first,
            log_subtrees.c.place < first + count,
        )
        rows = conn.execute(query.order_by(log_subtrees.c.place))
        found = [bytes(row.hash) for row in rows]
    if len(found) != count:
        raise LookupError((level, first, count))
    return found


def nodes(conn: Connection, org: str, log: Log, size: int, *, epoch: int | None = None) -> Nodes:
    """The tree of the first `size` leaves, for proofs; IndexError for a hash outside of it. Good as
    long as `conn` is. LookupError when the log has not so many leaves.
    """
    known = _epoch(conn, org, log, epoch)
    if known is None or size > known.tree.size:
        raise LookupError(size)
    number = known.epoch

    @lru_cache(REMEMBERED)
    def node(level: int, place: int) -> bytes:
        if level < 0 or place < 0 or (place + 1) << level > size:
            raise IndexError((level, place))
        upper, lower = divmod(level, HEIGHT)
        below = hashes(conn, org, log, number, upper * HEIGHT, place << lower, 1 << lower)
        return root_of_hashes(below)

    return node


def peaks(
    conn: Connection, org: str, log: Log, size: int, *, epoch: int | None = None
) -> CompactRange:
    """The log as it was with its first `size` leaves; LookupError when it never had as many."""
    node = nodes(conn, org, log, size, epoch=epoch)
    found: list[bytes] = []
    start = 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            found.append(node(level, start >> level))
            start += 1 << level
    return CompactRange(size, tuple(found))


def index_of_row(
    conn: Connection, org: str, log: Log, row_id: int, *, epoch: int | None = None
) -> int | None:
    """Where a row of the journal stands; None where it is not, or not yet."""
    found = _epoch(conn, org, log, epoch)
    if found is None:
        return None
    query = select(log_rows.c.idx).where(_rows(org, found), log_rows.c.row == row_id)
    return conn.execute(query).scalar()


def leaves(
    conn: Connection, org: str, log: Log, start: int, end: int, *, epoch: int | None = None
) -> Iterator[Leaf]:
    """Of `[start, end)`, as far as there are any."""
    found = _epoch(conn, org, log, epoch)
    at = start
    while found is not None and at < end:
        page = _page(conn, org, found, at, end)
        yield from page
        if not page:
            return
        at = page[-1].index + 1


def entries(
    conn: Connection, org: str, log: Log, start: int, end: int, *, epoch: int | None = None
) -> Iterator[bytes]:
    """The entries of `[start, end)`, byte for byte, as far as there are any. ChangedError for one
    that is not as it was logged.
    """
    found = _epoch(conn, org, log, epoch)
    at = start
    while found is not None and at < end:
        page = _page(conn, org, found, at, end)
        if not page:
            return
        made = _made(conn, org, found, page)
        for leaf in page:
            entry = made.get((leaf.chain, leaf.number))
            if entry is None or leaf_hash(entry) != leaf.hash:
                raise ChangedError(log, leaf.index)
            yield entry
        at = page[-1].index + 1


def _made(
    conn: Connection, org: str, epoch: Epoch, page: list[Leaf]
) -> dict[tuple[int, int], bytes]:
    """Entries by (chain, number)."""
    out: dict[tuple[int, int], bytes] = {}
    states = {(leaf.chain, leaf.number): leaf.state for leaf in page}
    numbers = [leaf.number for leaf in page if leaf.chain == JOURNAL]
    if (START, 0) in states:
        out[START, 0] = epoch.start
    if numbers:
        mine = (_rows(org, epoch), log_rows.c.row.between(min(numbers), max(numbers)))
        found = conn.execute(select(log_rows.c.row, log_rows.c.commitment).where(*mine))
        commitments = {row.row: bytes(row.commitment) for row in found}
        for row in journal.rows(conn, org, only=select(log_rows.c.row).where(*mine)):
            state, commitment = states.get((JOURNAL, row.id)), commitments.get(row.id)
            if state is not None and commitment is not None:
                entry = RowEntry(row.id, row.recorded_at, state, row.kind, commitment)
                out[JOURNAL, row.id] = write(entry)
    places = [place for place in states if place[0] > JOURNAL]
    for stored in ledger.read_places(conn, org, places):
        place = (stored.chain, stored.seq)
        out[place] = write(entry_of(stored, states[place]))
    return out


def _page(conn: Connection, org: str, epoch: Epoch, start: int, end: int) -> list[Leaf]:
    """Those of one block of 256 at most."""
    last = min(end, (start // WIDTH + 1) * WIDTH)
    return leafrows.read(conn, Tree(org, epoch.log.number, epoch.epoch), start, last)


def _epoch(conn: Connection, org: str, log: Log, epoch: int | None) -> Epoch | None:
    if epoch is None:
        return current(conn, org, log)
    return next((one for one in epochs_of(conn, org, log) if one.epoch == epoch), None)


def _rows(org: str, epoch: Epoch) -> ColumnElement[bool]:
    return and_(
        log_rows.c.org == org,
        log_rows.c.log == epoch.log.number,
        log_rows.c.epoch == epoch.epoch,
    )
