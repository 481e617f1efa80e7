"""A store that is full or gone: nothing is acknowledged, /readyz says so, and it recovers."""

from __future__ import annotations

import asyncio
import random

import pytest
from aiohttp import ClientSession
from msgspec.structs import replace
from sqlalchemy import Connection

from collector.api.agents import BATCH
from collector.ingest import RefusedError
from collector.service import Service, World
from collector.store import health, ledger
from collector.store.open import open_store
from collector.store.store import Store, StoreFault, StoreUnavailableError
from probes.clock import ManualClock
from probes.configfile import canonical
from probes.contract import Outcome
from tests.support.batches import seal
from tests.support.postgres import PostgresServer
from tests.support.rounds import KEYS, ORG, START, a_round, config, result

MANY = [
    replace(
        result(n, random.Random(n).choice([Outcome.UP, Outcome.DOWN])),
        duration_ms=random.Random(n).randrange(60_000),
    )
    for n in range(0, 9_000_000, 997)
]
"""Enough to need new pages."""


def no_room(conn: Connection) -> None:
    conn.exec_driver_sql("PRAGMA max_page_count=1")  # means: as many as there are


def room(conn: Connection) -> None:
    conn.exec_driver_sql("PRAGMA max_page_count=1000000")


def fault(store: Store) -> StoreFault | None:
    return store.fault


async def test_a_full_store_acknowledges_nothing_and_recovers(sqlite_store: Store) -> None:
    data = seal(KEYS["north-1"], ORG, "north-1", "e1", 1, MANY)
    async with a_round(sqlite_store) as one:
        await sqlite_store.write(no_room)
        with pytest.raises(RefusedError) as caught:
            await one.ingest.accept(data)
        assert (caught.value.status, caught.value.code, caught.value.retry) == (
            503,
            "store.full",
            True,
        )
        assert fault(sqlite_store) is StoreFault.FULL
        assert await sqlite_store.read(ledger.stored_ranges, ORG) == {}
        await sqlite_store.write(room)
        assert (await one.ingest.accept(data)).stored == ((1, 1),)
        assert fault(sqlite_store) is None


async def test_agents_and_supervisors_are_told_that_the_store_is_full(sqlite_store: Store) -> None:
    used = config(channels={}, routes=[])
    world = World(ManualClock(START), random.Random(1), lambda _ref: b"", "one")
    service = Service(sqlite_store, used, canonical(used), world)
    await service.prepare()
    port = await service.listen("127.0.0.1", 0)
    stop = asyncio.Event()
    running = asyncio.create_task(service.run(stop))
    data = seal(KEYS["north-1"], ORG, "north-1", "e1", 1, MANY)
    async with ClientSession(f"http://127.0.0.1:{port}") as session:

        async def post() -> tuple[int, str | None, str | None]:
            headers = {"Content-Type": BATCH}
            async with session.post("/agent/v1/batches", data=data, headers=headers) as response:
                code = (await response.json(content_type=None)).get("code")
                return response.status, response.headers.get("Retry-After"), code

        async def ready() -> int:
            async with session.get("/readyz") as response:
                return response.status

        assert await ready() == 200
        await sqlite_store.write(no_room)
        assert await post() == (503, "5", "store.full")
        assert await ready() == 503
        await sqlite_store.write(room)
        assert await post() == (200, None, None)
        assert await ready() == 200
    stop.set()
    await running


async def test_a_full_store_is_tried_with_a_block_until_it_takes_data_again(
    sqlite_store: Store,
) -> None:
    await sqlite_store.write(no_room)
    await health.try_again(sqlite_store, ORG)
    assert fault(sqlite_store) is StoreFault.FULL
    await sqlite_store.write(room)
    await health.try_again(sqlite_store, ORG)
    assert fault(sqlite_store) is None


async def test_batches_that_shared_a_failed_commit_are_all_refused(sqlite_store: Store) -> None:
    sealed = [seal(KEYS["north-1"], ORG, "north-1", "e1", n, MANY) for n in range(1, 5)]
    async with a_round(sqlite_store) as one:
        await sqlite_store.write(no_room)
        answers = await asyncio.gather(
            *(one.ingest.accept(data) for data in sealed), return_exceptions=True
        )
        assert {getattr(a, "code", a) for a in answers} == {"store.full"}
        assert await sqlite_store.read(ledger.stored_ranges, ORG) == {}


async def test_a_postgresql_that_drops_us_is_a_fault_and_then_works_again(
    postgres_server: PostgresServer,
) -> None:
    url = postgres_server.new_database()
    store = await open_store(url)

    def hang_up(conn: Connection) -> None:
        pid = conn.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        postgres_server.execute(f"SELECT pg_terminate_backend({pid})")
        conn.exec_driver_sql("SELECT 1")

    with pytest.raises(StoreUnavailableError, match=r"store\.unreachable"):
        await store.write(hang_up)
    assert fault(store) is StoreFault.UNREACHABLE
    await health.try_again(store, ORG)
    assert fault(store) is None
    await store.close()


async def test_a_postgresql_that_is_not_there_is_a_fault() -> None:
    with pytest.raises(StoreUnavailableError, match=r"store\.unreachable"):
        await open_store("postgresql://wardwatch@/nothing?host=/nonexistent")


async def test_a_postgresql_database_that_does_not_exist_is_a_fault(
    postgres_server: PostgresServer,
) -> None:
    with pytest.raises(StoreUnavailableError):
        await open_store(postgres_server.url("nothing"))
