"""Where bundles lie: one folder, each file written whole or not at all.

A bundle is made in a folder of its own beside them, synced, and then given its name. What a process
that died has left is swept by the next one. Organizations may share the folder, and other files may
lie in it: nobody removes what is not theirs.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import BinaryIO

from collector.store.open import parse_database

PART = ".making-"
SUFFIX = ".zip"
_HEX = "[0-9a-f]" * 8


def place(named: str | None, database: str) -> Path | None:
    """The folder that was named, or the one beside a SQLite database; None: on PostgreSQL it must be
    named, for every replica needs the same one.
    """
    if named is not None:
        return Path(named)
    file = parse_database(database).database
    if database.startswith("sqlite") and file:
        return Path(f"{file}.attestations")
    return None


class Folder:
    """Made on first use, for its owner alone. Of an organization."""

    def __init__(self, path: Path, org: str) -> None:
        self.path = path
        self._org = org

    def workspace(self, id_: str, token: int) -> Path:
        """A new empty folder for a bundle on its way, of an attestation of which none is recorded: one
        that has its name already was named by a process that died before it was. OSError.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for one in self.path.glob(f"{self._org}-{id_}-{_HEX}{SUFFIX}"):
            one.unlink(missing_ok=True)
        made = self.path / f"{PART}{self._org}-{id_}-{token}"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(mode=0o700)
        return made

    def name(self, id_: str, sha256: bytes) -> str:
        return f"{self._org}-{id_}-{sha256.hex()[:8]}{SUFFIX}"

    def publish(self, part: Path, name: str) -> None:
        """Give a finished file its name, for good: it is on the disk before it has it. OSError."""
        descriptor = os.open(part, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        part.replace(self.path / name)
        folder = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def leave(self, workspace: Path) -> None:
        """Nothing more of it is needed."""
        shutil.rmtree(workspace, ignore_errors=True)

    def withdraw(self, name: str) -> None:
        """It was named, and will not be recorded."""
        (self.path / name).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove folders on their way, which a process has left that died. OSError."""
        if not self.path.is_dir():
            return
        own = re.compile(rf"{re.escape(PART + self._org)}-[0-9]{{4}}(-[0-9qw]+)?-[0-9]+-[0-9]+")
        for one in self.path.iterdir():
            if own.fullmatch(one.name):
                shutil.rmtree(one, ignore_errors=True)

    def open(self, name: str) -> BinaryIO:
        """OSError where it is not there any more."""
        return (self.path / name).open("rb")

    def has(self, name: str) -> bool:
        return (self.path / name).is_file()
