"""A desk per store, and quick hashes.

All tests of a file share a database per engine: each has an organization of its own in it.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from collector.access.passwords import Passwords
from collector.store.open import open_store
from collector.store.store import Store
from tests.support.postgres import PostgresServer
from tests.support.stores import ENGINES
from tests.unit.access.desk import Desk, a_desk


@pytest.fixture(scope="module", params=ENGINES)
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, made_sqlite: Path
) -> Iterator[Store]:
    """The database of a file's tests."""
    if request.param == "sqlite":
        url = f"sqlite:///{shutil.copy(made_sqlite, tmp_path_factory.mktemp('access'))}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.new_database()
    # In a loop of its own, for this outlives the loop of a test.
    with ThreadPoolExecutor(1) as apart:
        opened = apart.submit(lambda: asyncio.run(open_store(url))).result()
        yield opened
        apart.submit(lambda: asyncio.run(opened.close())).result()


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    quick = Passwords(time_cost=1, memory_cost=8, parallelism=1)
    yield quick
    quick.close()


@pytest.fixture
def desk(shared: Store, passwords: Passwords) -> Desk:
    return a_desk(shared, passwords)
