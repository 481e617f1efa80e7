"""Control numbers of 837s, and what TA1, 999 and 277CA say of them: bytes to codes and numbers.

Total: of a file's head all whole segments are read, and what is no X12 says nothing. Numbers are kept to
find what belongs together, in memory alone; no name, no claim and no patient's number is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto

from probes.wire.x12 import Segment, X12Error, element, segments

_ACCEPTED = frozenset({"A", "E"})
"""AK9-01 and IK5-01: accepted, and accepted with errors noted; P, M, R, W, X reject something."""
_REJECTS = frozenset({"A3", "A6", "A7", "A8"})
"""STC01-1 of a 277CA: returned, and rejected."""
_CLAIMS = "HC"
"""AK101 of a 999 about 837s: other groups may have the same number."""
_RECEIVER = "21"
"""HL03 of the level that speaks of a whole submission; TRN02 there is BHT03 of the 837."""


_ENDS = frozenset({"ST", "AK1", "HL", "TRN", "SE", "GE", "IEA"})
"""What ends an acknowledgement that is open."""


class Number(Enum):
    """What an acknowledgement refers to."""

    INTERCHANGE = auto()
    """ISA13, by TA101."""
    GROUP = auto()
    """GS06, by AK102."""
    SUBMISSION = auto()
    """BHT03, by TRN02 of a 277CA."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Of the first transaction set of an 837."""

    interchange: str
    group: str
    submission: str


@dataclass(frozen=True, slots=True)
class Ack:
    number: Number
    value: str
    is_rejected: bool


def numbers(data: bytes) -> Numbers | None:
    """Of the head of an 837; None: it is none, or the head is too short."""
    isa = gs = ""
    for segment in _whole(data):
        match segment[0]:
            case "ISA":
                isa = _plain(element(segment, 13))
            case "GS":
                gs = _plain(element(segment, 6))
            case "ST" if element(segment, 1) != "837":
                return None
            case "BHT":
                found = Numbers(isa, gs, element(segment, 3))
                return found if all((isa, gs, found.submission)) else None
    return None


def is_other(data: bytes) -> bool:
    """X12, and no 837: a 270, a 276, or an acknowledgement that we send."""
    name = ""
    for segment in _whole(data):
        name = segment[0]
        if name == "ST":
            return element(segment, 1) != "837"
    return name == "IEA"


def is_whole(data: bytes) -> bool:
    """X12 to the end of an interchange, and nothing behind it."""
    try:
        return [segment[0] for segment, _ in segments(data)][-1] == "IEA"
    except X12Error:
        return False


def acks(data: bytes) -> list[Ack] | None:
    """Of a file with TA1s, 999s (997s too) or 277CAs, as far as it was read; None: it is no X12. A TA1
    that accepts says nothing: a 999 follows. Nor does one whose verdict is not among what was read.
    """
    reading = _Reading()
    for segment in _whole(data):
        reading.take(segment)
    reading.end()
    return reading.found if reading.is_x12 else None


class _Reading:
    """One file while it is read: the acknowledgement that is open, and the level it stands at."""

    def __init__(self) -> None:
        self.found: list[Ack] = []
        self.is_x12 = False
        self._open: Ack | None = None
        self._is_judged = False
        self._level = ""

    def take(self, segment: Segment) -> None:
        self.is_x12 = True
        name, first = segment[0], element(segment, 1)
        if name in _ENDS:
            self.end()
        match name:
            case "TA1" if element(segment, 4) == "R":
                self._open = Ack(Number.INTERCHANGE, _plain(first), is_rejected=True)
                self._is_judged = True
                self.end()
            case "AK1" if first == _CLAIMS:
                self._open = Ack(Number.GROUP, _plain(element(segment, 2)), is_rejected=False)
            case "AK5" | "IK5" | "AK9":
                is_rejected = first not in _ACCEPTED
                is_last = name == "AK9"  # one set may be accepted, and the next one not
                self._judge(Number.GROUP, is_rejected=is_rejected, is_last=is_last)
            case "HL":
                self._level = element(segment, 3)
            case "TRN" if self._level == _RECEIVER:
                self._open = Ack(Number.SUBMISSION, element(segment, 2), is_rejected=False)
            case "STC":
                self._judge(Number.SUBMISSION, is_rejected=first[:2] in _REJECTS)

    def end(self) -> None:
        if self._open is not None and self._open.value and self._is_judged:
            self.found.append(self._open)
        self._open, self._is_judged = None, False

    def _judge(self, number: Number, *, is_rejected: bool, is_last: bool = True) -> None:
        if self._open is None or self._open.number is not number:
            return
        self._is_judged |= is_last or is_rejected
        if is_rejected:
            self._open = replace(self._open, is_rejected=True)


def _whole(data: bytes) -> Iterator[Segment]:
    """Each segment up to where the bytes end, or stop being X12."""
    try:
        for segment, _ in segments(data):
            yield segment
    except X12Error:
        return


def _plain(number: str) -> str:
    """Leading zeros are no difference in a control number."""
    is_digits = number.isascii() and number.isdigit()
    return (number.lstrip("0") or "0") if is_digits else number
