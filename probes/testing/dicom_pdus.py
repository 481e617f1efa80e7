"""PDUs and messages of a simulated DICOM node, written byte by byte from PS3.7 and PS3.8.

No library: what reads them in the product is held against something else than itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

RQ, AC, RJ, DATA, RELEASE_RQ, RELEASE_RP, ABORT = 1, 2, 3, 4, 5, 6, 7
IMPLICIT = b"1.2.840.10008.1.2"
ECHO_RQ, FIND_RQ, RSP = 0x0030, 0x0020, 0x8000
NO_DATA_SET = 0x0101
VERIFICATION = "1.2.840.10008.1.1"
FINDS = frozenset(
    {"1.2.840.10008.5.1.4.31", "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.1.1"}
)


@dataclass(frozen=True, slots=True)
class Request:
    """An A-ASSOCIATE-RQ: its titles, its first presentation context and what that is for."""

    called: str
    calling: str
    context: int
    sop_class: str


@dataclass(frozen=True, slots=True)
class Command:
    field: int
    message_id: int
    sop_class: str


def pdu(type_: int, content: bytes) -> bytes:
    return struct.pack(">BBL", type_, 0, len(content)) + content


def short(type_: int, *last: int) -> bytes:
    """A-ASSOCIATE-RJ, A-RELEASE and A-ABORT: four bytes."""
    return pdu(type_, bytes((0, *last)).ljust(4, b"\0"))


def accept(asked: Request, result: int, names: bytes) -> bytes:
    """A-ASSOCIATE-AC; `names` stand where nobody is to read them: the titles and our version."""
    title = names[:16].ljust(16)
    context = bytes((asked.context, 0, result, 0)) + _item(0x40, IMPLICIT)
    user = _item(0x51, struct.pack(">L", 16_384)) + _item(0x52, b"1.2.3") + _item(0x55, title)
    items = _item(0x10, b"1.2.840.10008.3.1.1.1") + _item(0x21, context) + _item(0x50, user)
    return pdu(AC, b"\0\1\0\0" + title + title + bytes(32) + items)


def requested(content: bytes) -> Request:
    """Raises ValueError of anything else than an A-ASSOCIATE-RQ."""
    context, sop_class = 0, ""
    for type_, value in _items(content[68:]):
        if type_ == 0x20 and not context:
            context = value[0]
            sop_class = next((v.decode() for t, v in _items(value[4:]) if t == 0x30), "")
    called, calling = content[4:20].decode().strip(), content[20:36].decode().strip()
    if not context:
        raise ValueError("no presentation context")
    return Request(called, calling, context, sop_class)


def response(
    context: int, command: Command, status: int | None, comment: bytes, data_set: bytes | None
) -> bytes:
    """A C-ECHO-RSP or C-FIND-RSP, in one P-DATA-TF a part; without `status` it has none."""
    elements = [
        (0x0002, _even(command.sop_class.encode(), b"\0")),
        (0x0100, struct.pack("<H", command.field | RSP)),
        (0x0120, struct.pack("<H", command.message_id)),
        (0x0800, struct.pack("<H", NO_DATA_SET if data_set is None else 1)),
    ]
    if status is not None:
        elements.append((0x0900, struct.pack("<H", status)))
    if comment:
        elements.append((0x0902, _even(comment[:64], b" ")))
    body = b"".join(_element(0, number, value) for number, value in elements)
    body = _element(0, 0, struct.pack("<L", len(body))) + body
    sent = pdu(DATA, _pdv(context, 3, body))
    return sent if data_set is None else sent + pdu(DATA, _pdv(context, 2, data_set))


def identifier(names: bytes) -> bytes:
    """Of a match: PatientName, PatientID, birth date."""
    return (
        _element(0x10, 0x10, _even(names, b" "))
        + _element(0x10, 0x20, _even(names[:32], b" "))
        + _element(0x10, 0x30, b"19310405")
    )


def commanded(content: bytes) -> Command | None:
    """The command in a P-DATA-TF; None: it has a data set alone."""
    at = 0
    while at < len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        if content[at + 5] & 1:
            return _command(content[at + 6 : at + 4 + length])
        at += 4 + length
    return None


def has_last_data(content: bytes) -> bool:
    """The last fragment of a data set is in it."""
    at = 0
    while at < len(content):
        if content[at + 5] & 3 == 2:
            return True
        at += 4 + int.from_bytes(content[at : at + 4], "big")
    return False


def _command(body: bytes) -> Command:
    at, found = 0, dict[int, bytes]()
    while at < len(body):
        _, number, length = struct.unpack_from("<HHL", body, at)
        found[number] = body[at + 8 : at + 8 + length]
        at += 8 + length
    return Command(
        int.from_bytes(found[0x0100], "little"),
        int.from_bytes(found[0x0110], "little"),
        found[0x0002].rstrip(b"\0").decode(),
    )


def _item(type_: int, value: bytes) -> bytes:
    return struct.pack(">BBH", type_, 0, len(value)) + value


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        type_, _, length = struct.unpack_from(">BBH", data, at)
        yield type_, data[at + 4 : at + 4 + length]
        at += 4 + length


def _element(group: int, number: int, value: bytes) -> bytes:
    return struct.pack("<HHL", group, number, len(value)) + value


def _pdv(context: int, flags: int, data: bytes) -> bytes:
    return struct.pack(">LBB", len(data) + 2, context, flags) + data


def _even(value: bytes, padding: bytes) -> bytes:
    return value + padding * (len(value) % 2)
