"""PostgreSQL: the same functions over psycopg 3 in a thread pool; any number of processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from collector.store.migrate import migrate
from collector.store.store import StoreFault, StoreUnavailableError, fault_of

P = ParamSpec("P")
T = TypeVar("T")

WRITERS, READERS = 3, 4
"""Threads, and a connection each. Questions never stand in line before evidence."""
MIGRATION_LOCK = 0x57415244  # any number all replicas share
OPTIONS = (
    # A replica frozen inside a transaction would keep the lease's row locked for ever.
    "-c idle_in_transaction_session_timeout=30000"
)


class PostgresStore:
    """Made by `open_postgres`."""

    single_process = False

    def __init__(self, url: URL) -> None:
        self.fault: StoreFault | None = None
        self._writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="store-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=WRITERS + READERS,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": 5,
                "application_name": "wardwatch",
                "options": OPTIONS,
            },
        )
        self._read_engine = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        # A cancelled caller cancels work that has not begun; a running thread is never stopped.
        return await asyncio.get_running_loop().run_in_executor(
            self._writers, lambda: self._write(lambda conn: fn(conn, *args, **kwargs))
        )

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            self._readers, lambda: self._read(lambda conn: fn(conn, *args, **kwargs))
        )

    async def close(self) -> None:
        await asyncio.to_thread(self.let_go)

    def let_go(self) -> None:
        """Blocking: finish what runs."""
        self._writers.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        self._engine.dispose()

    def start(self) -> None:
        """Bring the schema up to date; replicas that start together take turns."""

        def work(connection: Connection) -> None:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            migrate(connection)

        self._write(work)

    def _write(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._engine.begin() as connection:
                result = work(connection)
        except DBAPIError as error:
            self.fault = _fault(error)
            raise StoreUnavailableError(self.fault) from None
        self.fault = None
        return result

    def _read(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._read_engine.begin() as connection:
                return work(connection)
        except DBAPIError as error:
            raise StoreUnavailableError(_fault(error)) from None


def open_postgres(url: URL) -> PostgresStore:
    """Blocking. StoreUnavailableError when there is no server, or it refuses us."""
    store = PostgresStore(url)
    try:
        store.start()
    except BaseException:
        store.let_go()
        store._engine.dispose()  # noqa: SLF001 - the same module's own store
        raise
    return store


def _fault(error: DBAPIError) -> StoreFault:
    fault = fault_of(error)
    if fault is None:
        raise error
    return fault
