"""One small file of the state folder that is written whole: the old bytes or the new, never a mix."""

from __future__ import annotations

import os
from pathlib import Path

from agent.owning import hand_over

MODE = 0o600


class KeptFile:
    """`read` and `write` raise OSError; whoever writes decides what a disk that cannot is worth."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> bytes | None:
        """None where nothing was ever written."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    def write(self, data: bytes) -> None:
        """Durable when it returns."""
        aside = self._path.with_name(f"{self._path.name}.new")
        number = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, MODE)
        hand_over(number, aside.parent)
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
