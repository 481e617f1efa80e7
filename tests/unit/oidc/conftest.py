"""The stage, set for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from collector.store.access_tables import oidc_logins
from probes.clock import ManualClock
from tests.support.memory_store import MemoryStore
from tests.support.openid import simulated_provider
from tests.unit.oidc.stage import Stage, opened


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    clock, store = ManualClock(), MemoryStore(oidc_logins)
    async with simulated_provider(clock.now_ms()) as provider:
        yield Stage(opened(provider, store, clock), provider, clock, store)
    await store.close()
