"""X12 interchanges: bytes to segments, and segments to groups and transaction sets.

The delimiters stand in ISA, whose places are fixed (X12.5; 106 bytes with its terminator). Total
functions: any bytes give values or an `X12Error`, which carries a code and no text. What is read is
the sender's: compare it with closed lists, never keep it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

ISA_BYTES = 106
MAX_BYTES = 1 << 20
MAX_SEGMENTS = 20_000
_WIDTHS = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1)  # ISA01 to ISA16
_COMPONENT, _TERMINATOR = 104, 105
_MARKED = "\ufeff"
_PADDING = " \t\r\n\x00\x1a"
"""What stands around interchanges in files of all systems; Control-Z ends a text in some."""
_LINE_END = "\r\n"
_NAME = re.compile(r"[A-Z][A-Z0-9]{1,2}")


class Fault(StrEnum):
    """Why bytes are no X12 interchange."""

    NOT_X12 = "not_x12"
    """They do not begin with ISA."""
    ISA = "isa"
    """ISA is not as wide as it must be, or its delimiters cannot delimit."""
    TRUNCATED = "truncated"
    """They end before IEA, GE or SE."""
    STRUCTURE = "structure"
    """A segment of the envelope stands where it must not, or something behind the last IEA."""
    COUNT = "count"
    """SE01, GE01 or IEA01 is not the number of what there is."""
    CONTROL = "control"
    """A control number differs between the beginning and the end."""
    TOO_LONG = "too_long"


class X12Error(Exception):
    """No interchange. The text is the code alone."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


Segment = tuple[str, ...]
"""`segment[0]` is its name, `segment[n]` element n, whole with its components and repetitions."""


@dataclass(frozen=True, slots=True)
class Delimiters:
    element: str
    repetition: str | None
    """None before version 00402, where ISA11 is `U`."""
    component: str
    segment: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """ST to SE, both among `segments`."""

    segments: tuple[Segment, ...] = field(repr=False)

    @property
    def name(self) -> str:
        """ST01, such as `271`."""
        return element(self.segments[0], 1)

    @property
    def control(self) -> str:
        return element(self.segments[0], 2)


@dataclass(frozen=True, slots=True)
class Group:
    """GS to GE. `header` is GS."""

    header: Segment = field(repr=False)
    transactions: tuple[Transaction, ...]

    @property
    def function(self) -> str:
        """GS01, such as `HB`."""
        return element(self.header, 1)

    @property
    def control(self) -> str:
        return element(self.header, 6)

    @property
    def guide(self) -> str:
        """GS08, such as `005010X279A1`."""
        return element(self.header, 8)


@dataclass(frozen=True, slots=True)
class Interchange:
    """ISA to IEA. `header` is ISA; `notes` are the segments before the groups, TA1 among them."""

    header: Segment = field(repr=False)
    delimiters: Delimiters
    notes: tuple[Segment, ...] = field(repr=False)
    groups: tuple[Group, ...]

    @property
    def control(self) -> str:
        """ISA13."""
        return element(self.header, 13)

    @property
    def usage(self) -> str:
        """ISA15: `P` production, `T` test."""
        return element(self.header, 15)


def element(segment: Segment, number: int) -> str:
    """Element `number` without outer blanks; empty when it is absent."""
    return segment[number].strip() if number < len(segment) else ""


def delimiters(isa: str) -> Delimiters:
    """Of a text that begins with ISA. Raises X12Error."""
    if not isa.startswith("ISA"):
        raise X12Error(Fault.NOT_X12)
    if len(isa) < ISA_BYTES:
        raise X12Error(Fault.TRUNCATED)
    found = Delimiters(
        isa[3],
        isa[82] if not isa[82].isalnum() and isa[84:89] >= "00402" else None,
        isa[_COMPONENT],
        isa[_TERMINATOR],
    )
    given = [
        one for one in (found.element, found.repetition, found.component, found.segment) if one
    ]
    if len(set(given)) < len(given) or any(one.isalnum() or one == " " for one in given):
        raise X12Error(Fault.ISA)
    fields = isa[:_TERMINATOR].split(found.element)
    if tuple(map(len, fields[1:])) != _WIDTHS:
        raise X12Error(Fault.ISA)
    return found


