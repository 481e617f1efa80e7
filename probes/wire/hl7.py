"""The little of HL7 v2 the probe reads and writes on every run: an ACK in, MSH-7 and MSH-10 out.

Total functions: any bytes give an answer. Of what the far side sent, only a code of table 0008,
a number of table 0357 and the control id (to compare) come out; all else is dropped here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from probes import times

MAX_CONTROL_ID = 20  # MSH-10 before version 2.7
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_LINE_END = re.compile(r"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"

# Table 0357. A closed list: a number from outside it may be anything, an MRN too.
ERROR_CODES = frozenset({0, 100, 101, 102, 103, 104, *range(198, 208)})

# MSH-18, table 0211, to Python codecs. What is not here is read as latin-1, which cannot fail.
_CODECS = {
    "ASCII": "ascii",
    "BIG-5": "big5",
    "GB 18030-2000": "gb18030",
    "ISO IR87": "iso2022_jp",
    "KS X 1001": "euc_kr",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    **{f"8859/{part}": f"iso8859_{part}" for part in (*range(1, 10), 15)},
}


class AckCode(StrEnum):
    """MSA-1, table 0008."""

    AA = "AA"
    AE = "AE"
    AR = "AR"
    CA = "CA"
    CE = "CE"
    CR = "CR"


_ACK_CODES = frozenset(AckCode)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """`control_id` is the sender's text: compare it, never keep it."""

    code: AckCode
    control_id: str
    error: int | None


@dataclass(frozen=True, slots=True)
class Template:
    """A message cut at MSH-7 and MSH-10, so that filling it is one join."""

    before_time: bytes
    between: bytes
    after_id: bytes

    def fill(self, sent_at_ms: int, control_id: str) -> bytes:
        """The message with MSH-7 (UTC, to the second) and MSH-10 of this run."""
        stamp = times.from_ms(sent_at_ms).strftime("%Y%m%d%H%M%S+0000")
        return b"".join(
            (self.before_time, stamp.encode(), self.between, control_id.encode(), self.after_id)
        )


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
    segments = split(_decode(message))
    msa = next((s for s in segments if s[0] == "MSA"), None)
    if msa is None or field(msa, 1) not in _ACK_CODES:
        return None
    component, subcomponent = _separators(field(segments[0], 2))
    error: int | None = None
    for segment in segments:
        if segment[0] == "ERR" and error is None:
            error = _number(field(segment, 3).partition(component)[0])
            if error is None:  # before 2.5: ERR-1.4.1
                error = _before_25(field(segment, 1), component, subcomponent)
    if error is None:  # before 2.5: MSA-6
        error = _number(field(msa, 6).partition(component)[0])
    return Acknowledgement(AckCode(field(msa, 1)), field(msa, 2), error)


def control_id(at_ms: int, chance: int) -> str:
    """20 characters: `WW`, 9 of the time, 9 of 45 random bits (`chance`)."""
    return "WW" + _base32(at_ms) + _base32(chance)


def cut(message: str) -> Template:
    """A template from an ASCII message that begins with MSH and has CR line ends."""
    head, mark, rest = message.partition("\r")
    parts = head.split(head[3])
    parts += [""] * (10 - len(parts))
    join = head[3].join
    return Template(
        before_time=(join(parts[:6]) + head[3]).encode("ascii"),
        between=(head[3] + join(parts[7:9]) + head[3]).encode("ascii"),
        after_id=("".join(head[3] + part for part in parts[10:]) + mark + rest).encode("ascii"),
    )


def _decode(message: bytes) -> str:
    message = message.removeprefix(_BOM)
    text = message.decode("latin-1")
    segments = split(text)
    repetition = field(segments[0], 2)[1:2] if segments else ""
    named = field(segments[0], 18) if segments else ""
    codec = _CODECS.get((named.partition(repetition)[0] if repetition else named).upper())
    if codec is None:
        return text
    try:
        return message.decode(codec)
    except UnicodeError:
        return text


def _separators(encoding_characters: str) -> tuple[str, str]:
    """Component and subcomponent separators of MSH-2; the usual ones where it is short."""
    return (encoding_characters[:1] or "^"), (encoding_characters[3:4] or "&")


def _before_25(err_1: str, component: str, subcomponent: str) -> int | None:
    parts = err_1.split(component)
    return _number(parts[3].partition(subcomponent)[0]) if len(parts) > 3 else None


def _number(text: str) -> int | None:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        return None
    number = int(text)
    return number if number in ERROR_CODES else None


def _base32(value: int) -> str:
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(40, -5, -5))
