"""Two processes on one PostgreSQL, one lease."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from collector.leader import LEASE_MS, NAME, Leader
from collector.store import leases
from collector.store.leases import FencedError
from collector.store.open import open_store
from collector.store.store import Store
from probes.clock import ManualClock
from tests.support.postgres import PostgresServer

ORG = "st-elsewhere"


@pytest.fixture
async def shared(postgres_server: PostgresServer) -> AsyncIterator[Store]:
    store = await open_store(postgres_server.new_database())
    yield store
    await store.close()


async def test_only_one_of_two_leads(shared: Store) -> None:
    clock = ManualClock()
    one, two = Leader(shared, clock, ORG, "one"), Leader(shared, clock, ORG, "two")
    assert await one.leads()
    assert not await two.leads()
    assert await one.leads()


async def test_a_holder_that_shows_signs_of_life_keeps_the_lease(shared: Store) -> None:
    clock = ManualClock()
    one, two = Leader(shared, clock, ORG, "one"), Leader(shared, clock, ORG, "two")
    for _ in range(5):
        assert await one.leads()
        assert not await two.leads()
        await clock.advance(LEASE_MS // 2)


async def test_a_silent_holder_is_replaced_and_learns_of_it(shared: Store) -> None:
    clock = ManualClock()
    one, two = Leader(shared, clock, ORG, "one"), Leader(shared, clock, ORG, "two")
    assert await one.leads()
    assert not await two.leads()
    await clock.advance(LEASE_MS - 1)
    assert not await two.leads()
    await clock.advance(1)
    assert await two.leads()
    stale = one.lease
    assert stale is not None
    with pytest.raises(FencedError):
        await shared.write(leases.beat, ORG, stale)
    assert not await one.leads()
    assert one.lease is None


async def test_wall_clocks_that_disagree_change_nothing(shared: Store) -> None:
    ours, theirs = ManualClock(), ManualClock(now_ms=4_000_000_000_000)
    one, two = Leader(shared, ours, ORG, "one"), Leader(shared, theirs, ORG, "two")
    assert await one.leads()
    assert not await two.leads()


async def test_a_released_lease_is_taken_at_once(shared: Store) -> None:
    clock = ManualClock()
    one, two = Leader(shared, clock, ORG, "one"), Leader(shared, clock, ORG, "two")
    assert await one.leads()
    await one.release()
    assert await two.leads()


async def test_the_only_process_of_a_database_waits_for_nobody(sqlite_store: Store) -> None:
    clock = ManualClock()
    assert await Leader(sqlite_store, clock, ORG, "killed").leads()
    again = Leader(sqlite_store, clock, ORG, "again")
    assert await again.leads()
    seen = await sqlite_store.read(leases.look, ORG, NAME)
    assert seen is not None
    assert (seen.holder, seen.token) == ("again", 2)
