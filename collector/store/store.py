"""What a store promises, whichever engine keeps it.

A unit of work is a plain function `fn(conn, ...)`. `write` commits it whole or not at all; it may
be cancelled by its caller and then has either not begun or is finished in its thread. `read` sees
one snapshot. Functions take and return values only, never a cursor that outlives the transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from enum import StrEnum
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

P = ParamSpec("P")
T = TypeVar("T")


class StoreFault(StrEnum):
    FULL = "store.full"
    READ_ONLY = "store.read_only"
    BUSY = "store.busy"
    IO = "store.io"
    CORRUPT = "store.corrupt"
    UNREACHABLE = "store.unreachable"


class StoreUnavailableError(Exception):
    """Nothing was written and nothing may be acknowledged. The text is the fault's code."""

    def __init__(self, fault: StoreFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class StoreRefusedError(Exception):
    """The database cannot be opened as it is; the text says what to do. Raised at start only."""


class Store(Protocol):
    """One database."""

    @property
    def single_process(self) -> bool:
        """True where no other process can write here, so a lease needs no waiting for."""
        ...

    @property
    def fault(self) -> StoreFault | None:
        """Why the last write failed; None when it did not."""
        ...

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run and commit; StoreUnavailableError when the engine cannot, else whatever `fn` raises."""
        ...

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run on one snapshot, without a way to write; StoreUnavailableError as above."""
        ...

    async def close(self) -> None:
        """Finish what runs and let go of the database."""
        ...


_SQLITE = (
    ("SQLITE_FULL", StoreFault.FULL),
    ("SQLITE_READONLY", StoreFault.READ_ONLY),
    ("SQLITE_CANTOPEN", StoreFault.READ_ONLY),
    ("SQLITE_BUSY", StoreFault.BUSY),
    ("SQLITE_LOCKED", StoreFault.BUSY),
    ("SQLITE_IOERR", StoreFault.IO),
    ("SQLITE_CORRUPT", StoreFault.CORRUPT),
    ("SQLITE_NOTADB", StoreFault.CORRUPT),
)
_SQLSTATE = {
    "53100": StoreFault.FULL,
    "25006": StoreFault.READ_ONLY,
    "58030": StoreFault.IO,
    "XX001": StoreFault.CORRUPT,
    "XX002": StoreFault.CORRUPT,
}
_UNREACHABLE_CLASSES = ("08", "53", "57")  # connection, resources, operator intervention


def fault_of(error: DBAPIError) -> StoreFault | None:
    """The fault behind a driver's error; None when the error is a defect of ours."""
    if isinstance(error.orig, sqlite3.Error):
        name = getattr(error.orig, "sqlite_errorname", "")
        return next((fault for prefix, fault in _SQLITE if name.startswith(prefix)), None)
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        # psycopg gives no SQLSTATE when there was no server to give one
        return StoreFault.UNREACHABLE if error.connection_invalidated or _no_server(error) else None
    if state in _SQLSTATE:
        return _SQLSTATE[state]
    return StoreFault.UNREACHABLE if state[:2] in _UNREACHABLE_CLASSES else None


def _no_server(error: DBAPIError) -> bool:
    return type(error.orig).__name__ in ("OperationalError", "ConnectionTimeout", "InterfaceError")
