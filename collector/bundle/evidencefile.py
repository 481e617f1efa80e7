"""One system's segments, each with its place in a signed batch: the evidence a bundle discloses.

Bytes: `WWE1`, then chunks of a length (u32, big-endian) and zlib. Unpacked a chunk holds whole
records: log index (u64), place and number of systems in the batch (u16), number of hashes (u8), the
system's tag in the batch (32), the hashes of its audit path (32 each), length (u32), segment.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

from collector.bundle.faults import BundleError, BundleFault
from probes.envelope import BODY_LIMIT
from probes.wire import merkle
from probes.wire.merkle import HASH_BYTES

MAGIC = b"WWE1"
CHUNK = 1 << 20
"""A chunk is full when it holds as much."""
LEVEL = 6
MAX_UNPACKED = CHUNK + BODY_LIMIT + (1 << 16)
"""A full chunk's last record may be as large as a whole batch."""
MAX_SYSTEMS = (1 << 16) - 1
_HEAD = struct.Struct(">QHHB32s")
_LENGTH = struct.Struct(">I")


class Segment(NamedTuple):
    """`data` is leaf `place` of `of` in the batch whose entry has this index in the log, behind `tag`."""

    entry: int
    place: int
    of: int
    tag: bytes
    path: tuple[bytes, ...]
    data: bytes

    @property
    def root(self) -> bytes | None:
        """What the batch's `segments_root` must be; None when the path cannot belong to the place."""
        return merkle.root_from_path(self.tag + self.data, self.place, self.of, self.path)


class Writer:
    """`put` in the order of the log, then `close`."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._held: list[bytes] = []
        self._size = 0
        self._last = -1
        out.write(MAGIC)

    def put(self, one: Segment) -> None:
        """ValueError out of order."""
        if one.entry <= self._last:
            raise ValueError("not in the order of the log")
        self._last = one.entry
        head = _HEAD.pack(one.entry, one.place, one.of, len(one.path), one.tag)
        record = b"".join((head, *one.path, _LENGTH.pack(len(one.data)), one.data))
        self._held.append(record)
        self._size += len(record)
        if self._size >= CHUNK:
            self._flush()

    def close(self) -> None:
        """What is held is written; `out` stays open."""
        if self._held:
            self._flush()

    def _flush(self) -> None:
        packed = zlib.compress(b"".join(self._held), LEVEL)
        self._out.write(_LENGTH.pack(len(packed)) + packed)
        self._held, self._size = [], 0


def read(file: BinaryIO, name: str) -> Iterator[Segment]:
    """In the order of the log; BundleError names the member and the record. A chunk is unpacked at a
    time, and no more of it than a chunk may hold.
    """
    if file.read(len(MAGIC)) != MAGIC:
        raise BundleError(BundleFault.EVIDENCE_CHUNK, name)
    before, number = -1, 0
    for chunk in _chunks(file, name):
        for one in _records(chunk, name):
            number += 1
            if one.entry <= before:
                raise BundleError(BundleFault.EVIDENCE_ORDER, f"{name}:{number}")
            before = one.entry
            yield one


def _chunks(file: BinaryIO, name: str) -> Iterator[bytes]:
    while length := file.read(_LENGTH.size):
        size = int.from_bytes(length, "big")
        if size > MAX_UNPACKED:  # zlib makes nothing much larger
            raise BundleError(BundleFault.EVIDENCE_CHUNK, name)
        packed = file.read(size)
        if len(length) != _LENGTH.size or len(packed) != size:
            raise BundleError(BundleFault.EVIDENCE_CHUNK, name)
        unpacker = zlib.decompressobj()
        try:
            chunk = unpacker.decompress(packed, MAX_UNPACKED)
        except zlib.error:
            raise BundleError(BundleFault.EVIDENCE_CHUNK, name) from None
        if not chunk or not unpacker.eof or unpacker.unused_data:
            raise BundleError(BundleFault.EVIDENCE_CHUNK, name)
        yield chunk


def _records(chunk: bytes, name: str) -> Iterator[Segment]:
    at, end = 0, len(chunk)
    while at < end:
        try:
            index, place, of, hashes, tag = _HEAD.unpack_from(chunk, at)
            start = at + _HEAD.size
            starts = start + hashes * HASH_BYTES
            (size,) = _LENGTH.unpack_from(chunk, starts)
        except struct.error:
            raise BundleError(BundleFault.EVIDENCE_RECORD, name) from None
        first = starts + _LENGTH.size
        at = first + size
        if at > end or place >= of:
            raise BundleError(BundleFault.EVIDENCE_RECORD, name)
        path = tuple([chunk[n : n + HASH_BYTES] for n in range(start, starts, HASH_BYTES)])
        yield Segment(index, place, of, tag, path, chunk[first:at])


def segment_of(entry: int, leaves: Sequence[bytes], place: int) -> Segment:
    """The record of one leaf of a batch, as `probes.batch.leaves` has them."""
    leaf = leaves[place]
    path = merkle.audit_path(leaves, place)
    return Segment(entry, place, len(leaves), leaf[:HASH_BYTES], path, leaf[HASH_BYTES:])
