"""The receiving end of an HL7 v2 feed: what a message is, and the acknowledgement it gets.

Bytes in, bytes out, and counts beside them; any bytes give an answer. Charsets are no matter: what
is read stands in MSH and is compared as it came. A message is forgotten once its answer is made;
the answer holds what the sender wrote of itself in MSH, as an acknowledgement must.
"""

from __future__ import annotations

import string
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from probes import times
from probes.wire.hl7 import control_id
from probes.wire.mllp import MAX_GARBAGE, Decoder, Frame, LimitError, encode

MAX_ECHO = 227
"""Longest MSH-3 to MSH-6 (HD of 2.7: 20, 199 and 6 characters, two separators) that is sent back."""
_EVER = 1 << 62
"""A connection lasts for months: garbage is bounded between two frames, not over all its time."""
MAX_ID = 199
"""Longest MSH-10, from version 2.7 on."""


class MessageType(StrEnum):
    """MSH-9.1, as far as it is told apart."""

    ADT = "adt"
    DFT = "dft"
    MDM = "mdm"
    OML = "oml"
    ORM = "orm"
    ORU = "oru"
    RDE = "rde"
    SIU = "siu"
    VXU = "vxu"
    OTHER = "other"


_TYPES = {one.value.upper().encode(): one for one in MessageType if one is not MessageType.OTHER}
_ALWAYS, _ON_ERROR, _ON_SUCCESS, _NEVER = b"AL", b"ER", b"SU", b"NE"  # table 0155
_NO_SEPARATOR = frozenset(b"\r\n\t \x00" + string.ascii_letters.encode() + string.digits.encode())


@dataclass(frozen=True, slots=True)
class Taken:
    """`type` None: no message of a feed. `answer` None: the sender asked for none."""

    type: MessageType | None
    answer: bytes | None


def take(message: bytes, now_ms: int, number: int) -> Taken:
    """What one message is and is answered; `number` tells this answer from others of the instant."""
    head = _head(message)
    if head is None:
        return Taken(None, _answer([], b"AR", now_ms, number))
    what, identity = _field(head, 9), _field(head, 10)
    code, _, _ = what.partition(_component(head))
    if code in (b"ACK", b"MCF"):  # whoever answers an answer never comes to an end
        return Taken(None, None)
    good = bool(code) and 0 < len(identity) <= MAX_ID
    said = _code(head, good=good)
    found = _TYPES.get(code, MessageType.OTHER) if good else None
    return Taken(found, None if said is None else _answer(head, said, now_ms, number))


def _head(message: bytes) -> list[bytes] | None:
    """MSH-1 and MSH-2 first, so that MSH-n is number n - 1; None when it does not begin with MSH."""
    start = message.removeprefix(b"\xef\xbb\xbf").lstrip(b" \r\n")
    if start[:3] != b"MSH" or len(start) < 8 or start[3] in _NO_SEPARATOR:
        return None
    line = start.partition(b"\r")[0].partition(b"\n")[0]
    return [line[3:4], *line[4:].split(line[3:4])]


def _field(head: list[bytes], number: int) -> bytes:
    return head[number - 1].strip() if number <= len(head) else b""


def _component(head: list[bytes]) -> bytes:
    return _field(head, 2)[:1] or b"^"


def _code(head: list[bytes], *, good: bool) -> bytes | None:
    """MSA-1, or None where none is wanted: the accept acknowledgement where the sender asks for
    one, else the application's (HL7 v2 2.9.2). One message gets one answer at most.
    """
    accept, application = _field(head, 15), _field(head, 16)
    wanted = (_ALWAYS, _ON_SUCCESS) if good else (_ALWAYS, _ON_ERROR)
    if not accept and not application:
        return b"AA" if good else b"AR"
    if accept in wanted:
        return b"CA" if good else b"CR"
    if application in wanted:
        return b"AA" if good else b"AR"
    known = (_ALWAYS, _ON_ERROR, _ON_SUCCESS, _NEVER, b"")
    return None if accept in known and application in known else b"AA" if good else b"AR"


def _answer(head: list[bytes], code: bytes, now_ms: int, number: int) -> bytes:
    sep = head[0] if head else b"|"
    encoding = (_field(head, 2)[:5] if head else b"") or b"^~\\&"
    echo = [_short(_field(head, n)) if head else b"" for n in (5, 6, 3, 4)]
    event = _field(head, 9).split(_component(head))[1:2] if head else []
    kind = b"ACK" + b"".join(_component(head) + part for part in event if 0 < len(part) <= 3)
    ours = control_id(now_ms, number).encode()
    stamp = times.from_ms(now_ms).strftime("%Y%m%d%H%M%S+0000").encode()
    processing = _short(_field(head, 11)) if head else b""
    version = _short(_field(head, 12)) if head else b""
    identity = _field(head, 10) if head else b""
    msh = [b"MSH" + sep + encoding, *echo, stamp, b"", kind, ours]
    msh += [processing or b"P", version or b"2.3"]
    msa = [b"MSA", code, identity if len(identity) <= MAX_ID else b""]
    return sep.join(msh) + b"\r" + sep.join(msa) + b"\r"


def _short(value: bytes) -> bytes:
    return value if len(value) <= MAX_ECHO else b""


@dataclass(slots=True)
class Tally:
    """What came so far on all connections of a listener; instants are monotonic nanoseconds."""

    counts: Counter[MessageType] = field(default_factory=Counter)
    newest_ns: dict[MessageType, int] = field(default_factory=dict)
    rejected: int = 0
    """Frames that were no message of a feed, were too long or not finished in time."""
    number: int = 0


class Conversation:
    """One connection: `receive` gives what is to be sent back. Raises mllp.LimitError."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._decoder = Decoder(max_garbage=_EVER)
        self._garbage = 0
        self.unfinished = False
        """The last bytes were the beginning of a frame."""

    def receive(self, data: bytes, now_ms: int, now_ns: int) -> bytes:
        answers: list[bytes] = []
        self._decoder.receive(data)
        while (event := self._decoder.next_event()) is not None:
            if isinstance(event, Frame):
                self._garbage = 0
                answers.append(self._taken(event.message, now_ms, now_ns))
            else:
                self._garbage += event.count
                if self._garbage > MAX_GARBAGE:
                    raise LimitError
        self.unfinished = self._decoder.in_frame
        return b"".join(answers)

    def _taken(self, message: bytes, now_ms: int, now_ns: int) -> bytes:
        tally = self._tally
        tally.number += 1
        found = take(message, now_ms, tally.number)
        if found.type is None:
            tally.rejected += 1
        else:
            tally.counts[found.type] += 1
            tally.newest_ns[found.type] = now_ns
        return b"" if found.answer is None else encode(found.answer)
