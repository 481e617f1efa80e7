"""What this host has signed last of each log, kept outside the database: so a database that was set
back cannot make us sign a second history.

The file is on disk before a signature is made. It belongs to one host: another replica has its own,
and learns of a fork from the store's fence and from witnesses.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from collector.attest import spelling, strictjson
from collector.attest.merkle import CompactRange
from collector.attest.strictjson import JsonError, Value
from collector.keyfile import sync_folder

MOST_BYTES = 1 << 20


class GuardError(Exception):
    """The file cannot be read or written, so nothing is signed. It has no text."""


@dataclass(frozen=True, slots=True)
class Head:
    size: int
    root: bytes


Heads = Mapping[str, Head]
"""By the name of the log, `ORIGIN/evidence` or `ORIGIN/audit`."""


class Guard:
    """One file. Blocks: call it in a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def heads(self) -> Heads:
        """None of them before the first signature; GuardError."""
        try:
            with self._path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except FileNotFoundError:
            return {}
        except OSError:
            raise GuardError from None
        return _read(data)

    def note(self, name: str, head: Head) -> None:
        """On disk when this returns; GuardError, and then it is as it was. It never goes back: another
        process may have signed more since it was read, and ours is one that no longer leads.
        """
        before = self.heads()
        if name in before and before[name].size > head.size:
            raise GuardError
        heads = {**before, name: head}
        aside = self._path.with_name(f"{self._path.name}.{secrets.token_hex(8)}")
        try:
            made = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(made, "wb") as file:
                    file.write(_write(heads))
                    file.flush()
                    os.fsync(file.fileno())
                aside.replace(self._path)
            except OSError:
                aside.unlink(missing_ok=True)
                raise
            sync_folder(self._path.parent)
        except OSError:
            raise GuardError from None


def continues(head: Head | None, at_head: CompactRange | None) -> bool:
    """Does a log go on from `head`? `at_head`: the log as it was at that size, None where it never
    had as many leaves.
    """
    if head is None:
        return True
    return at_head is not None and at_head.size == head.size and at_head.root() == head.root


def _write(heads: Heads) -> bytes:
    value: dict[str, Value] = {
        name: {"root": spelling.base64_of(head.root), "size": head.size}
        for name, head in heads.items()
    }
    return strictjson.write({"signed": value}) + b"\n"


def _read(data: bytes) -> Heads:
    """A file that was cut short or edited is none: it may have said more."""
    try:
        match strictjson.read(data):
            case {"signed": dict(found)}:
                heads = {name: _head(value) for name, value in found.items()}
                same = _write(heads) == data
            case _:
                raise GuardError
    except JsonError:
        raise GuardError from None
    if not same:
        raise GuardError
    return heads


def _head(value: Value) -> Head:
    match value:
        case {"root": str(text), "size": int(size)} if size >= 0:
            root = spelling.hash_of(text)
            if root is not None:
                return Head(int(size), root)
    raise GuardError
