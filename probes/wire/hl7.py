"""The little of HL7 v2 the probe reads and writes on every run: an answer in, a message out.

Total functions: any bytes give an answer. Of what the far side sent, only codes of tables 0008 and
0208, a number of table 0357, and ids (to compare) come out; all else is dropped here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from enum import StrEnum

from probes import times
from probes.wire.hl7_charsets import decode

MAX_CONTROL_ID = 20  # MSH-10 before version 2.7
AHEAD_MS = 30 * 86_400_000
LASTS_MS = 15 * 60_000
_DAY_MS, _NINE_MS = 86_400_000, 9 * 3_600_000
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_LINE_END = re.compile(r"\r\n|\n|\r")
_PLACE = re.compile(r"(\{(?:now|id|start|end)\})")

# Table 0357. A closed list: a number from outside it may be anything, an MRN too.
ERROR_CODES = frozenset({0, 100, 101, 102, 103, 104, *range(198, 208)})
# ERR-4, table 0516: what is no error
_NO_ERROR = frozenset({"W", "I"})


class AckCode(StrEnum):
    """MSA-1, table 0008."""

    AA = "AA"
    AE = "AE"
    AR = "AR"
    CA = "CA"
    CE = "CE"
    CR = "CR"


class QueryStatus(StrEnum):
    """QAK-2, table 0208."""

    OK = "OK"
    NF = "NF"
    AE = "AE"
    AR = "AR"


_ACK_CODES = frozenset(AckCode)
_QUERY_CODES = frozenset(QueryStatus)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """`control_id` and `patients` (PID-3.1) are the sender's text: compare, never keep."""

    code: AckCode
    control_id: str
    error: int | None
    query: QueryStatus | None = None
    patients: frozenset[str] = dataclass_field(default=frozenset(), repr=False)


class Place(StrEnum):
    """What is put into a message at each run."""

    NOW = "{now}"
    """UTC, to the second."""
    ID = "{id}"
    """The control id."""
    START = "{start}"
    """09:00 UTC, 30 days ahead."""
    END = "{end}"
    """A quarter of an hour later."""


@dataclass(frozen=True, slots=True)
class Template:
    """A message cut where a run differs from the next, so that filling it is one join."""

    parts: tuple[bytes | Place, ...]

    def fill(self, sent_at_ms: int, control_id: str, day_ms: int | None = None) -> bytes:
        """The message of this run. `day_ms`: the instant {start} counts from, if not `sent_at_ms`."""
        start_ms = ahead(sent_at_ms if day_ms is None else day_ms)
        here = {
            Place.NOW: _stamp(sent_at_ms),
            Place.ID: control_id.encode(),
            Place.START: _stamp(start_ms),
            Place.END: _stamp(start_ms + LASTS_MS),
        }
        return b"".join(here[part] if isinstance(part, Place) else part for part in self.parts)


def ahead(at_ms: int) -> int:
    """09:00 UTC of the day that is 30 days later."""
    return at_ms - at_ms % _DAY_MS + AHEAD_MS + _NINE_MS


def split(text: str) -> list[list[str]]:
    """Segments of fields, so that `segment[n]` is field n; MSH-1 is the separator itself.

    Empty when the text does not begin with an MSH segment. CR LF and LF end segments too.
    """
    lines = [line for line in _LINE_END.split(text.lstrip(" \r\n")) if line]
    if not lines or not lines[0].startswith("MSH") or len(lines[0]) < 4:
        return []
    separator = lines[0][3]
    segments = [line.split(separator) for line in lines]
    segments[0].insert(1, separator)
    return segments


def field(segment: Sequence[str], number: int) -> str:
    """Field `number` of a segment without outer blanks; empty when it is absent."""
    return segment[number].strip() if number < len(segment) else ""


def parse_ack(message: bytes) -> Acknowledgement | None:
    """The acknowledgement in a message, or None when it is none."""
    segments = split(decode(message))
    msa = next((s for s in segments if s[0] == "MSA"), None)
    if msa is None or field(msa, 1) not in _ACK_CODES:
        return None
    component, repetition, subcomponent = _separators(field(segments[0], 2))
    codes = _errors(segments, component, repetition, subcomponent)
    error = next(codes, None)
    if error is None:  # before 2.5: MSA-6
        error = _number(field(msa, 6).partition(component)[0])
    query = next((field(s, 2) for s in segments if s[0] == "QAK"), "")
    patients = frozenset(
        one.partition(component)[0].partition(subcomponent)[0].strip()
        for s in segments
        if s[0] == "PID"
        for one in field(s, 3).split(repetition)
    )
    return Acknowledgement(
        AckCode(field(msa, 1)),
        field(msa, 2),
        error,
        QueryStatus(query) if query in _QUERY_CODES else None,
        patients,
    )


def control_id(at_ms: int, chance: int) -> str:
    """20 characters: `WW`, 9 of the time, 9 of 45 random bits (`chance`)."""
    return "WW" + _base32(at_ms) + _base32(chance)


def cut(message: str) -> Template:
    """A template from an ASCII message that begins with MSH and has CR line ends.

    MSH-7 and MSH-10 are of the run, and whatever else is a `Place`.
    """
    head, mark, rest = message.partition("\r")
    fields = head.split(head[3])
    fields += [""] * (10 - len(fields))
    fields[6], fields[9] = Place.NOW, Place.ID
    pieces = _PLACE.split(head[3].join(fields) + mark + rest)
    places = {place.value: place for place in Place}
    return Template(tuple(places.get(piece) or piece.encode("ascii") for piece in pieces if piece))


def _separators(encoding_characters: str) -> tuple[str, str, str]:
    """Component, repetition and subcomponent separators of MSH-2; the usual ones where it is short."""
    given = encoding_characters
    return (given[:1] or "^"), (given[1:2] or "~"), (given[3:4] or "&")


def _errors(
    segments: list[list[str]], component: str, repetition: str, subcomponent: str
) -> Iterator[int]:
    """The numbers of ERR segments, those of errors before those of warnings."""
    found = [s for s in segments if s[0] == "ERR"]
    for segment in sorted(found, key=lambda s: field(s, 4) in _NO_ERROR):  # stable
        code = field(segment, 3).split(component)
        # an application's own code first, HL7's as the alternate (CWE.4)
        numbers = [_number(part) for part in (code[0], *code[3:4])]
        for one in field(segment, 1).split(repetition):  # before 2.5: ERR-1.4.1
            parts = one.split(component)
            numbers += [_number(part.partition(subcomponent)[0]) for part in parts[3:4]]
        yield from (number for number in numbers if number is not None)


def _number(text: str) -> int | None:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        return None
    number = int(text)
    return number if number in ERROR_CODES else None


def _stamp(at_ms: int) -> bytes:
    return times.from_ms(at_ms).strftime("%Y%m%d%H%M%S+0000").encode()


def _base32(value: int) -> str:
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(40, -5, -5))
