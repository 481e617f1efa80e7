"""Rollup rows, whichever engine keeps them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    LargeBinary,
    MetaData,
    Table,
    Text,
    select,
    text,
)

from collector.core.rollup import EMPTY, Rollup
from collector.store import ledger, rollups
from collector.store.open import open_store
from collector.store.rollups import RollupRow
from collector.store.store import Store
from collector.store.tables import batches
from probes import batch, envelope
from probes.contract import Outcome
from tests.support.rounds import KEYS, START, a_round, result

ORG = "st-elsewhere"
FIVE = 300_000


def ups(n: int) -> Rollup:
    return Rollup(((Outcome.UP, "ok", n),), (n, *EMPTY.answered[1:]))


def row(bucket: int, n: int = 1, *, check: str = "ehr-read", agent: str = "north-1") -> RollupRow:
    return RollupRow(check, agent, bucket * FIVE, ups(n))


async def test_rows_come_back_in_order_and_only_those_asked_for(store: Store) -> None:
    rows = [row(3), row(1), row(2), row(1, agent="a"), row(1, check="b"), row(1, check="c")]
    await store.write(rollups.write, ORG, rows)
    found = await store.read(rollups.read, ORG, {"ehr-read", "b", "none"}, FIVE, 3 * FIVE)
    assert found == [row(1, check="b"), row(1, agent="a"), row(1), row(2)]
    assert await store.read(rollups.read, ORG, (), 0, 9 * FIVE) == []
    assert await store.read(rollups.read, "other", {"ehr-read"}, 0, 9 * FIVE) == []


async def test_a_row_is_replaced_whole(store: Store) -> None:
    await store.write(rollups.write, ORG, [row(1, 5), row(2, 5)])
    await store.write(rollups.write, ORG, [row(2, 7), row(3, 1), row(3, 2)])
    await store.write(rollups.write, ORG, [])
    found = await store.read(rollups.read, ORG, {"ehr-read"}, 0, 9 * FIVE)
    assert found == [row(1, 5), row(2, 7), row(3, 2)]


async def test_counts_are_kept_and_put_beside_what_has_none(store: Store) -> None:
    counted = replace(ups(1), counted=(("messages", 1, 12), ("messages_adt", 1, 12)))
    some = [RollupRow("ehr-read", "north-1", n * FIVE, counted) for n in (1, 3)]
    await store.write(rollups.write, ORG, [row(1, 5), row(2, 5)])
    await store.write(rollups.write, ORG, some)
    await store.write(rollups.write, ORG, [row(4, 2)])
    found = await store.read(rollups.read, ORG, {"ehr-read"}, 0, 9 * FIVE)
    assert found == [some[0], row(2, 5), some[1], row(4, 2)]


async def test_organizations_keep_theirs_apart(store: Store) -> None:
    await store.write(rollups.write, ORG, [row(1, 5)])
    await store.write(rollups.write, "other", [row(1, 6)])
    assert await store.read(rollups.read, ORG, {"ehr-read"}, 0, FIVE * 9) == [row(1, 5)]
    assert await store.read(rollups.read, "other", {"ehr-read"}, 0, FIVE * 9) == [row(1, 6)]


async def test_a_month_of_one_check_is_written_and_read_at_once(store: Store) -> None:
    month = [row(n, n + 1) for n in range(8_928)]
    await store.write(rollups.write, ORG, month)
    assert await store.read(rollups.read, ORG, {"ehr-read"}, 0, 9_000 * FIVE) == month


async def test_concurrent_writers_do_not_wait_for_each_other(store: Store) -> None:
    rows = [row(n, agent=agent) for n in range(50) for agent in ("a", "b")]
    await asyncio.gather(
        *(store.write(rollups.write, ORG, rows[:: 1 if n % 2 else -1]) for n in range(8))
    )
    assert len(await store.read(rollups.read, ORG, {"ehr-read"}, 0, 99 * FIVE)) == 100


LATER = (
    "accounts",
    "invitations",
    "tokens",
    "sessions",
    "oidc_logins",
    "idempotency",
    "typed",
    "agent_keys",
    "agent_invitations",
    "equivocations",
    "sightings",
    "pings",
    "logs",
    "log_leaves",
    "log_subtrees",
    "log_rows",
    "log_cursors",
    "log_checkpoints",
    "attestations",
)


def chains_as_they_were(conn: Connection) -> None:
    """In the first schema a batch was kept whole, under its agent and epoch."""
    rows = ledger.read_between(conn, ORG, 0, 2**53, None, 100)
    for command in (
        "DROP TABLE batches",
        "DROP TABLE chains",
        "DELETE FROM counters WHERE name IN ('chain', 'source')",
    ):
        conn.execute(text(command))
    old = MetaData()

    def keys() -> list[Column[str]]:
        return [Column(name, Text, primary_key=True) for name in ("org", "agent", "epoch")]

    before = Table(
        "batches",
        old,
        *keys(),
        Column("seq", BigInteger, primary_key=True, autoincrement=False),
        Column("received_at", BigInteger, nullable=False),
        Column("header_hash", Text, nullable=False),
        Column("data", LargeBinary, nullable=False),
    )
    chains = Table("chains", old, *keys(), Column("stored", Text, nullable=False))
    old.create_all(conn)
    for row in rows:
        place = {"org": ORG, "agent": row.agent, "epoch": row.epoch}
        conn.execute(
            before.insert().values(
                **place,
                seq=row.seq,
                received_at=row.received_at,
                header_hash=row.header_hash,
                data=row.data,
            )
        )
    odd = strange(rows[-1].data)
    conn.execute(
        before.insert().values(
            **place, seq=3, received_at=START, header_hash=header_hash(odd), data=odd
        )
    )
    conn.execute(chains.insert().values(**place, stored="[[1,3]]"))


def strange(data: bytes) -> bytes:
    """What follows the batch `data`, as a program with a defect may have taken it in: its header
    says of the body what is not so.
    """
    opened = batch.open_batch(data)
    header = msgspec.structs.replace(
        opened.header, seq=3, prev=header_hash(data), segments_root="ab" * 32
    )
    return envelope.close(batch.MAGIC, KEYS["north-1"], msgspec.json.encode(header), opened.body)


def header_hash(data: bytes) -> str:
    return batch.header_hash(batch.open_batch(data))


async def test_a_database_of_the_first_schema_is_brought_up_to_date(database: str) -> None:
    def back(conn: Connection) -> None:
        for command in (
            "DROP TABLE rollups",
            "DROP TABLE sources",
            "DROP TABLE snapshots",
            "DROP TABLE snapshot_cursors",
            *(f"DROP TABLE {table}" for table in LATER),
            "ALTER TABLE outbox DROP COLUMN redriven_at",
            "ALTER TABLE outbox DROP COLUMN cleared_at",
            "UPDATE alembic_version SET version_num='0001'",
        ):
            conn.execute(text(command))
        chains_as_they_were(conn)

    def times(conn: Connection) -> list[tuple[int, int]]:
        found = conn.execute(select(batches.c.first_t, batches.c.last_t))
        return [(first - START, last - START) for first, last in found]

    first = await open_store(database)
    async with a_round(first) as one:
        sent = [
            await one.send([result(n * 1_000, Outcome.UP) for n in (3, 1, 2)]),
            await one.send([result(4_000, Outcome.UP)]),
        ]
    await first.write(back)
    await first.close()
    second = await open_store(database)
    await second.write(rollups.write, ORG, [row(1)])
    assert await second.read(rollups.read, ORG, {"ehr-read"}, 0, 9 * FIVE) == [row(1)]
    assert await second.read(times) == [(1_000, 3_000), (4_000, 4_000), (4_000, 4_000)]
    kept = await second.read(ledger.read_batches, ORG, ("north-1", "e1"), ((1, 9),), 9)
    assert [row.data for row in kept] == [*sent, strange(sent[1])]
    # What cannot be put together again was kept as it came.
    forms = await second.read(lambda conn: conn.execute(select(batches.c.form)).scalars().all())
    assert [form[:1] for form in forms] == [b"\x01", b"\x01", b"\x00"]
    # What comes next goes on with the chain, and a repeat is known.
    async with a_round(second) as one:
        assert (await one.ingest.accept(sent[1])).stored == ((1, 3),)
    await second.close()
