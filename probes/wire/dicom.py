"""The upper layer of DICOM (PS3.8 section 9.3): bytes to PDUs and fragments. No IO, no library.

Every PDU says its length in four bytes, which may be four gigabytes: here a length is judged before
a byte of the content is kept. What a PDU says is judged in `dicom_judge.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

HEAD = 6
"""Bytes before the content: type, reserved, length (PS3.8 table 9-11 and on)."""
OUR_PDU = 16_384
"""The longest P-DATA-TF we tell the far side to send."""
MAX_PDU = 131_072
"""What is read of one all the same: there are peers that go beyond what they were told."""
CONTEXT = 1
"""The one presentation context that we ask for."""
SHORT = 4
"""Content of A-ASSOCIATE-RJ, A-RELEASE-RQ, A-RELEASE-RP and A-ABORT."""


class PduType(IntEnum):
    """PS3.8 section 9.3.1."""

    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    P_DATA = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


RELEASE_RQ = bytes((PduType.RELEASE_RQ, 0, 0, 0, 0, SHORT, 0, 0, 0, 0))
RELEASE_RP = bytes((PduType.RELEASE_RP, 0, 0, 0, 0, SHORT, 0, 0, 0, 0))
ABORT = bytes((PduType.ABORT, 0, 0, 0, 0, SHORT, 0, 0, 0, 0))
"""By the service user: we have had enough (PS3.8 section 9.3.8)."""
_FIXED = 68
"""Of an A-ASSOCIATE-AC, before its items: version and titles, none of which says anything."""
_CONTEXT_ITEM, _USER_ITEM, _LONGEST_ITEM = 0x21, 0x50, 0x51
_LEAST_PDU = 128
"""Of the far side; a smaller one has no room for a command in a sane number of pieces."""
_TYPES = frozenset(PduType)


class DicomError(Exception):
    """What came is not what it should be; carries no text of it."""


class NotDicomError(DicomError):
    """It does not begin as a PDU does: another protocol."""


class MalformedError(DicomError):
    """PDUs, and broken ones, or ones that have no place there."""


@dataclass(frozen=True, slots=True)
class Pdu:
    type: PduType
    content: bytes


@dataclass(frozen=True, slots=True)
class Pdv:
    """A fragment of a message (PS3.8 section 9.3.5.1 and annex E.2)."""

    context: int
    is_command: bool
    is_last: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """An association: `result` of our presentation context, and the longest PDU we may send."""

    result: int
    max_pdu: int


class Decoder:
    """`receive` bytes, then take `next_pdu` until it is None; how they were cut is no matter."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._read = False

    def receive(self, data: bytes) -> None:
        self._buffer += data

    def next_pdu(self) -> Pdu | None:
        """None: more bytes are needed. Raises NotDicomError of the first PDU, MalformedError."""
        buffer = self._buffer
        if buffer and buffer[0] not in _TYPES:
            raise MalformedError if self._read else NotDicomError
        if len(buffer) < HEAD:
            return None
        type_, length = PduType(buffer[0]), int.from_bytes(buffer[2:HEAD], "big")
        if not _is_possible(type_, length):
            raise MalformedError if self._read else NotDicomError
        if len(buffer) < HEAD + length:
            return None
        content = bytes(buffer[HEAD : HEAD + length])
        del buffer[: HEAD + length]
        self._read = True
        return Pdu(type_, content)


def _is_possible(type_: PduType, length: int) -> bool:
    if type_ in (PduType.ASSOCIATE_RQ, PduType.ASSOCIATE_AC, PduType.P_DATA):
        return length <= MAX_PDU
    return length == SHORT


def pdvs(content: bytes) -> Iterator[Pdv]:
    """The fragments in a P-DATA-TF. Raises MalformedError."""
    at = 0
    while at < len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        if not 2 <= length <= len(content) - at - 4:
            raise MalformedError
        flags = content[at + 5]
        yield Pdv(
            content[at + 4], bool(flags & 1), bool(flags & 2), content[at + 6 : at + 4 + length]
        )
        at += 4 + length


def accepted(content: bytes) -> Accepted:
    """What an A-ASSOCIATE-AC says of our context (PS3.8 section 9.3.3). Raises MalformedError.

    Two numbers are read. Names, versions and UIDs are the far side's own affair, and items of a type
    we do not know are passed over, as annex D.1 wants it.
    """
    items = list(_items(content[_FIXED:]))
    contexts = [item for type_, item in items if type_ == _CONTEXT_ITEM]
    if not all(len(item) >= 4 for item in contexts):
        raise MalformedError
    results = [item[2] for item in contexts if item[0] == CONTEXT]
    if len(results) != 1:
        raise MalformedError
    longest = 0
    for sub, value in (
        part for type_, item in items if type_ == _USER_ITEM for part in _items(item)
    ):
        if sub == _LONGEST_ITEM:
            longest = int.from_bytes(value, "big")
    longest = longest or OUR_PDU  # absent or 0: any length
    if longest < _LEAST_PDU:
        raise MalformedError
    return Accepted(results[0], min(longest, OUR_PDU))


def _items(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and content of each: a byte, a reserved one, two of length."""
    at = 0
    while at < len(content):
        end = at + 4 + int.from_bytes(content[at + 2 : at + 4], "big")
        if end > len(content):
            raise MalformedError
        yield content[at], content[at + 4 : end]
        at = end
