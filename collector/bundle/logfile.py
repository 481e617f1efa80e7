"""The log's members: the tree before the range, the checkpoints of the range, and its entries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from collector.attest import checkpoint, note, spelling
from collector.attest.checkpoint import Checkpoint
from collector.attest.entries import is_origin
from collector.attest.faults import AttestError
from collector.attest.merkle import CompactRange
from collector.attest.note import Note
from collector.attest.strictjson import Value
from collector.attest.tiles import MAX_ENTRY
from collector.bundle import jsonlines
from collector.bundle.faults import BundleError, BundleFault
from collector.bundle.layout import CHECKPOINTS, ENTRIES, LOG_START

_LENGTH_BYTES = 2


@dataclass(frozen=True, slots=True)
class Start:
    """The log, and its tree before the first entry of the range."""

    origin: str
    before: CompactRange


@dataclass(frozen=True, slots=True)
class Head:
    """A published checkpoint: what it says, and the note with all its signatures."""

    checkpoint: Checkpoint
    note: Note


def write_start(start: Start) -> bytes:
    peaks: list[Value] = [spelling.base64_of(peak) for peak in start.before.peaks]
    value: dict[str, Value] = {
        "origin": start.origin,
        "peaks": peaks,
        "size": start.before.size,
    }
    return jsonlines.line(value)[:-1]


def read_start(data: bytes) -> Start:
    """BundleError for anything that `write_start` would not have written so."""
    found = jsonlines.value_of(data, BundleFault.LOG_START, LOG_START)
    origin, size = jsonlines.text(found.get("origin")), jsonlines.count(found.get("size"))
    told = found.get("peaks")
    peaks = [_hash(one) for one in told] if isinstance(told, list) else None
    if len(found) != len(("origin", "peaks", "size")) or peaks is None or None in peaks:
        raise BundleError(BundleFault.LOG_START, LOG_START)
    if origin is None or not is_origin(origin) or size is None:
        raise BundleError(BundleFault.LOG_START, LOG_START)
    try:
        before = CompactRange(size, tuple(peak for peak in peaks if peak is not None))
    except ValueError:
        raise BundleError(BundleFault.LOG_START, LOG_START) from None
    return Start(origin, before)


def write_checkpoints(notes: Iterable[bytes]) -> Iterator[bytes]:
    """The member's lines; `notes` in order of their sizes."""
    for data in notes:
        yield jsonlines.line({"note": data.decode()})


def read_checkpoints(file: BinaryIO, origin: str) -> Iterator[Head]:
    """Of this log, each larger than the one before; BundleError. No signature is verified."""
    size = -1
    for place, found in jsonlines.lines(file, BundleFault.LOG_CHECKPOINT, CHECKPOINTS):
        data = jsonlines.text(found.get("note"))
        if data is None or len(found) != 1:
            raise BundleError(BundleFault.LOG_CHECKPOINT, place)
        try:
            signed = note.parse(data.encode())
            head = checkpoint.parse(signed.text)
        except AttestError:
            raise BundleError(BundleFault.LOG_CHECKPOINT, place) from None
        if head.size <= size or head.origin != origin:
            raise BundleError(BundleFault.LOG_CHECKPOINT, place)
        size = head.size
        yield Head(head, signed)


def note_bytes(head: Head) -> bytes:
    return note.write(head.note)


def frame(entry: bytes) -> bytes:
    """An entry as it stands in the member; ValueError for one that is too long."""
    if len(entry) > MAX_ENTRY:
        raise ValueError("an entry has at most 65535 bytes")
    return len(entry).to_bytes(_LENGTH_BYTES, "big") + entry


def read_entries(file: BinaryIO) -> Iterator[bytes]:
    """Each entry's bytes; BundleError LOG_FRAME when the last is cut short."""
    number = 0
    while length := file.read(_LENGTH_BYTES):
        size = int.from_bytes(length, "big")
        entry = file.read(size)
        if len(length) != _LENGTH_BYTES or len(entry) != size:
            raise BundleError(BundleFault.LOG_FRAME, f"{ENTRIES}:{number}")
        yield entry
        number += 1


def _hash(value: Value) -> bytes | None:
    return spelling.hash_of(value) if isinstance(value, str) else None
