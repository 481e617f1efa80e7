"""No second history is ever signed: a database that was set back, changed, or lost by a crash."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, update

from collector.attest import checkpoint, note
from collector.store.log_tables import logs as logs_table
from collector.store.open import open_store
from collector.tlog import checkpoints, reading
from collector.tlog.epochs import Log
from collector.tlog.guard import Guard, Head
from collector.tlog.signer import FileSigner, Signer, open_file
from collector.tlog.signers import Opened
from collector.tlog.troubles import Trouble
from tests.support.signing_logs import EVERY_MS, ORG, ORIGIN, SignedLogs, config_of, made_key

ROOT = Path(__file__).resolve().parents[3]
LOST = {Log.EVIDENCE: Trouble.LOST, Log.AUDIT: Trouble.LOST}
CHANGED = {Log.EVIDENCE: Trouble.CHANGED, Log.AUDIT: Trouble.CHANGED}


def copied(source: Path, target: Path) -> None:
    """As `sqlite3 SOURCE ".backup TARGET"` does, also into a database that is in use."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


@pytest.fixture
def database(tmp_path: Path, made_sqlite: Path) -> Path:
    path = tmp_path / "wardwatch.db"
    copied(made_sqlite, path)
    return path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return made_key(tmp_path)


@asynccontextmanager
async def running(database: Path, key: Path) -> AsyncIterator[SignedLogs]:
    store = await open_store(f"sqlite:///{database}")
    try:
        yield SignedLogs(store, config_of([key]), database.with_name("signed"))
    finally:
        await store.close()


