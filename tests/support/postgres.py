"""A PostgreSQL server of the tests' own: one per worker, on a socket in a temporary folder.

`postgres` refuses to run as root, so root hands it to the account `postgres` or `nobody`. The
server is stopped by its own process id, and dies with the worker that started it.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from collector.store.postgres import open_postgres

CANDIDATES = (
    "/usr/lib/postgresql/15/bin",
    "/usr/lib/postgresql/16/bin",
    "/usr/lib/postgresql/17/bin",
)
SETTINGS = (
    "listen_addresses=",
    "fsync=off",  # these databases outlive no test
    "full_page_writes=off",
    "shared_buffers=16MB",
    "max_connections=60",
    "max_wal_size=256MB",
)


@dataclass
class PostgresServer:
    socket: Path
    numbers: Iterator[int] = field(default_factory=itertools.count)
    made: str | None = None

    def url(self, database: str) -> str:
        return f"postgresql://wardwatch@/{database}?host={self.socket}"

    def execute(self, statement: str) -> None:
        with psycopg.connect(
            host=str(self.socket), user="wardwatch", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement.encode())

    def empty_database(self) -> str:
        """The URL of a database that no version has opened yet."""
        name = f"t{next(self.numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def new_database(self) -> str:
        """The URL of one without a row, of this version's schema: copied, for making it takes four
        times as long.
        """
        if self.made is None:
            self.made = self.empty_database()
            # In a loop of its own, for there may be one here.
            store = open_postgres(make_url(self.made))
            with ThreadPoolExecutor(1) as apart:
                apart.submit(lambda: asyncio.run(store.close())).result()
        name = f"t{next(self.numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {make_url(self.made).database}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Whoever is still connected is thrown out."""
        self.execute(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")


def _bin() -> Path:
    for candidate in CANDIDATES:
        if (Path(candidate) / "initdb").exists():
            return Path(candidate)
    found = shutil.which("initdb")
    if found is None:
        pytest.fail("PostgreSQL is not installed: run `make setup`")
    return Path(found).parent


def _demotion(folder: Path) -> list[str]:
    """The prefix that runs a command as someone `postgres` accepts."""
    if os.getuid() != 0:
        return []
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        return [
            "setpriv",
            f"--reuid={entry.pw_uid}",
            f"--regid={entry.pw_gid}",
            "--clear-groups",
            "--pdeathsig=INT",
            "--",
        ]
    pytest.fail("no account `postgres` or `nobody` to run PostgreSQL as")


def _wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 30
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            pytest.fail(f"PostgreSQL did not start:\n{log.read_text()}")
        time.sleep(0.02)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    binaries = _bin()
    folder = Path(tempfile.mkdtemp(prefix="ww-pg-"))
    try:
        prefix = _demotion(folder)
        data = folder / "data"
        initdb: list[str | Path] = [
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "wardwatch",
            "-A",
            "trust",
        ]
        subprocess.run(
            [*prefix, *initdb, "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True,
            cwd=folder,
            capture_output=True,
        )
        settings = [word for setting in SETTINGS for word in ("-c", setting)]
        log = folder / "log"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [*prefix, binaries / "postgres", "-D", data, "-k", folder, *settings],
                cwd=folder,
                stdout=sink,
                stderr=sink,
            )
        try:
            _wait_until((folder / ".s.PGSQL.5432").exists, process, log)
            server = PostgresServer(folder)
            _wait_until(lambda: _answers(server), process, log)
            yield server
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)
    finally:
        shutil.rmtree(folder)


def _answers(server: PostgresServer) -> bool:
    try:
        server.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True
