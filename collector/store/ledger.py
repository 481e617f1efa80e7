"""Batches and tombstones, exact bytes: what T1 writes, and what every fold reads.

Per (agent, epoch) the stored and the folded sequence numbers are kept as ranges, so that a batch
that arrives late or out of order is found without looking at the others. The tombstones of an
epoch are a chain beside it, numbered by the first seq each covers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row, and_, literal, or_, select, tuple_, update

from collector.store import ranges, shortform
from collector.store.ranges import Ranges
from collector.store.tables import batches, chains, cursors
from collector.store.upsert import count_up, insert_if_absent, replace_all
from probes import envelope, tombstone
from probes.batch import NO_PREVIOUS

Chain = tuple[str, str]
"""(agent, epoch)."""
SPANS = 100
"""Ranges that a statement names: SQLite takes a thousand terms of one."""
FEW = 20
"""Whole batches in memory at a time: one may have megabytes."""
TOMBS = "~"
"""What no id holds: the epoch of a chain of tombstones ends with it."""


def tombs(chain: Chain) -> Chain:
    """The chain of the tombstones of an epoch."""
    return chain[0], chain[1] + TOMBS


@dataclass(frozen=True, slots=True)
class Covers:
    """What a tombstone stands for. `hashes`: `tombstone.hashes_of`, none of a bare one."""

    last_seq: int
    last_hash: str
    hashes: bytes
    given_up: int


@dataclass(frozen=True, slots=True)
class Incoming:
    """Something verified. Instants are UTC milliseconds, hashes are hex; `form` is how it is kept.
    `seq` of a tombstone is the first it covers.
    """

    agent: str
    epoch: str
    seq: int
    header_hash: str
    prev: str
    received_at: int
    form: bytes
    first_t: int
    last_t: int
    covers: Covers | None = None

    @property
    def last_seq(self) -> int:
        return self.seq if self.covers is None else self.covers.last_seq

    @property
    def last_hash(self) -> str:
        """What the batch behind it names as `prev`."""
        return self.header_hash if self.covers is None else self.covers.last_hash


@dataclass(frozen=True)
class Stored:
    """A row as it stands."""

    org: str
    chain: int
    agent: str
    epoch: str
    seq: int
    received_at: int
    first_t: int
    last_t: int
    form: bytes

    @cached_property
    def data(self) -> bytes:
        """The exact bytes."""
        place = (self.org, self.agent, self.epoch, self.seq, self.first_t, self.last_t)
        return shortform.exact(self.form, shortform.Row(*place))

    @cached_property
    def header_hash(self) -> str:
        magic = self.data[: envelope.MAGIC_BYTES]
        return envelope.header_hash(envelope.split(magic, self.data))


class Verdict(StrEnum):
    STORED = "stored"
    DUPLICATE = "duplicate"
    EQUIVOCATION = "equivocation"


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two headers for one place."""

    seq: int
    stored: str
    came: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """`stored` is what the whole epoch holds once the transaction is committed. `broken` are the
    seqs whose header does not name the one before it; `first_broken`: no link of this chain was
    broken before.
    """

    verdict: Verdict
    stored: Ranges
    conflict: Conflict | None = None
    broken: tuple[int, ...] = ()
    first_broken: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """A chain as its row says. `stored` are seqs of rows, `covered` those that tombstones stand
    for.
    """

    number: int
    stored: Ranges
    covered: Ranges
    spoke_at: int
    tip: int
    tip_hash: bytes
    given_up: int
    broken: int


def insert_batches(conn: Connection, org: str, incoming: Sequence[Incoming]) -> list[Receipt]:
    """Insert what is new; one receipt each, in the order given.

    The same place with the same header is a duplicate, with another one an equivocation: neither
    changes anything.
    """
    wanted = {(b.agent, b.epoch) for b in incoming}
    wanted |= {tombs((b.agent, b.epoch)) for b in incoming if b.covers is not None}
    _make_chains(conn, org, sorted(wanted))
    wanted |= {tombs(chain) for chain in wanted if not chain[1].endswith(TOMBS)}
    heads = _lock_chains(conn, org, sorted(wanted))
    before = dict(heads)
    outcomes = [_Placing(conn, org, heads, one).place() for one in incoming]
    for chain, head in heads.items():
        if head is not before[chain]:
            _write_head(conn, org, chain, head)
    return [
        replace(receipt, stored=_whole(heads, (one.agent, one.epoch)))
        for receipt, one in zip(outcomes, incoming, strict=True)
    ]


