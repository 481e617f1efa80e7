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
