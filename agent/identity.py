"""Who an agent is: its Ed25519 key in its state folder."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_FILE = "agent.key"
_KEY_BYTES = 32


class IdentityError(Exception):
    """The key cannot be read or made. The text names the file and what to do."""


def load_or_make_key(state: Path) -> Ed25519PrivateKey:
    """The key of this state folder; made on first use, mode 0600, complete or not at all."""
    path = state / KEY_FILE
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        if path.stat().st_mode & 0o077:
            raise IdentityError(f"{path}: others may read this key; run: chmod 600 {path}")
        data = path.read_bytes()
    except OSError as error:
        raise IdentityError(f"{path}: {os.strerror(error.errno or 0)}") from None
    if len(data) != _KEY_BYTES:
        raise IdentityError(f"{path}: not a key of ours ({_KEY_BYTES} bytes); restore or remove it")
    return Ed25519PrivateKey.from_private_bytes(data)


def public_text(key: Ed25519PrivateKey) -> str:
    """`ed25519:BASE64`, as the operator's file pins it."""
    return f"ed25519:{base64.b64encode(key.public_key().public_bytes_raw()).decode()}"


def _make(path: Path) -> None:
    """Written aside, then linked: of two processes one wins and both read the same key."""
    aside = path.with_name(f"{KEY_FILE}.{secrets.token_hex(8)}")
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