class _Placing:
    """One envelope among what its epoch holds."""

    def __init__(
        self, conn: Connection, org: str, heads: dict[Chain, Head], incoming: Incoming
    ) -> None:
        self._conn, self._org, self._heads, self._new = conn, org, heads, incoming
        self._chain = (incoming.agent, incoming.epoch)

    def place(self) -> Receipt:
        new = self._new
        conflict = self._conflict()
        if conflict is not None:
            return Receipt(Verdict.EQUIVOCATION, (), conflict)
        if self._is_known():
            return Receipt(Verdict.DUPLICATE, ())
        broken = self._broken_links()
        own = self._chain if new.covers is None else tombs(self._chain)
        head = self._heads[own]
        self._conn.execute(
            batches.insert().values(
                org=self._org,
                chain=head.number,
                seq=new.seq,
                received_at=new.received_at,
                first_t=new.first_t,
                last_t=new.last_t,
                form=new.form,
            )
        )
        head = replace(head, stored=ranges.add(head.stored, new.seq))
        head = replace(head, spoke_at=max(head.spoke_at, new.received_at))
        if new.covers is None:
            head = replace(head, tip=new.seq, tip_hash=bytes.fromhex(new.header_hash))
        else:
            covered = ranges.union(head.covered, ((new.seq, new.covers.last_seq),))
            head = replace(head, covered=covered, given_up=head.given_up + new.covers.given_up)
        self._heads[own] = head
        first = False
        if broken:
            epoch = self._heads[self._chain]
            first = epoch.broken == 0
            self._heads[self._chain] = replace(epoch, broken=epoch.broken + len(broken))
        return Receipt(Verdict.STORED, (), None, broken, first)

    def _is_known(self) -> bool:
        if self._new.covers is None:
            return ranges.contains(self._heads[self._chain].stored, self._new.seq)
        return ranges.contains(self._covered(), self._new.seq)

    def _conflict(self) -> Conflict | None:
        new = self._new
        if new.covers is None:
            known = self._hash_at(new.seq)
            if known is None or known == new.header_hash:
                return None
            return Conflict(new.seq, known, new.header_hash)
        return self._tombstone_conflict(new.covers)

    def _tombstone_conflict(self, covers: Covers) -> Conflict | None:
        new = self._new
        span = (new.seq, covers.last_seq)
        shared = _common(self._covered(), span)
        if shared:
            # Ranges of tombstones are equal or apart; of equal ones the first that came stands.
            row = self._tomb_row(shared[0][0])
            there = self._tomb_of(shared[0][0])
            if row is None or there is None:
                raise LookupError("a chain covers what no tombstone stands for")
            same = (there.first_seq, there.last_seq, there.prev, there.last)
            if same == (*span, new.prev, covers.last_hash):
                return None
            return Conflict(shared[0][0], row.header_hash, new.header_hash)
        for first, last in _common(self._heads[self._chain].stored, span):
            for seq in range(first, last + 1):
                said = self._said_by(covers, seq)
                known = None if said is None else self._hash_at(seq)
                if said is not None and known is not None and known != said:
                    return Conflict(seq, known, said)
        return None

    def _said_by(self, covers: Covers, seq: int) -> str | None:
        if covers.hashes:
            return tombstone.hash_at(covers.hashes, seq - self._new.seq)
        return covers.last_hash if seq == covers.last_seq else None

    def _broken_links(self) -> tuple[int, ...]:
        """Seqs of headers whose `prev` is not the header before it, as far as both are here."""
        new, out = self._new, []
        before = NO_PREVIOUS if new.seq == 1 else self._hash_at(new.seq - 1)
        if before is not None and before != new.prev:
            out.append(new.seq)
        behind = self._prev_at(new.last_seq + 1)
        if behind is not None and behind != new.last_hash:
            out.append(new.last_seq + 1)
        return tuple(out)

    def _covered(self) -> Ranges:
        head = self._heads.get(tombs(self._chain))
        return () if head is None else head.covered

    def _hash_at(self, seq: int) -> str | None:
        """The hash of the header at a place, by its batch or by what a tombstone says."""
        head = self._heads[self._chain]
        if ranges.contains(head.stored, seq):
            return (
                head.tip_hash.hex() if head.tip == seq else self._row(self._chain, seq).header_hash
            )
        tomb = self._tomb_of(seq)
        if tomb is None:
            return None
        if not tomb.bare:
            return tombstone.hash_at(self._tomb_hashes(seq), seq - tomb.first_seq)
        return tomb.last if seq == tomb.last_seq else None

    def _prev_at(self, seq: int) -> str | None:
        if ranges.contains(self._heads[self._chain].stored, seq):
            return shortform.prev_of(self._row(self._chain, seq).form)
        tomb = self._tomb_of(seq)
        return tomb.prev if tomb is not None and tomb.first_seq == seq else None

    def _tomb_row(self, seq: int) -> Stored | None:
        if not ranges.contains(self._covered(), seq):
            return None
        head = self._heads[tombs(self._chain)]
        start = max(min(last, seq) for first, last in head.stored if first <= seq)
        return self._row(tombs(self._chain), start)

    def _tomb_of(self, seq: int) -> tombstone.Header | None:
        """The tombstone that covers a place."""
        row = self._tomb_row(seq)
        return None if row is None else tombstone.open_tombstone(row.data).header

    def _tomb_hashes(self, seq: int) -> bytes:
        row = self._tomb_row(seq)
        return b"" if row is None else tombstone.hashes_of(tombstone.open_tombstone(row.data))

    def _row(self, chain: Chain, seq: int) -> Stored:
        query = _rows(self._org).where(
            batches.c.chain == self._heads[chain].number, batches.c.seq == seq
        )
        return _stored(self._org, self._conn.execute(query).one())


