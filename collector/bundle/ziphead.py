"""The bytes around the members of a bundle's zip: nothing in them is left to taste.

Members are stored, dated 1980-01-01 00:00 with mode 0644, without extra fields, comments, data
descriptors or zip64 (APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.16).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_VERSION = 20
_UNIX = 3 << 8
_MODE = 0o100644 << 16
_DATE = 1 << 5 | 1
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
END_BYTES = _END.size
CENTRAL_BYTES = _CENTRAL.size
LOCAL_BYTES = _LOCAL.size


@dataclass(frozen=True, slots=True)
class Member:
    """`offset` is where its local header begins."""

    name: str
    crc: int
    size: int
    offset: int

    @property
    def starts(self) -> int:
        """Where its bytes begin."""
        return self.offset + LOCAL_BYTES + len(self.name)

    @property
    def ends(self) -> int:
        return self.starts + self.size


def local(one: Member) -> bytes:
    name = one.name.encode("ascii")
    sizes = (one.crc, one.size, one.size)
    return _LOCAL.pack(b"PK\x03\x04", _VERSION, 0, 0, 0, _DATE, *sizes, len(name), 0) + name


def central(one: Member) -> bytes:
    name = one.name.encode("ascii")
    sizes = (one.crc, one.size, one.size)
    made = (_UNIX | _VERSION, _VERSION, 0, 0, 0, _DATE)
    return (
        _CENTRAL.pack(b"PK\x01\x02", *made, *sizes, len(name), 0, 0, 0, 0, _MODE, one.offset) + name
    )


def end(count: int, size: int, offset: int) -> bytes:
    """The last bytes: how many members, and the central directory's size and place."""
    return _END.pack(b"PK\x05\x06", 0, 0, count, count, size, offset, 0)


def told(data: bytes) -> tuple[int, int, int]:
    """(count, size, offset) of what may be last bytes; compare `end` of them."""
    _, _, _, count, _, size, offset, _ = _END.unpack(data)
    return count, size, offset


def listed(data: bytes) -> tuple[int, int, int, int]:
    """(crc, size, length of the name, offset) of what may be a central header; compare `central`."""
    fields = _CENTRAL.unpack(data)
    return fields[7], fields[9], fields[10], fields[16]
