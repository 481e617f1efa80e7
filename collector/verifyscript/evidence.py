"""Evidence: a system's segments, each the one that an agent signed, and the results in them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from collector.verifyscript.archive import Archive
from collector.verifyscript.chains import Header
from collector.verifyscript.columns import Segment, segment_in
from collector.verifyscript.failing import Failure
from collector.verifyscript.tree import leaf_hash, root_by_path

_MAX_CHUNK = (1 << 20) + (16 << 20) + (1 << 16)
"""Unpacked: a mebibyte, and one record as large as a whole batch."""
_HEAD = struct.Struct(">QHHB32s")
_CLOCK_ERROR_MS = 2_000
"""Semantics 1: beyond it nobody knows when results were, and they are unknown."""
_YEAR_2000_MS = 946_684_800_000
_AHEAD_MS = 300_000
"""So much later than it was received may a result claim to be: clocks differ a little."""


class Record(NamedTuple):
    """`data` is leaf `place` of `of` in the batch at index `entry` of the log, behind `tag`."""

    entry: int
    place: int
    of: int
    tag: bytes
    path: list[bytes]
    data: bytes

    def root(self) -> bytes | None:
        return root_by_path(leaf_hash(self.tag + self.data), self.place, self.of, self.path)


def records_of(bundle: Archive, system: str) -> Iterator[Record]:
    """In the order of the log; a chunk is unpacked at a time, and no more of it than it may hold."""
    name = f"evidence/{system}.bin"
    if bundle.read(name, 0, 4) != b"WWE1":
        raise Failure("segment.malformed", name)
    before, start = -1, 4
    while length := bundle.read(name, start, 4):
        size = int.from_bytes(length, "big")
        packed = bundle.read(name, start + 4, min(size, _MAX_CHUNK))
        if len(length) < 4 or len(packed) != size:
            raise Failure("segment.malformed", name)
        start += 4 + size
        for record in _records(_unpacked(packed, name), name):
            if record.entry <= before:
                raise Failure("segment.order", f"{system}:{record.entry}")
            before = record.entry
            yield record


def _unpacked(packed: bytes, name: str) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        chunk = unpacker.decompress(packed, _MAX_CHUNK)
    except zlib.error:
        raise Failure("segment.malformed", name) from None
    if not chunk or not unpacker.eof or unpacker.unused_data:
        raise Failure("segment.malformed", name)
    return chunk


def _records(chunk: bytes, name: str) -> Iterator[Record]:
    at = 0
    while at < len(chunk):
        try:
            entry, place, of, hashes, tag = _HEAD.unpack_from(chunk, at)
            at += _HEAD.size
            path = [chunk[at + 32 * n : at + 32 * n + 32] for n in range(hashes)]
            at += 32 * hashes
            (size,) = struct.unpack_from(">I", chunk, at)
        except struct.error:
            raise Failure("segment.malformed", name) from None
        data = chunk[at + 4 : at + 4 + size]
        at += 4 + size
        if len(data) != size or place >= of:
            raise Failure("segment.malformed", name)
        yield Record(entry, place, of, tag, path, data)


def segments_of(
    bundle: Archive, system: str, checks: set[str], headers: dict[int, Header]
) -> Iterator[tuple[Header, Segment]]:
    """Each with the header of its batch, in the order of the log. `checks`: all that the system ever
    had. Failure for a segment that is not the one of its batch.
    """
    for record in records_of(bundle, system):
        where = f"{system}:{record.entry}"
        header = headers.get(record.entry)
        if header is None or header.is_tombstone or record.of != header.systems:
            raise Failure("segment.place", where)
        if record.root() != header.root:
            raise Failure("segment.proof", where)
        segment = segment_in(record.data, where)
        if checks.isdisjoint(segment.check):
            raise Failure("segment.foreign", where)
        if not all(header.start <= at + header.offset <= header.end for at in segment.at):
            raise Failure("segment.malformed", where)
        yield header, segment


def is_possible(t: int, received: int) -> bool:
    """Is it neither of before 2000 nor much later than it was received?"""
    return _YEAR_2000_MS <= t <= received + _AHEAD_MS


def outcomes_of(header: Header, segment: Segment) -> list[str]:
    """Unknown, all of them, where the agent's clock was not known well enough."""
    if header.error > _CLOCK_ERROR_MS:
        return ["unknown"] * len(segment.outcome)
    return segment.outcome