def _common(have: Ranges, span: tuple[int, int]) -> list[tuple[int, int]]:
    return [
        (max(first, span[0]), min(last, span[1]))
        for first, last in have
        if first <= span[1] and last >= span[0]
    ]


def _whole(heads: Mapping[Chain, Head], chain: Chain) -> Ranges:
    """Stored or covered by a tombstone: the agent need not keep it."""
    tomb = heads.get(tombs(chain))
    own = heads[chain].stored
    return own if tomb is None else ranges.union(own, tomb.covered)


def _make_chains(conn: Connection, org: str, wanted: Sequence[Chain]) -> None:
    """Rows for chains that have none. Their numbers come first: whoever makes some waits for
    whoever is making others before it locks any.
    """
    found = conn.execute(
        select(chains.c.agent, chains.c.epoch).where(
            chains.c.org == org, tuple_(chains.c.agent, chains.c.epoch).in_(wanted)
        )
    )
    there = {(row.agent, row.epoch) for row in found}
    fresh = [chain for chain in wanted if chain not in there]
    if not fresh:
        return
    last = count_up(conn, org, "chain", len(fresh))
    insert_if_absent(
        conn,
        chains,
        *(
            {
                "org": org,
                "agent": agent,
                "epoch": epoch,
                "number": last - n,
                "stored": ranges.dump(()),
                "covered": ranges.dump(()),
                "spoke_at": 0,
                "tip": 0,
                "tip_hash": b"",
                "given_up": 0,
                "broken": 0,
            }
            for n, (agent, epoch) in enumerate(reversed(fresh))
        ),
    )


def _is(org: str, chain: Chain) -> Any:
    return and_(chains.c.org == org, chains.c.agent == chain[0], chains.c.epoch == chain[1])


def _lock_chains(conn: Connection, org: str, wanted: Sequence[Chain]) -> dict[Chain, Head]:
    """Those that there are. Every replica locks them in the same order, so two of them cannot
    wait for each other.
    """
    rows = conn.execute(
        select(chains)
        .where(chains.c.org == org, tuple_(chains.c.agent, chains.c.epoch).in_(wanted))
        .order_by(chains.c.agent, chains.c.epoch)
        .with_for_update()
    )
    return {(row.agent, row.epoch): _head(row) for row in rows}


def _write_head(conn: Connection, org: str, chain: Chain, head: Head) -> None:
    conn.execute(
        update(chains)
        .where(_is(org, chain))
        .values(
            stored=ranges.dump(head.stored),
            covered=ranges.dump(head.covered),
            spoke_at=head.spoke_at,
            tip=head.tip,
            tip_hash=head.tip_hash,
            given_up=head.given_up,
            broken=head.broken,
        )
    )


def heads(conn: Connection, org: str) -> dict[Chain, Head]:
    """Every chain; those of tombstones as `tombs` names them."""
    rows = conn.execute(select(chains).where(chains.c.org == org))
    return {(row.agent, row.epoch): _head(row) for row in rows}


def _head(row: Row[Any]) -> Head:
    return Head(
        row.number,
        ranges.load(row.stored),
        ranges.load(row.covered),
        row.spoke_at,
        row.tip,
        bytes(row.tip_hash),
        row.given_up,
        row.broken,
    )


def stored_ranges(conn: Connection, org: str) -> dict[Chain, Ranges]:
    rows = conn.execute(
        select(chains.c.agent, chains.c.epoch, chains.c.stored).where(chains.c.org == org)
    )
    return {(agent, epoch): ranges.load(stored) for agent, epoch, stored in rows}


