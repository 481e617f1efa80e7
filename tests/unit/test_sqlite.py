"""What only the SQLite store promises."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from collector import journal
from collector.journal import Fact
from collector.store.open import open_store, parse_database
from collector.store.sqlite import SqliteStore
from collector.store.store import (
    Store,
    StoreFault,
    StoreRefusedError,
    StoreUnavailableError,
    fault_of,
)

ORG = "st-elsewhere"


def append_one(conn: Connection) -> None:
    journal.append(conn, ORG, [Fact("test.fact", 5, b"{}")], 6)


async def test_commits_are_on_disk_before_they_count(sqlite_store: Store) -> None:
    def pragmas(conn: Connection) -> tuple[object, object]:
        return (
            conn.exec_driver_sql("PRAGMA journal_mode").scalar(),
            conn.exec_driver_sql("PRAGMA synchronous").scalar(),
        )

    assert await sqlite_store.write(pragmas) == ("wal", 2)


async def test_a_second_process_is_kept_away(tmp_path: Path, sqlite_store: Store) -> None:
    with pytest.raises(StoreRefusedError, match="another process"):
        await open_store(f"sqlite:///{tmp_path}/wardwatch.db")
    assert sqlite_store.fault is None


async def test_a_cancelled_write_that_has_not_begun_never_runs(sqlite_store: Store) -> None:
    begun, go = threading.Event(), threading.Event()

    def first(conn: Connection) -> None:
        append_one(conn)
        begun.set()
        assert go.wait(10)

    running = asyncio.create_task(sqlite_store.write(first))
    await asyncio.to_thread(begun.wait, 10)
    waiting = asyncio.create_task(sqlite_store.write(append_one))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go.set()
    await running
    assert len(await sqlite_store.read(journal.rows, ORG)) == 1


async def test_closing_folds_the_log_into_the_file(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path}/wardwatch.db")
    await store.write(append_one)
    await store.read(journal.rows, ORG)
    await store.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["wardwatch.db", "wardwatch.db.lock"]


async def test_a_damaged_file_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "wardwatch.db").write_bytes(b"this is no database, whatever its name says\n" * 99)
    with pytest.raises(StoreUnavailableError, match=r"store\.corrupt"):
        await open_store(f"sqlite:///{tmp_path}/wardwatch.db")
    # and the lock is free again
    with pytest.raises(StoreUnavailableError, match=r"store\.corrupt"):
        await open_store(f"sqlite:///{tmp_path}/wardwatch.db")


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreRefusedError, match="choose another --database"):
        await open_store(f"sqlite:///{tmp_path}/file/wardwatch.db")


async def test_after_an_io_error_nothing_is_written_until_a_restart(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path}/wardwatch.db")
    assert isinstance(store, SqliteStore)
    store.fault = StoreFault.IO
    with pytest.raises(StoreUnavailableError, match=r"store\.io"):
        await store.write(append_one)
    await store.close()
    again = await open_store(f"sqlite:///{tmp_path}/wardwatch.db")
    await again.write(append_one)
    await again.close()


@pytest.mark.parametrize(
    "text",
    ["", "wardwatch.db", "sqlite://", "sqlite:///:memory:", "mysql://h/d", "postgresql://host"],
)
def test_other_database_addresses_are_refused_with_the_forms_that_work(text: str) -> None:
    with pytest.raises(StoreRefusedError, match=r"sqlite:///folder/file\.db or postgresql://"):
        parse_database(text)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("SQLITE_FULL", StoreFault.FULL),
        ("SQLITE_READONLY_DBMOVED", StoreFault.READ_ONLY),
        ("SQLITE_IOERR_FSYNC", StoreFault.IO),
        ("SQLITE_BUSY_SNAPSHOT", StoreFault.BUSY),
        ("SQLITE_CONSTRAINT_PRIMARYKEY", None),
    ],
)
def test_drivers_errors_become_faults_or_stay_defects(name: str, fault: StoreFault | None) -> None:

    class Named(sqlite3.OperationalError):
        sqlite_errorname = name

    assert fault_of(DBAPIError("INSERT", {}, Named())) is fault
