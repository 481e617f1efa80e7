"""Stores for tests: `store` is given once per engine."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from collector.store.open import open_store
from collector.store.sqlite import open_sqlite
from collector.store.store import Store
from tests.support.postgres import PostgresServer

ENGINES = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def made_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of this version's schema, to be copied: copying takes a twentieth of making."""
    path = tmp_path_factory.mktemp("schema") / "wardwatch.db"
    # In a loop of its own, for there may be one here.
    with ThreadPoolExecutor(1) as apart:
        apart.submit(lambda: asyncio.run(open_sqlite(path).close())).result()
    return path


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest, tmp_path: Path, made_sqlite: Path) -> Iterator[str]:
    """The URL of a database without a row, once per engine; its schema is made already."""
    if request.param == "sqlite":
        yield f"sqlite:///{shutil.copy(made_sqlite, tmp_path)}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.new_database()
    yield url
    server.drop(url)


@pytest.fixture(params=ENGINES)
def databases(
    request: pytest.FixtureRequest, tmp_path: Path, made_sqlite: Path
) -> Iterator[Callable[[], str]]:
    """URLs of as many such databases as a test asks for, once per engine."""
    if request.param == "sqlite":
        numbers = itertools.count()
        yield lambda: f"sqlite:///{shutil.copy(made_sqlite, tmp_path / f'{next(numbers)}.db')}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    made: list[str] = []

    def another() -> str:
        made.append(server.new_database())
        return made[-1]

    yield another
    for url in made:
        server.drop(url)


@pytest.fixture(params=ENGINES)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that no version has opened yet, once per engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/wardwatch.db"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.empty_database()


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    opened = await open_store(database)
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite_store(tmp_path: Path, made_sqlite: Path) -> AsyncIterator[Store]:
    opened = await open_store(f"sqlite:///{shutil.copy(made_sqlite, tmp_path)}")
    yield opened
    await opened.close()
