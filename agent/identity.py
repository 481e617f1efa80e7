"""Who an agent is: its Ed25519 key in its state folder.

A rotation has a second key beside it until the collector has taken it: at every instant one of
the two files holds the key that the collector knows.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.owning import hand_over
from probes import agentkeys

KEY_FILE = "agent.key"
NEXT_FILE = "agent.key.next"
_KEY_BYTES = 32


class IdentityError(Exception):
    """The key cannot be read or made. The text names the file and what to do."""


def load_or_make_key(state: Path) -> Ed25519PrivateKey:
    """The key of this state folder; made on first use, mode 0600, complete or not at all."""
    return _load_or_make(state, KEY_FILE)


def load_key(state: Path) -> Ed25519PrivateKey:
    """The key that is there; OSError or IdentityError."""
    return _read(state / KEY_FILE)


def next_key(state: Path) -> Ed25519PrivateKey:
    """The key a rotation goes to; one that is there already is gone on with."""
    return _load_or_make(state, NEXT_FILE)


def is_rotating(state: Path) -> bool:
    """Was a rotation begun and not finished?"""
    return (state / NEXT_FILE).exists()


def take_next(state: Path) -> None:
    """The next key is the key: at once, and once the collector knows it."""
    try:
        (state / NEXT_FILE).replace(state / KEY_FILE)
        sync_folder(state)
    except OSError as error:
        raise IdentityError(f"{state / KEY_FILE}: {os.strerror(error.errno or 0)}") from None


def drop_next(state: Path) -> None:
    """A rotation that was begun ends: the collector has taken the key, and so knows no next one."""
    (state / NEXT_FILE).unlink(missing_ok=True)


class KeyFile:
    """The key of a folder, followed: a rotation counts for the next batch of a running agent."""

    def __init__(self, state: Path) -> None:
        self._path = state / KEY_FILE
        self._key = load_or_make_key(state)
        self._seen = self._mark()

    def __call__(self) -> Ed25519PrivateKey:
        """As long as the file cannot be read, the key it last had."""
        mark = self._mark()
        if mark is not None and mark != self._seen:
            try:
                self._key, self._seen = _read(self._path), mark
            except (OSError, IdentityError):
                return self._key
        return self._key

    def _mark(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns


Signing = Callable[[], Ed25519PrivateKey]
"""The key to sign with now."""


def public_text(key: Ed25519PrivateKey) -> str:
    """`ed25519:BASE64`, as the operator's file pins it."""
    return agentkeys.text_of(key.public_key())


def fingerprint(key: Ed25519PrivateKey) -> str:
    """In groups, for people to compare."""
    return agentkeys.grouped(agentkeys.fingerprint(public_text(key)))


def _load_or_make(state: Path, name: str) -> Ed25519PrivateKey:
    path = state / name
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        return _read(path)
    except OSError as error:
        raise IdentityError(f"{path}: {os.strerror(error.errno or 0)}") from None


def _read(path: Path) -> Ed25519PrivateKey:
    if path.stat().st_mode & 0o077:
        raise IdentityError(f"{path}: others may read this key; run: chmod 600 {path}")
    data = path.read_bytes()
    if len(data) != _KEY_BYTES:
        raise IdentityError(f"{path}: not a key of ours ({_KEY_BYTES} bytes); restore or remove it")
    return Ed25519PrivateKey.from_private_bytes(data)


def _make(path: Path) -> None:
    """Written aside, then linked: of two processes one wins and both read the same key."""
    aside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    made = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        hand_over(made, path.parent)
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
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """What was made or renamed in it stays so, whatever happens to the power."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
