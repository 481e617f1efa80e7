"""What stands in a log: one line of ASCII, behind that of a batch the header its agent signed.

Each entry says how many *state rows* the log has up to it and with it: rows that numbers depend on.
Whoever holds a stretch of the log knows by that whether one of them was kept back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from collector.attest import spelling, vkey
from collector.attest.faults import AttestError, Fault
from collector.attest.tiles import MAX_ENTRY
from probes.wire.merkle import HASH_BYTES

STATE_KINDS = frozenset(
    {
        "config.version",
        "window.proposed",
        "window.approved",
        "window.cancelled",
        "window.finished",
        "correction.requested",
        "correction.approved",
        "incident.ruled",
        "agent.enrolled",
        "agent.approved",
        "agent.rotated",
        "agent.revoked",
        "agent.equivocation",
        "log.started",
        "log.keys",
        "log.key_revoked",
    }
)
"""Kinds of rows that a number, a key or a proof depends on."""
SIGNATURE_BYTES = 64
_MAGIC = "wardwatch/1"
_NO_PREVIOUS = "-"
_ORG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_KIND = re.compile(r"[a-z0-9_]{1,64}(?:\.[a-z0-9_]{1,64}){1,3}")
_HEX = re.compile(r"[0-9a-f]{64}")
_ORIGIN = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, slots=True)
class Previous:
    """The last head of the log that another goes on from."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class LogStart:
    """Index 0 of every log. `started_at` is UTC ms."""

    org: str
    started_at: int
    previous: Previous | None = None


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """`header` and `signature` as the agent sent them; a tombstone's likewise. `received_at` is UTC
    ms. What an agent signed is not judged here.
    """

    received_at: int
    state: int
    signature: bytes
    header: bytes
    tombstone: bool = False


@dataclass(frozen=True, slots=True)
class RowEntry:
    """A row of the journal, `id` its number there, by its commitment (`commitments.py`)."""

    id: int
    recorded_at: int
    state: int
    kind: str
    commitment: bytes


Entry = LogStart | BatchEntry | RowEntry


def is_origin(text: str) -> bool:
    """A log's name that an entry can say: one of a key, in visible ASCII, 255 at most."""
    return _ORIGIN.fullmatch(text) is not None and vkey.is_name(text)


def write(entry: Entry) -> bytes:
    """Its bytes, of which the leaf is the hash; AttestError for one that `parse` would refuse."""
    if isinstance(entry, LogStart):
        words = ["log", entry.org, str(entry.started_at), _previous_text(entry.previous)]
    elif isinstance(entry, RowEntry):
        numbers = (entry.id, entry.recorded_at, entry.state)
        words = ["row", *map(str, numbers), entry.kind, entry.commitment.hex()]
    else:
        word = "tombstone" if entry.tombstone else "batch"
        signature = spelling.base64_of(entry.signature)
        words = [word, str(entry.received_at), str(entry.state), signature]
    try:
        line = " ".join((_MAGIC, *words)).encode("ascii") + b"\n"
    except UnicodeEncodeError:
        raise AttestError(Fault.ENTRY_NAME) from None
    data = line + entry.header if isinstance(entry, BatchEntry) else line
    if parse(data) != entry:
        raise AttestError(Fault.ENTRY_SHAPE)
    return data


def parse(data: bytes) -> Entry:
    """AttestError for anything that `write` would not have written so."""
    if len(data) > MAX_ENTRY:
        raise AttestError(Fault.ENTRY_TOO_LARGE)
    line, newline, rest = data.partition(b"\n")
    try:
        words = line.decode("ascii").split(" ")
    except UnicodeDecodeError:
        raise AttestError(Fault.ENTRY_SHAPE) from None
    if not newline or len(words) < _FEWEST_WORDS or words[0] != _MAGIC:
        raise AttestError(Fault.ENTRY_SHAPE)
    word, told = words[1], words[2:]
    if word in ("batch", "tombstone"):
        return _batch(told, rest, tombstone=word == "tombstone")
    if rest:
        raise AttestError(Fault.ENTRY_SHAPE)
    if word == "row":
        return _row(told)
    if word == "log":
        return _start(told)
    raise AttestError(Fault.ENTRY_SHAPE)


_FEWEST_WORDS = 5
_ROW_WORDS = 5
_BATCH_WORDS = _START_WORDS = 3
"""Behind the word that says what it is."""


def _batch(told: list[str], header: bytes, *, tombstone: bool) -> BatchEntry:
    if len(told) != _BATCH_WORDS or not header:
        raise AttestError(Fault.ENTRY_SHAPE)
    signature = spelling.bytes_of(told[2])
    if signature is None or len(signature) != SIGNATURE_BYTES:
        raise AttestError(Fault.ENTRY_SIGNATURE)
    return BatchEntry(_number(told[0]), _number(told[1]), signature, header, tombstone)


def _row(told: list[str]) -> RowEntry:
    if len(told) != _ROW_WORDS:
        raise AttestError(Fault.ENTRY_SHAPE)
    kind, commitment = told[3:]
    if _KIND.fullmatch(kind) is None:
        raise AttestError(Fault.ENTRY_NAME)
    if _HEX.fullmatch(commitment) is None:
        raise AttestError(Fault.ENTRY_COMMITMENT)
    number, recorded_at, state = map(_number, told[:3])
    return RowEntry(number, recorded_at, state, kind, bytes.fromhex(commitment))


def _start(told: list[str]) -> LogStart:
    if len(told) != _START_WORDS:
        raise AttestError(Fault.ENTRY_SHAPE)
    org, started_at, previous = told
    if _ORG.fullmatch(org) is None:
        raise AttestError(Fault.ENTRY_NAME)
    return LogStart(org, _number(started_at), _previous_of(previous))


def _previous_text(previous: Previous | None) -> str:
    if previous is None:
        return _NO_PREVIOUS
    return f"{previous.origin}@{previous.size}@{spelling.base64_of(previous.root)}"


def _previous_of(text: str) -> Previous | None:
    if text == _NO_PREVIOUS:
        return None
    front, _, encoded = text.rpartition("@")
    origin, _, size = front.rpartition("@")
    root = spelling.bytes_of(encoded)
    if not is_origin(origin) or root is None or len(root) != HASH_BYTES:
        raise AttestError(Fault.ENTRY_NAME)
    return Previous(origin, _number(size), root)


def _number(text: str) -> int:
    value = spelling.number(text)
    if value is None:
        raise AttestError(Fault.ENTRY_NUMBER)
    return value
