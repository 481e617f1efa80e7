"""A file with one Ed25519 key: the 32 bytes of its seed, for its owner alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

BYTES = 32


class OpenFileError(Exception):
    """Others than its owner may read or write it."""


class NoKeyError(Exception):
    """It holds something else."""


def read(path: Path) -> Ed25519PrivateKey:
    """OSError, OpenFileError, NoKeyError."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise OpenFileError
        data = file.read(BYTES + 1)
    if len(data) != BYTES:
        raise NoKeyError
    return Ed25519PrivateKey.from_private_bytes(data)


def make(path: Path) -> None:
    """A new key, mode 0600, whole or not at all: written aside, then linked, so that of two
    processes one wins and both read the same key. FileExistsError, OSError.
    """
    aside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    made = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(made, "wb") as file:
            file.write(Ed25519PrivateKey.generate().private_bytes_raw())
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, path)
    finally:
        aside.unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """What was linked or renamed in it stays so, whatever happens to the host."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
