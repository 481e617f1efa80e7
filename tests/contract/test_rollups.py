"""Rollup rows, whichever engine keeps them."""

from __future__ import annotations

import asyncio

from sqlalchemy import Connection, select, text

from collector.core.rollup import EMPTY, Rollup
from collector.store import rollups
from collector.store.open import open_store
from collector.store.rollups import RollupRow
from collector.store.store import Store
from collector.store.tables import batches
from probes.contract import Outcome
from tests.support.rounds import START, a_round, result

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
)


async def test_a_database_of_the_first_schema_is_brought_up_to_date(database: str) -> None:
    def back(conn: Connection) -> None:
        for command in (
            "DROP TABLE rollups",
            "DROP TABLE snapshots",
            "DROP TABLE snapshot_cursors",
            *(f"DROP TABLE {table}" for table in LATER),
            "DROP INDEX batches_by_time",
            "ALTER TABLE batches DROP COLUMN first_t",
            "ALTER TABLE batches DROP COLUMN last_t",
            "ALTER TABLE outbox DROP COLUMN redriven_at",
            "ALTER TABLE outbox DROP COLUMN cleared_at",
            "UPDATE alembic_version SET version_num='0001'",
        ):
            conn.execute(text(command))

    def times(conn: Connection) -> list[tuple[int, int]]:
        found = conn.execute(select(batches.c.first_t, batches.c.last_t))
        return [(first - START, last - START) for first, last in found]

    first = await open_store(database)
    async with a_round(first) as one:
        await one.send([result(n * 1_000, Outcome.UP) for n in (3, 1, 2)])
    await first.write(back)
    await first.close()
    second = await open_store(database)
    await second.write(rollups.write, ORG, [row(1)])
    assert await second.read(rollups.read, ORG, {"ehr-read"}, 0, 9 * FIVE) == [row(1)]
    assert await second.read(times) == [(1_000, 3_000)]
    await second.close()
