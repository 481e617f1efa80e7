"""SQLite: one writer thread, a few read-only readers, one process.

SQLite from 3.7.0 to 3.51.2 can lose committed pages when two connections write or checkpoint at
the same moment (the WAL-reset bug). Only the writer's connection does either here: readers are
opened read-only, and a lock file keeps a second process away.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, Engine, NullPool, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError

from collector.store.migrate import migrate
from collector.store.store import StoreFault, StoreRefusedError, StoreUnavailableError, fault_of

P = ParamSpec("P")
T = TypeVar("T")

READERS = 3
BUSY_S = 5.0
PRAGMAS = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL")
"""Of the writer: a commit is on the disk before it is answered."""
READER_CACHE = "PRAGMA cache_size=-256"
"""In KiB. Each reader has its own, and the system has the whole file in its cache besides."""


class SqliteStore:
    """Made by `open_sqlite`."""

    single_process = True

    def __init__(self, path: Path, lock: IO[str]) -> None:
        self.fault: StoreFault | None = None
        self._path = path
        self._lock = lock
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._write_engine = _engine(path, "rw", "BEGIN IMMEDIATE")
        self._read_engine = _engine(path, "ro", "BEGIN")
        self._connection: Connection | None = None

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        # A cancelled caller cancels work that has not begun; a running thread is never stopped.
        return await asyncio.get_running_loop().run_in_executor(
            self._writer, lambda: self._write(lambda conn: fn(conn, *args, **kwargs))
        )

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            self._readers, lambda: self._read(lambda conn: fn(conn, *args, **kwargs))
        )

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def start(self) -> None:
        """Open the writer's connection in its thread and bring the schema up to date."""
        self._writer.submit(self._start).result()

    def _start(self) -> None:
        unclean = _size(self._path.with_name(self._path.name + "-wal")) > 0
        self._connection = self._write_engine.connect()
        if unclean and self._connection.exec_driver_sql("PRAGMA quick_check(1)").scalar() != "ok":
            raise StoreUnavailableError(StoreFault.CORRUPT)
        self._connection.rollback()
        with self._connection.begin():
            migrate(self._connection)

    def _write(self, work: Callable[[Connection], T]) -> T:
        if self.fault is StoreFault.IO:
            # After a failed fsync the page cache may show what the disk does not hold: only a
            # restart, which reads the file again, may go on.
            raise StoreUnavailableError(StoreFault.IO)
        if self._connection is None:
            raise StoreUnavailableError(StoreFault.UNREACHABLE)
        try:
            with self._connection.begin():
                result = work(self._connection)
        except DBAPIError as error:
            self.fault = _raise(error)
            raise StoreUnavailableError(self.fault) from None
        self.fault = None
        return result

    def _read(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._read_engine.begin() as connection:
                return work(connection)
        except DBAPIError as error:
            raise StoreUnavailableError(_raise(error)) from None

    def _close(self) -> None:
        self._readers.shutdown(wait=True)
        self._read_engine.dispose()
        # The last connection to close checkpoints: that must be the writer's.
        self._writer.submit(self._disconnect).result()
        self._writer.shutdown(wait=True)
        self._lock.close()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._write_engine.dispose()


def open_sqlite(path: Path) -> SqliteStore:
    """Blocking. StoreRefusedError when the file cannot be used; StoreUnavailableError when it is damaged."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(path.name + ".lock").open("w", encoding="ascii")
    except OSError:
        raise StoreRefusedError(
            f"{path}: cannot write in this folder; choose another --database"
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise StoreRefusedError(
            f"{path}: another process uses this database; stop it, or use PostgreSQL for several"
        ) from None
    store = SqliteStore(path, lock)
    try:
        store.start()
    except DBAPIError as error:
        store._close()  # noqa: SLF001 - the same module's own store
        raise StoreUnavailableError(_raise(error)) from None
    except BaseException:
        store._close()  # noqa: SLF001 - the same module's own store
        raise
    return store


def _raise(error: DBAPIError) -> StoreFault:
    fault = fault_of(error)
    if fault is None:
        raise error
    return fault


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _engine(path: Path, mode: str, begin: str) -> Engine:
    writing = mode == "rw"
    uri = f"file:{quote(os.fspath(path.absolute()))}?mode={'rwc' if writing else 'ro'}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        if writing:
            for pragma in PRAGMAS:
                connection.execute(pragma)
        else:
            connection.execute(READER_CACHE)
        return connection

    engine = (
        create_engine("sqlite://", creator=connect, poolclass=NullPool)
        if writing
        else create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=READERS)
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # the driver's own BEGIN would be a deferred one, and only before some statements
        connection.exec_driver_sql(begin)

    return engine
