"""Batches, exact bytes: what T1 writes, and what every fold reads.

Per (agent, epoch) the stored and the folded sequence numbers are kept as ranges, so that a batch
that arrives late or out of order is found without looking at the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, and_, literal, or_, select, tuple_, update

from collector.store import ranges
from collector.store.ranges import Ranges
from collector.store.tables import batches, chains, cursors
from collector.store.upsert import insert_if_absent

Chain = tuple[str, str]
"""(agent, epoch)."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A verified batch. Instants are UTC milliseconds, `header_hash` is hex."""

    agent: str
    epoch: str
    seq: int
    header_hash: str
    received_at: int
    data: bytes
    first_t: int
    last_t: int


class Verdict(StrEnum):
    STORED = "stored"
    DUPLICATE = "duplicate"
    EQUIVOCATION = "equivocation"


@dataclass(frozen=True, slots=True)
class Receipt:
    """`stored` is what the whole epoch holds once the transaction is committed."""

    verdict: Verdict
    stored: Ranges


def insert_batches(conn: Connection, org: str, incoming: Sequence[Incoming]) -> list[Receipt]:
    """Insert what is new; one receipt per batch, in the order given.

    The same (epoch, seq) with the same header is a duplicate, with another one an equivocation:
    neither changes anything.
    """
    held: dict[Chain, Ranges] = {}
    # Every replica locks chains in the same order, so two of them cannot wait for each other.
    for agent, epoch in sorted({(b.agent, b.epoch) for b in incoming}):
        held[agent, epoch] = _lock_chain(conn, org, agent, epoch)
    verdicts: list[Verdict] = []
    for batch in incoming:
        chain = (batch.agent, batch.epoch)
        if ranges.contains(held[chain], batch.seq):
            same = _header_hash(conn, org, chain, batch.seq) == batch.header_hash
            verdicts.append(Verdict.DUPLICATE if same else Verdict.EQUIVOCATION)
            continue
        conn.execute(
            batches.insert().values(
                org=org,
                agent=batch.agent,
                epoch=batch.epoch,
                seq=batch.seq,
                received_at=batch.received_at,
                header_hash=batch.header_hash,
                data=batch.data,
                first_t=batch.first_t,
                last_t=batch.last_t,
            )
        )
        held[chain] = ranges.add(held[chain], batch.seq)
        verdicts.append(Verdict.STORED)
    for (agent, epoch), stored in held.items():
        conn.execute(
            update(chains)
            .where(chains.c.org == org, chains.c.agent == agent, chains.c.epoch == epoch)
            .values(stored=ranges.dump(stored))
        )
    return [
        Receipt(verdict, held[batch.agent, batch.epoch])
        for verdict, batch in zip(verdicts, incoming, strict=True)
    ]


def _lock_chain(conn: Connection, org: str, agent: str, epoch: str) -> Ranges:
    insert_if_absent(
        conn, chains, {"org": org, "agent": agent, "epoch": epoch, "stored": ranges.dump(())}
    )
    row = conn.execute(
        select(chains.c.stored)
        .where(chains.c.org == org, chains.c.agent == agent, chains.c.epoch == epoch)
        .with_for_update()
    ).scalar_one()
    return ranges.load(row)


def _header_hash(conn: Connection, org: str, chain: Chain, seq: int) -> str:
    return str(
        conn.execute(
            select(batches.c.header_hash).where(
                batches.c.org == org,
                batches.c.agent == chain[0],
                batches.c.epoch == chain[1],
                batches.c.seq == seq,
            )
        ).scalar_one()
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
    for (agent, epoch), done in sorted(folded.items()):
        values = {"folded": ranges.dump(done), "folded_at": folded_at}
        changed = conn.execute(
            update(cursors)
            .where(cursors.c.org == org, cursors.c.agent == agent, cursors.c.epoch == epoch)
            .values(**values)
        )
        if changed.rowcount == 0:
            conn.execute(cursors.insert().values(org=org, agent=agent, epoch=epoch, **values))


def read_batches(
    conn: Connection, org: str, chain: Chain, wanted: Ranges, limit: int
) -> list[Incoming]:
    """At most `limit` stored batches of `wanted`, by seq."""
    spans = or_(*(and_(batches.c.seq >= first, batches.c.seq <= last) for first, last in wanted))
    rows = conn.execute(
        select(batches)
        .where(
            batches.c.org == org,
            batches.c.agent == chain[0],
            batches.c.epoch == chain[1],
            spans,
        )
        .order_by(batches.c.seq)
        .limit(limit)
    )
    return [_incoming(row) for row in rows]


def read_between(
    conn: Connection, org: str, start: int, end: int, after: Chain | None, seq: int, limit: int
) -> list[Incoming]:
    """At most `limit` batches with results in `[start, end)`, by (agent, epoch, seq), of those
    after `after` and its `seq`.
    """
    query = select(batches).where(
        batches.c.org == org, batches.c.last_t >= start, batches.c.first_t < end
    )
    if after is not None:
        place = tuple_(batches.c.agent, batches.c.epoch, batches.c.seq)
        query = query.where(place > tuple_(literal(after[0]), literal(after[1]), literal(seq)))
    query = query.order_by(batches.c.agent, batches.c.epoch, batches.c.seq).limit(limit)
    return [_incoming(row) for row in conn.execute(query)]


def _incoming(row: Row[Any]) -> Incoming:
    return Incoming(
        row.agent,
        row.epoch,
        row.seq,
        row.header_hash,
        row.received_at,
        bytes(row.data),
        row.first_t,
        row.last_t,
    )
