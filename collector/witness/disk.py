"""The state folder of a witness: small files that are replaced whole; one process at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Protocol

MODE = 0o600
LOCK = "lock"


class UnsyncedError(OSError):
    """Nobody knows what the disk holds now: start again from what it says."""


class InUseError(Exception):
    """Another process has the folder."""


class Disk(Protocol):
    """All operations raise OSError."""

    def names(self) -> list[str]: ...

    def read(self, name: str) -> bytes: ...

    def put(self, name: str, data: bytes) -> None:
        """Made anew or written over, and safe when it returns; else it may hold anything."""
        ...

    def rename(self, old: str, new: str) -> None:
        """At once, for whoever looks; safe after `sync_names`."""
        ...

    def sync_names(self) -> None: ...


class Folder:
    """`Disk` of the host; ours alone until the process ends. InUseError, OSError."""

    def __init__(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, MODE)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise InUseError from None

    def names(self) -> list[str]:
        return sorted(one.name for one in self._path.iterdir())

    def read(self, name: str) -> bytes:
        return (self._path / name).read_bytes()

    def put(self, name: str, data: bytes) -> None:
        made = os.open(self._path / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE)
        with os.fdopen(made, "wb") as file:
            file.write(data)
            file.flush()
            _sync(file.fileno())

    def rename(self, old: str, new: str) -> None:
        (self._path / old).replace(self._path / new)

    def sync_names(self) -> None:
        folder = os.open(self._path, os.O_RDONLY)
        try:
            _sync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        os.close(self._lock)


def _sync(number: int) -> None:
    """After a failed one the kernel may call pages clean that it has not written."""
    try:
        os.fsync(number)
    except OSError as error:
        raise UnsyncedError(error.errno, os.strerror(error.errno or 0)) from None
