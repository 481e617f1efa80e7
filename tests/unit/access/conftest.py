"""A desk per store, and quick hashes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from collector.access.passwords import Passwords
from collector.store.store import Store
from tests.unit.access.desk import Desk, a_desk


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    quick = Passwords(time_cost=1, memory_cost=8, parallelism=1)
    yield quick
    quick.close()


@pytest.fixture
def desk(store: Store, passwords: Passwords) -> Desk:
    return a_desk(store, passwords)