async def test_an_older_copy_restored_under_a_running_publisher_is_not_signed(
    database: Path, key: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(database, key) as logs:
        await logs.sign(2)
        copied(database, tmp_path / "older.db")
        await logs.sign(3)
        before = await logs.all()
        copied(tmp_path / "older.db", database)
        assert len(await logs.all()) == len(before) - 1
        assert await logs.sign(1) == LOST
        assert await logs.sign(10) == CHANGED  # more entries than were signed, and others
        assert len(await logs.all()) == len(before) - 1
        assert logs.metric("wardwatch_log_forked", log="evidence") == 1
        assert "log.not_signed log=audit code=log.forked_changed" in caplog.messages


async def test_an_older_copy_is_told_at_the_start_though_nothing_is_new(
    database: Path, key: Path, tmp_path: Path
) -> None:
    async with running(database, key) as logs:
        await logs.sign(2)
        copied(database, tmp_path / "older.db")
        await logs.sign(3)
    (tmp_path / "older.db").rename(database)
    async with running(database, key) as logs:
        assert await logs.leader.leads()
        assert await logs.look() == LOST


async def test_the_newer_copy_brought_back_is_signed_again(
    database: Path, key: Path, tmp_path: Path
) -> None:
    async with running(database, key) as logs:
        await logs.sign(2)
        copied(database, tmp_path / "older.db")
        await logs.sign(3)
        copied(database, tmp_path / "newer.db")
        copied(tmp_path / "older.db", database)
        assert await logs.sign(1) == LOST
        copied(tmp_path / "newer.db", database)
        assert await logs.sign(1) == {}
        assert logs.metric("wardwatch_log_forked", log="evidence") == 0


async def test_killed_between_the_guard_and_the_store_it_signs_on(
    database: Path, key: Path
) -> None:
    guard = Guard(database.with_name("signed"))
    async with running(database, key) as logs:
        await logs.sign(2)
    noted = guard.heads()
    words = ("-m", "tests.support.killed_signer", f"sqlite:///{database}", key, guard_of(database))
    child = subprocess.Popen([sys.executable, *map(str, words)], cwd=ROOT, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"signing\n"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    ahead = guard.heads()[f"{ORIGIN}/evidence"]
    assert ahead.size > noted[f"{ORIGIN}/evidence"].size
    async with running(database, key) as logs:
        assert (await logs.latest()).size < ahead.size
        assert await logs.sign(1) == {}
        sizes = [one.size for one in await logs.all()]
        assert ahead.size not in sizes
        assert sizes[-1] > ahead.size


def guard_of(database: Path) -> Path:
    return database.with_name("signed")


async def test_a_head_in_the_guard_that_the_tree_does_not_continue_is_a_fork(
    database: Path, key: Path
) -> None:
    async with running(database, key) as logs:
        await logs.sign(2)
        head = await logs.latest()
        Guard(guard_of(database)).note(f"{ORIGIN}/evidence", Head(head.size, bytes(32)))
        assert await logs.sign(1) == {Log.EVIDENCE: Trouble.CHANGED}


async def test_another_host_has_another_file_and_looks_at_the_stored_checkpoint(
    database: Path, key: Path
) -> None:
    """Its own file says nothing yet; that the stored log continues what it says it signed it sees."""
    async with running(database, key) as logs:
        await logs.sign(2)
        guard_of(database).unlink()
        assert await logs.sign(1) == {}
        await logs.store.write(_other_peaks)
        guard_of(database).unlink()
        assert await logs.sign(1) == CHANGED


@pytest.mark.parametrize("data", [b"", b"{}", b'{"signed":{}}', b'{"signed":{"a":{"size":1}}}\n'])
async def test_a_guard_file_that_was_cut_or_edited_is_not_taken_for_an_empty_one(
    database: Path, key: Path, data: bytes
) -> None:
    guard_of(database).write_bytes(data)
    async with running(database, key) as logs:
        assert await logs.sign() == dict.fromkeys(Log, Trouble.GUARD)
        assert await logs.all() == []
        assert guard_of(database).read_bytes() == data


async def test_whatever_is_restored_when_only_one_history_is_signed(
    tmp_path: Path, made_sqlite: Path, key: Path
) -> None:
    @given(st.lists(st.sampled_from(["grow", "sign", "save", "restore", "crash"]), max_size=14))
    @settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def walk(steps: list[str]) -> None:
        taken.append(steps)

    taken: list[list[str]] = []
    walk()
    taken.append(["sign", "save", "sign", "restore", "sign", "crash", "sign", "sign"])
    taken.append(["sign", "save", "crash", "restore", "sign", "sign"])
    for number, steps in enumerate(taken):
        folder = tmp_path / str(number)
        folder.mkdir()
        copied(made_sqlite, folder / "wardwatch.db")
        assert one_history(await walked(folder, key, steps)), steps


async def walked(folder: Path, key: Path, steps: list[str]) -> list[tuple[str, list[bytes]]]:
    """(name of the log, its leaves) for each signature that was made, published or not."""
    made: list[tuple[str, list[bytes]]] = []
    database, saved = folder / "wardwatch.db", folder / "saved.db"
    copied(database, saved)
    for part in split(steps, "crash"):
        async with running(database, key) as logs:
            for step in part:
                if step == "grow":
                    await logs.grow()
                elif step == "save":
                    copied(database, saved)
                elif step == "restore":
                    copied(saved, database)
                    logs.leader.lost()  # the lease of then was another one
                else:
                    await signed(logs, key, made, crashes=step == "crash")
    return made


def split(steps: list[str], end: str) -> list[list[str]]:
    """After each `end` a process begins anew."""
    parts: list[list[str]] = [[]]
    for step in steps:
        parts[-1].append(step)
        if step == end:
            parts.append([])
    return parts


async def signed(
    logs: SignedLogs, key: Path, made: list[tuple[str, list[bytes]]], *, crashes: bool
) -> None:
    await logs.grow()
    await logs.clock.advance(EVERY_MS)
    for _ in range(2):  # a change of keys comes first
        await logs.sequence()
        leaves = await logs.store.read(_leaves)
        spy: tuple[Signer, ...] = (Spy(open_file(key), leaves, made, crashes=crashes),)
        with (
            patch.object(logs.signers, "opened", lambda _keys, spy=spy: Opened(spy, {})),
            suppress(CrashError),
        ):
            await logs.look()


def one_history(made: list[tuple[str, list[bytes]]]) -> bool:
    for log in Log:
        trees = [leaves for name, leaves in made if name == f"{ORIGIN}/{log}"]
        longest = max(trees, key=len, default=[])
        if any(longest[: len(leaves)] != leaves for leaves in trees):
            return False
    return True


class CrashError(Exception):
    """After the guard's file, before the store."""


class Spy:
    """Signs, and keeps the leaves of what it signed."""

    def __init__(
        self,
        signer: FileSigner,
        leaves: dict[str, list[bytes]],
        made: list[tuple[str, list[bytes]]],
        *,
        crashes: bool,
    ) -> None:
        self._signer = signer
        self._leaves = leaves
        self._made = made
        self._crashes = crashes

    @property
    def public_key(self) -> bytes:
        return self._signer.public_key

    def sign(self, message: bytes) -> bytes:
        if not message.startswith(b"wardwatch/1 log keys"):
            head = checkpoint.parse(message.decode())
            assert len(self._leaves[head.origin]) == head.size
            self._made.append((head.origin, self._leaves[head.origin]))
            if self._crashes:
                raise CrashError
        return self._signer.sign(message)


def _leaves(conn: Connection) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for log in Log:
        head = reading.head(conn, ORG, log)
        assert head is not None
        leaves = reading.leaves(conn, ORG, log, 0, head.size)
        found[f"{ORIGIN}/{log}"] = [leaf.hash for leaf in leaves]
    return found


def _other_peaks(conn: Connection) -> None:
    """One row that says what both whole trees are, changed by hand."""
    for size, peaks in conn.execute(select(logs_table.c.size, logs_table.c.peaks)).all():
        mine = logs_table.c.size == size
        conn.execute(update(logs_table).where(mine).values(peaks=bytes(len(peaks))))


@pytest.mark.parametrize("broken", [False, True], ids=["another root", "no note"])
async def test_a_tree_that_does_not_continue_its_own_checkpoint_is_not_signed(
    database: Path,
    key: Path,
    broken: bool,  # noqa: FBT001 - a column of the table
) -> None:
    async with running(database, key) as logs:
        await logs.sign(2)
        for log in Log:
            published = await logs.latest(log)
            signed_ = note.parse(published.note)
            head = checkpoint.parse(signed_.text)
            text = checkpoint.write(replace(head, root=bytes(range(32))))
            data = b"nothing" if broken else note.write(replace(signed_, text=text))
            await logs.store.write(checkpoints.cosign, ORG, replace(published, note=data))
    guard_of(database).unlink()  # as on another host
    async with running(database, key) as logs:
        assert await logs.sign(1) == CHANGED
