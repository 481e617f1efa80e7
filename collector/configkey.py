"""The key that signs what agents are served: a file of 32 bytes, made on first use.

Replicas of one database need the same file: an agent believes one key.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector import keyfile
from collector.keyfile import NoKeyError, OpenFileError
from collector.store.open import parse_database


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


def guard_beside(key_file: Path) -> Path:
    """Where is kept what of the logs was signed last, unless another place is named."""
    return key_file.with_name(f"{key_file.name.removesuffix('.config-key')}.log-signed")


def load_or_make(path: Path) -> Ed25519PrivateKey:
    """Mode 0600, whole or not at all; ConfigKeyError."""
    try:
        if not path.exists():
            with contextlib.suppress(FileExistsError):
                keyfile.make(path)
        return keyfile.read(path)
    except OSError as error:
        raise ConfigKeyError(f"--config-key: {path}: {os.strerror(error.errno or 0)}") from None
    except OpenFileError:
        raise ConfigKeyError(
            f"--config-key: {path}: others may read it; run: chmod 600 {path}"
        ) from None
    except NoKeyError:
        raise ConfigKeyError(
            f"--config-key: {path}: not a key of ours ({keyfile.BYTES} bytes)"
        ) from None
