"""A bundle's zip read strictly: refused unless every byte around the members is what is written.

So there is no second way to read it: no name twice, no overlap, nothing between or behind, nothing
compressed, nothing that another program would unpack elsewhere.
"""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Sequence
from typing import BinaryIO

from collector.bundle import layout, ziphead
from collector.bundle.faults import BundleError, BundleFault
from collector.bundle.members import BLOCK
from collector.bundle.ziphead import Member


class Zip:
    """`file` can be seeked and is the caller's to close. BundleError for what is no bundle's zip.

    What stands in the members is not looked at: `digest` also finds whether a member is the one
    that was written.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._members = {one.name: one for one in _directory(file)}
        for name in layout.ALWAYS:
            if name not in self._members:
                raise BundleError(BundleFault.MISSING, name)

    @property
    def names(self) -> Sequence[str]:
        return tuple(self._members)

    def size(self, name: str) -> int:
        """Bytes of a member; BundleError MISSING."""
        return self._member(name).size

    def open(self, name: str) -> BinaryIO:
        """The member from its beginning; the zip may be read elsewhere meanwhile."""
        one = self._member(name)
        return io.BufferedReader(_Slice(self._file, one.starts, one.ends), BLOCK)

    def digest(self, name: str) -> str:
        """SHA-256 of a member, hex; BundleError SHAPE when it is not the one of the directory."""
        one = self._member(name)
        crc, digest = 0, hashlib.sha256()
        with self.open(name) as file:
            while block := file.read(BLOCK):
                crc = zlib.crc32(block, crc)
                digest.update(block)
        if crc != one.crc:
            raise BundleError(BundleFault.SHAPE, name)
        return digest.hexdigest()

    def _member(self, name: str) -> Member:
        if name not in self._members:
            raise BundleError(BundleFault.MISSING, name)
        return self._members[name]


class _Slice(io.RawIOBase):
    """Part of a file; it looks up its place each time."""

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        super().__init__()
        self._file, self._at, self._end = file, start, end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type] # typeshed's Buffer is 3.12's
        self._file.seek(self._at)
        data = self._file.read(min(len(view), self._end - self._at))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


def _directory(file: BinaryIO) -> list[Member]:
    """Members in their order, each of which begins where the one before it ends."""
    count, data, offset = _end(file)
    found: list[Member] = []
    at = following = 0
    before = (-1, 0, "")
    for _ in range(count):
        one = _listed(data, at)
        at += len(ziphead.central(one))
        place = layout.place_of(one.name)
        if place is None or place <= before:
            raise BundleError(BundleFault.MEMBER, one.name)
        if one.size > layout.limit_of(one.name):
            raise BundleError(BundleFault.TOO_LARGE, one.name)
        if one.offset != following or one.ends > offset:
            raise BundleError(BundleFault.SHAPE, one.name)
        if _read(file, one.offset, one.starts - one.offset) != ziphead.local(one):
            raise BundleError(BundleFault.SHAPE, one.name)
        found.append(one)
        following, before = one.ends, place
    if at != len(data) or following != offset:
        raise BundleError(BundleFault.SHAPE)
    return found


def _end(file: BinaryIO) -> tuple[int, bytes, int]:
    """How many members, their directory, and where it begins."""
    total = file.seek(0, io.SEEK_END)
    if total > layout.MAX_BYTES:
        raise BundleError(BundleFault.TOO_LARGE)
    if total < ziphead.END_BYTES:
        raise BundleError(BundleFault.SHAPE)
    last = _read(file, total - ziphead.END_BYTES, ziphead.END_BYTES)
    count, size, offset = ziphead.told(last)
    if last != ziphead.end(count, size, offset) or offset + size + len(last) != total:
        raise BundleError(BundleFault.SHAPE)
    if count > layout.MAX_MEMBERS or size > _MAX_DIRECTORY:
        raise BundleError(BundleFault.TOO_LARGE)
    return count, _read(file, offset, size), offset


_MAX_NAME = 80
_MAX_DIRECTORY = layout.MAX_MEMBERS * (ziphead.CENTRAL_BYTES + _MAX_NAME)


def _listed(data: bytes, at: int) -> Member:
    ends = at + ziphead.CENTRAL_BYTES
    if ends > len(data):
        raise BundleError(BundleFault.SHAPE)
    crc, size, length, offset = ziphead.listed(data[at:ends])
    name = data[ends : ends + length]
    if not name.isascii():
        raise BundleError(BundleFault.SHAPE)
    one = Member(name.decode("ascii"), crc, size, offset)
    if data[at : ends + length] != ziphead.central(one):
        raise BundleError(BundleFault.SHAPE)
    return one


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    data = file.read(size)
    if len(data) != size:
        raise BundleError(BundleFault.SHAPE)
    return data
