"""Where bundles lie: one folder, each file written whole or not at all.

A bundle is made in a folder of its own beside them, synced, and then given its name. What a process
that died has left is swept by the next one that makes any.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from collector.store.open import parse_database

PART = ".making-"
SUFFIX = ".zip"


class FolderError(Exception):
    """It cannot be made or used; the text says what to do."""


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
    """Made on first use, for its owner alone."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def workspace(self, name: str) -> Path:
        """A new empty folder for one bundle on its way; FolderError."""
        made = self.path / f"{PART}{name}"
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir(mode=0o700)
        except OSError as error:
            raise FolderError(_text(self.path, error)) from None
        return made

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

    def sweep(self, known: Collection[str]) -> None:
        """Remove what a process has left that died: folders on their way, and bundles that no row
        names.
        """
        if not self.path.is_dir():
            return
        for one in self.path.iterdir():
            if one.name.startswith(PART):
                shutil.rmtree(one, ignore_errors=True)
            elif one.suffix == SUFFIX and one.name not in known:
                one.unlink(missing_ok=True)

    def open(self, name: str) -> BinaryIO:
        """OSError where it is not there any more."""
        return (self.path / name).open("rb")

    def has(self, name: str) -> bool:
        return (self.path / name).is_file()


def _text(path: Path, error: OSError) -> str:
    return f"--attestations: {path}: {os.strerror(error.errno or 0)}"