def segments(data: bytes, max_bytes: int = MAX_BYTES) -> Iterator[tuple[Segment, Delimiters]]:
    """Each segment of one or more interchanges, with the delimiters of its own.

    CR and LF behind a segment, blanks and padding around interchanges are passed over. Raises
    X12Error where the bytes stop being X12, after all segments before that place. It says nothing
    of the order of segments, nor whether IEA comes: `read` does.
    """
    if len(data) > max_bytes:
        raise X12Error(Fault.TOO_LONG)
    # latin-1 takes any bytes; what is UTF-8 is compared with no list of ours.
    text = data.removeprefix(_MARKED.encode()).decode("latin-1").lstrip(_PADDING)
    at = 0
    while True:
        marks = delimiters(text[at : at + ISA_BYTES])
        name = "ISA"
        while name != "IEA":
            end = text.find(marks.segment, at)
            if end < 0:
                raise X12Error(Fault.TRUNCATED)
            one = tuple(text[at:end].lstrip(_LINE_END).split(marks.element))
            name, at = one[0], end + 1
            if not _NAME.fullmatch(name):
                raise X12Error(Fault.STRUCTURE)
            yield one, marks
        while at < len(text) and text[at] in _PADDING:
            at += 1
        if at == len(text):
            return
        if not text.startswith("ISA", at):
            raise X12Error(Fault.STRUCTURE)


def read(
    data: bytes, max_bytes: int = MAX_BYTES, max_segments: int = MAX_SEGMENTS
) -> tuple[Interchange, ...]:
    """One or more interchanges, each whole: order, counts and control numbers are right.

    Raises X12Error.
    """
    found = []
    one = _Reading()
    for count, (segment, marks) in enumerate(segments(data, max_bytes), 1):
        if count > max_segments:
            raise X12Error(Fault.TOO_LONG)
        one.take(segment)
        if segment[0] == "IEA":
            found.append(Interchange(one.isa, marks, tuple(one.notes), tuple(one.groups)))
            one = _Reading()
    return tuple(found)


class _Reading:
    """One interchange while it is read. Which segments may come next is told by what is open."""

    def __init__(self) -> None:
        self.isa: Segment = ()
        self.notes: list[Segment] = []
        self.groups: list[Group] = []
        self._gs: Segment = ()
        self._sets: list[Transaction] = []
        self._set: list[Segment] = []

    def take(self, segment: Segment) -> None:
        name = segment[0]
        if self._set:
            self._in_set(name, segment)
        elif self._gs:
            self._in_group(name, segment)
        elif not self.isa:
            self.isa = segment
        elif name == "GS":
            self._gs = segment
        elif name == "IEA":
            groups = len(self.groups)
            counts_note = not groups and len(self.notes) == 1 and element(segment, 1) == "1"
            _ends(segment, groups or int(counts_note), element(self.isa, 13))
        elif self.groups or name in _ENVELOPE:
            raise X12Error(Fault.STRUCTURE)
        else:
            self.notes.append(segment)

    def _in_group(self, name: str, segment: Segment) -> None:
        if name == "ST":
            self._set = [segment]
        elif name == "GE":
            _ends(segment, len(self._sets), element(self._gs, 6))
            self.groups.append(Group(self._gs, tuple(self._sets)))
            self._gs, self._sets = (), []
        else:
            raise _misplaced(name)

    def _in_set(self, name: str, segment: Segment) -> None:
        if name in _ENVELOPE and name != "SE":
            raise _misplaced(name)
        self._set.append(segment)
        if name == "SE":
            _ends(segment, len(self._set), element(self._set[0], 2))
            self._sets.append(Transaction(tuple(self._set)))
            self._set = []


_ENVELOPE = frozenset({"ISA", "GS", "ST", "SE", "GE", "IEA"})


def _misplaced(name: str) -> X12Error:
    """An end that comes before the end of what stands inside tells that something is missing."""
    return X12Error(Fault.TRUNCATED if name in {"GE", "IEA"} else Fault.STRUCTURE)


def _ends(segment: Segment, count: int, control: str) -> None:
    if not _same_number(element(segment, 2), control):
        raise X12Error(Fault.CONTROL)
    if not _same_number(element(segment, 1), str(count)):
        raise X12Error(Fault.COUNT)


def _same_number(one: str, other: str) -> bool:
    """Leading zeros are no difference in an element of type N0."""
    return one == other or (
        one.isascii() and one.isdigit() and other.isdigit() and one.lstrip("0") == other.lstrip("0")
    )