def folded_ranges(conn: Connection, org: str) -> dict[Chain, Ranges]:
    rows = conn.execute(
        select(cursors.c.agent, cursors.c.epoch, cursors.c.folded).where(cursors.c.org == org)
    )
    return {(agent, epoch): ranges.load(folded) for agent, epoch, folded in rows}


def advance_cursors(
    conn: Connection, org: str, folded: Mapping[Chain, Ranges], folded_at: int
) -> None:
    """Record, per chain, all that is folded now; the caller holds the lease."""
    replace_all(
        conn,
        cursors,
        [
            {
                "org": org,
                "agent": agent,
                "epoch": epoch,
                "folded": ranges.dump(done),
                "folded_at": folded_at,
            }
            for (agent, epoch), done in sorted(folded.items())
        ],
    )


def read_batches(
    conn: Connection, org: str, chain: Chain, wanted: Ranges, limit: int
) -> list[Stored]:
    """At most `limit` stored ones of `wanted`, by seq."""
    found: list[Stored] = []
    for n in range(0, len(wanted), SPANS):
        spans = or_(*(batches.c.seq.between(*span) for span in wanted[n : n + SPANS]))
        query = _rows(org).where(chains.c.agent == chain[0], chains.c.epoch == chain[1], spans)
        query = query.order_by(batches.c.seq).limit(limit - len(found))
        found += (_stored(org, row) for row in conn.execute(query))
        if len(found) == limit:
            break
    return found


def read_between(
    conn: Connection, org: str, start: int, end: int, after: tuple[int, int] | None, limit: int
) -> list[Stored]:
    """At most `limit` with results in `[start, end)`, by (number of the chain, seq), of those
    after `after`.
    """
    query = _rows(org).where(batches.c.last_t >= start, batches.c.first_t < end)
    if after is not None:
        place = tuple_(batches.c.chain, batches.c.seq)
        query = query.where(place > tuple_(*map(literal, after)))
    query = query.order_by(batches.c.chain, batches.c.seq).limit(limit)
    return [_stored(org, row) for row in conn.execute(query)]


def read_places(
    conn: Connection, org: str, places: Collection[tuple[int, int]]
) -> Iterator[Stored]:
    """Those stored at these (number of the chain, seq), by these; few are in memory at a time."""
    by_chain: dict[int, list[int]] = {}
    for number, seq in sorted(places):
        by_chain.setdefault(number, []).append(seq)
    for number, seqs in by_chain.items():
        for n in range(0, len(seqs), FEW):
            some = batches.c.seq.in_(seqs[n : n + FEW])
            query = _rows(org).where(batches.c.chain == number, some).order_by(batches.c.seq)
            yield from [_stored(org, row) for row in conn.execute(query)]


def spans_of(
    conn: Connection, org: str, places: Collection[tuple[int, int]]
) -> dict[tuple[int, int], tuple[str, int, int]]:
    """Of those at these (number of the chain, seq): the agent, and `[first, last)` of its results."""
    by_chain: dict[int, list[int]] = {}
    for number, seq in sorted(places):
        by_chain.setdefault(number, []).append(seq)
    named = select(chains.c.number, chains.c.agent).where(
        chains.c.org == org, chains.c.number.in_(sorted(by_chain))
    )
    agents = {row.number: row.agent for row in conn.execute(named)} if by_chain else {}
    found: dict[tuple[int, int], tuple[str, int, int]] = {}
    for number, seqs in by_chain.items():
        for n in range(0, len(seqs), SPANS):
            query = select(batches.c.seq, batches.c.first_t, batches.c.last_t).where(
                batches.c.org == org,
                batches.c.chain == number,
                batches.c.seq.in_(seqs[n : n + SPANS]),
            )
            for row in conn.execute(query):
                found[number, row.seq] = (agents[number], row.first_t, row.last_t + 1)
    return found


def header_hash(conn: Connection, org: str, chain: Chain, seq: int) -> str:
    """Of a stored batch."""
    (found,) = read_batches(conn, org, chain, ((seq, seq),), 1)
    return found.header_hash


def _rows(org: str) -> Any:
    return (
        select(batches, chains.c.agent, chains.c.epoch)
        .join(chains, and_(chains.c.org == batches.c.org, chains.c.number == batches.c.chain))
        .where(batches.c.org == org)
    )


def _stored(org: str, row: Row[Any]) -> Stored:
    return Stored(
        org,
        row.chain,
        row.agent,
        row.epoch,
        row.seq,
        row.received_at,
        row.first_t,
        row.last_t,
        bytes(row.form),
    )
