"""A small file that is written whole or not at all, and stays after a power cut."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def keep(path: Path, data: bytes) -> None:
    """Mode 0600; OSError leaves what was there."""
    aside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    made = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(made, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
