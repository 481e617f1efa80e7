"""The bundle as a zip, read strictly: every byte around the members must be the one that is written.

Members are stored one behind the other, without compression, extra fields or comments: so there is no
second way to read them, and nothing in them can grow.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from collector.verifyscript.failing import Failure

ALWAYS = (
    "README.txt",
    "statement.json",
    "report.html",
    "oscal.json",
    "verify.py",
    "policy.txt",
    "checkpoint.txt",
    "log/start.json",
    "log/checkpoints.jsonl",
    "log/entries.bin",
    "rows.jsonl",
)
"""Members that every bundle has."""
NOT_SUBJECTS = ("README.txt", "statement.json", "timestamp.tsr")
"""Members that the statement does not name."""
_ORDER = (*ALWAYS[:3], "report.pdf", *ALWAYS[3:])
_LAST = ("evidence/tombstones.jsonl", "timestamp.tsr")
_PROOF = re.compile(r"proofs/(0|[1-9][0-9]{0,15})(\.early)?\.tlog-proof")
_EVIDENCE = re.compile(r"evidence/([a-z0-9][a-z0-9-]{0,62})\.bin")
_MAX_MEMBERS, _MAX_BYTES, _MAX_OTHER = 20_000, (1 << 32) - 2, 64 << 20
_LIMITS = {"log/entries.bin": 2 << 30, "log/checkpoints.jsonl": 512 << 20, "rows.jsonl": 512 << 20}
_BLOCK = 1 << 20
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_MADE = (3 << 8 | 20, 20, 0, 0, 0, 1 << 5 | 1)
"""By Unix, version 2.0, nothing special, stored, at 00:00 of 1980-01-01."""


class _Member(NamedTuple):
    name: str
    crc: int
    size: int
    offset: int

    def local(self) -> bytes:
        sizes = (self.crc, self.size, self.size, len(self.name), 0)
        return _LOCAL.pack(b"PK\x03\x04", *_MADE[1:], *sizes) + self.name.encode()

    def central(self) -> bytes:
        sizes = (self.crc, self.size, self.size, len(self.name))
        rest = (0, 0, 0, 0, 0o100644 << 16, self.offset)
        return _CENTRAL.pack(b"PK\x01\x02", *_MADE, *sizes, *rest) + self.name.encode()


class Archive:
    """`file` can be seeked. Failure for what is no bundle; what stands in the members is looked at by
    `digest` first.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._members = {one.name: one for one in self._directory()}
        for name in ALWAYS:
            if name not in self._members:
                raise Failure("bundle.member", name)

    @property
    def names(self) -> list[str]:
        return list(self._members)

    @property
    def systems(self) -> list[str]:
        """Of which there is evidence."""
        found = [_EVIDENCE.fullmatch(name) for name in self._members]
        return sorted(one[1] for one in found if one is not None)

    def size(self, name: str) -> int:
        return self._member(name).size

    def read(self, name: str, start: int, size: int) -> bytes:
        """So many bytes of a member from a place in it, or as many as there are."""
        one = self._member(name)
        size = max(0, min(size, one.size - start))
        return self._at(one.offset + len(one.local()) + start, size)

    def whole(self, name: str, limit: int = _MAX_OTHER) -> bytes:
        if self.size(name) > limit:
            raise Failure("bundle.limit", name)
        return self.read(name, 0, limit)

    def lines(self, name: str) -> Iterator[tuple[str, bytes]]:
        """(place, line without its end) of each; Failure for one of more than 64 MiB."""
        rest, start, number = b"", 0, 0
        while block := self.read(name, start, _BLOCK):
            start += len(block)
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                number += 1
                yield f"{name}:{number}", line
            if len(rest) > _MAX_OTHER:
                raise Failure("bundle.limit", name)
        if rest:
            raise Failure("rows.malformed" if name == "rows.jsonl" else "log.malformed", name)

    def digest(self, name: str) -> str:
        """SHA-256, hexadecimal; Failure when it is not the member that was written."""
        crc, digest, start = 0, hashlib.sha256(), 0
        while block := self.read(name, start, _BLOCK):
            crc, start = zlib.crc32(block, crc), start + len(block)
            digest.update(block)
        if crc != self._member(name).crc:
            raise Failure("bundle.shape", name)
        return digest.hexdigest()

    def _member(self, name: str) -> _Member:
        if name not in self._members:
            raise Failure("bundle.member", name)
        return self._members[name]

    def _at(self, place: int, size: int) -> bytes:
        self._file.seek(place)
        data = self._file.read(size)
        if len(data) != size:
            raise Failure("bundle.shape")
        return data

    def _directory(self) -> list[_Member]:
        total = self._file.seek(0, io.SEEK_END)
        if total > _MAX_BYTES:
            raise Failure("bundle.limit")
        if total < _END.size:
            raise Failure("bundle.shape")
        last = self._at(total - _END.size, _END.size)
        _, _, _, _, count, size, offset, _ = _END.unpack(last)
        if last != _END.pack(b"PK\x05\x06", 0, 0, count, count, size, offset, 0):
            raise Failure("bundle.shape")
        if offset + size + _END.size != total:
            raise Failure("bundle.shape")
        if count > _MAX_MEMBERS or size > _MAX_MEMBERS * (_CENTRAL.size + 80):
            raise Failure("bundle.limit")
        return self._listed(self._at(offset, size), count, offset)

    def _listed(self, directory: bytes, count: int, end: int) -> list[_Member]:
        """Each member begins where the one before it ends, and stands where its name belongs."""
        found: list[_Member] = []
        place, following, before = 0, 0, (-1, 0, "")
        for _ in range(count):
            head = directory[place : place + _CENTRAL.size]
            if len(head) < _CENTRAL.size:
                raise Failure("bundle.shape")
            fields = _CENTRAL.unpack(head)
            name = directory[place + _CENTRAL.size :][: fields[10]]
            if not name.isascii():
                raise Failure("bundle.shape")
            one = _Member(name.decode("ascii"), fields[7], fields[9], fields[16])
            if directory[place : place + len(one.central())] != one.central():
                raise Failure("bundle.shape", one.name)
            order = _place_of(one.name)
            if order is None or order <= before:
                raise Failure("bundle.name", one.name)
            if one.size > _limit_of(one.name):
                raise Failure("bundle.limit", one.name)
            if one.offset != following or one.offset + len(one.local()) + one.size > end:
                raise Failure("bundle.shape", one.name)
            if self._at(one.offset, len(one.local())) != one.local():
                raise Failure("bundle.shape", one.name)
            found.append(one)
            place += len(one.central())
            following, before = one.offset + len(one.local()) + one.size, order
        if place != len(directory) or following != end:
            raise Failure("bundle.shape")
        return found


def _place_of(name: str) -> tuple[int, int, str] | None:
    """Where a member stands among the others; None for a name that none has."""
    proof, evidence = _PROOF.fullmatch(name), _EVIDENCE.fullmatch(name)
    if name in _ORDER:
        return (_ORDER.index(name), 0, "")
    if proof is not None and int(proof[1]) < 1 << 53:
        return (len(_ORDER), int(proof[1]), proof[2] or "")
    if evidence is not None:
        return (len(_ORDER) + 1, 0, evidence[1])
    return (len(_ORDER) + 2 + _LAST.index(name), 0, "") if name in _LAST else None


def _limit_of(name: str) -> int:
    return _MAX_BYTES if _EVIDENCE.fullmatch(name) else _LIMITS.get(name, _MAX_OTHER)
