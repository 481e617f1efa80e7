"""The key that signs what agents are served: a file of 32 bytes, made on first use.

Replicas of one database need the same file: an agent believes one key.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.store.open import parse_database

BYTES = 32


class ConfigKeyError(Exception):
    """The key cannot be read, made or found; the text says what to do."""


def place(named: str | None, database: str) -> Path:
    """The file of the key: the one that was named, or beside a SQLite database."""
    if named is not None:
        return Path(named)
    file = parse_database(database).database
    if database.startswith("sqlite") and file:
        return Path(f"{file}.config-key")
    raise ConfigKeyError(
        "--config-key: name the file of the key that signs the agents' configs; on PostgreSQL every "
        "replica needs the same one (it is made on first use: start one replica, copy the file)"
    )


def load_or_make(path: Path) -> Ed25519PrivateKey:
    """Mode 0600, whole or not at all; ConfigKeyError."""
    try:
        if not path.exists():
            _make(path)
        if path.stat().st_mode & 0o077:
            raise ConfigKeyError(f"--config-key: {path}: others may read it; run: chmod 600 {path}")
        with path.open("rb") as file:
            data = file.read(BYTES + 1)
    except OSError as error:
        raise ConfigKeyError(f"--config-key: {path}: {os.strerror(error.errno or 0)}") from None
    if len(data) != BYTES:
        raise ConfigKeyError(f"--config-key: {path}: not a key of ours ({BYTES} bytes)")
    return Ed25519PrivateKey.from_private_bytes(data)


def _make(path: Path) -> None:
    """Written aside, then linked: of two processes one wins and both read the same key."""
    aside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    made = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(made, "wb") as file:
            file.write(Ed25519PrivateKey.generate().private_bytes_raw())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(aside, path)
        except FileExistsError:
            return
    finally:
        aside.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
