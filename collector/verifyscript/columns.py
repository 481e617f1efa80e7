"""Results as an agent packed them: a segment holds the runs of one system, column by column.

A segment is a map in MessagePack. Its numbers stand in one string, column after column, of each first
the lowest byte of every number, then the next byte of every number, and so on. A letter for each
column says how many bytes a number has: `0` (all are zero) to `7`, or `a` to `g` for 1 to 7 where
some are negative: then 0, -1, 1, -2, ... are written as 0, 1, 2, 3, ... An older form, which is read
too, has an array of numbers for each column.
"""

from __future__ import annotations

import re
import struct
from typing import Any, NamedTuple

from collector.verifyscript.failing import Failure

OUTCOMES = ("up", "degraded", "down", "misconfigured", "unknown")
_FAR = 1 << 53
_ROWS = 10_000
_CHECK = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_CODE = re.compile(r"[a-z0-9_.]{1,64}")
_FIXED = 6
"""Columns that every segment has: check, instant, slot, outcome, reason, duration."""


class Segment(NamedTuple):
    """A row for each run. `at` is the attempt's start and `slot` when it was due, in UTC ms by the
    agent's clock; `duration` in microseconds.
    """

    check: list[str]
    at: list[int]
    slot: list[int]
    outcome: list[str]
    reason: list[str]
    duration: list[int]


class _Packed:
    """MessagePack: maps with text as keys, arrays, text, bytes, whole numbers, nil, true, false."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        start = self.at
        self.at += size
        if size > len(self.data) - start:
            raise ValueError("cut short")
        return self.data[start : self.at]

    def number(self, form: str) -> int:
        (value,) = struct.unpack(">" + form, self.take(struct.calcsize(form)))
        return int(value)

    def value(self, depth: int = 0) -> Any:
        first = self.number("B")
        if depth > 16:
            raise ValueError("too deep")
        if first < 0x80 or first >= 0xE0:
            return first if first < 0x80 else first - 256
        if first < 0xA0:
            return (self.map if first < 0x90 else self.array)(first & 15, depth)
        if first < 0xC0:
            return self.take(first & 31).decode()
        return self.long(first, depth)

    def long(self, first: int, depth: int) -> Any:
        """What says its length, or how many bytes its number has."""
        if first in _WORDS:
            return _WORDS[first]
        if first in _NUMBERS:
            return self.number(_NUMBERS[first])
        if first not in _LENGTHS:
            raise ValueError("a fraction, or something else that no segment has")
        kind, form = _LENGTHS[first]
        size = self.number(form)
        if kind in ("array", "map"):
            return (self.map if kind == "map" else self.array)(size, depth)
        return self.take(size) if kind == "bytes" else self.take(size).decode()

    def array(self, size: int, depth: int) -> list[Any]:
        return [self.value(depth + 1) for _ in range(size)]

    def map(self, size: int, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _ in range(size):
            name = self.value(depth + 1)
            if not isinstance(name, str) or name in found:
                raise ValueError("a name twice, or none")
            found[name] = self.value(depth + 1)
        return found


_WORDS = {0xC0: None, 0xC2: False, 0xC3: True}
_NUMBERS = {0xCC: "B", 0xCD: "H", 0xCE: "I", 0xCF: "Q", 0xD0: "b", 0xD1: "h", 0xD2: "i", 0xD3: "q"}
_LENGTHS = {
    0xC4: ("bytes", "B"),
    0xC5: ("bytes", "H"),
    0xC6: ("bytes", "I"),
    0xD9: ("text", "B"),
    0xDA: ("text", "H"),
    0xDB: ("text", "I"),
    0xDC: ("array", "H"),
    0xDD: ("array", "I"),
    0xDE: ("map", "H"),
    0xDF: ("map", "I"),
}


def msgpack_in(data: bytes) -> Any:
    """The one value in these bytes; ValueError."""
    packed = _Packed(data)
    value = packed.value()
    if packed.at != len(data):
        raise ValueError("something behind the end")
    return value


def segment_in(data: bytes, where: str) -> Segment:
    """Failure `segment.malformed` when the columns do not fit together."""
    try:
        found = msgpack_in(data)
        columns = _arrays(found) if "check" in found else _dense(found)
        return _segment(found, columns)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        raise Failure("segment.malformed", where) from None


def _segment(found: dict[str, Any], columns: list[list[int]]) -> Segment:
    check, at, slot, outcome, reason, duration = columns
    short = "check" not in found
    checks = _names(found["c" if short else "checks"], _CHECK)
    outcomes = _names(found["o" if short else "outcomes"], _CODE)
    reasons = _names(found["r" if short else "reasons"], _CODE)
    indexes = (*check, *outcome, *reason, *duration)
    if indexes and min(indexes) < 0:
        raise ValueError("a negative place or duration")
    if not set(outcomes) <= set(OUTCOMES):
        raise ValueError("an outcome that is none")
    if not all(0 <= t < _FAR and 0 <= t - early < _FAR for t, early in zip(at, slot)):
        raise ValueError("an instant that is none")
    return Segment(
        [checks[n] for n in check],
        at,
        [t - early for t, early in zip(at, slot)],
        [outcomes[n] for n in outcome],
        [reasons[n] for n in reason],
        duration,
    )


def _arrays(found: dict[str, Any]) -> list[list[int]]:
    base = found["base"]
    columns = [found[n] for n in ("check", "at", "slot", "outcome", "reason", "duration_us")]
    if not all(type(n) is int and -_FAR < n < _FAR for column in columns for n in (base, *column)):
        raise ValueError("numbers")
    if len({len(column) for column in columns}) != 1 or len(columns[0]) > _ROWS:
        raise ValueError("columns of different lengths")
    columns[1] = [base + n for n in columns[1]]
    return columns


def _dense(found: dict[str, Any]) -> list[list[int]]:
    size, base, codes, data = found["n"], found["b"], found["k"], found["d"]
    if type(size) is not int or not 0 <= size <= _ROWS or not 0 <= base < _FAR:
        raise ValueError("size")
    widths = [_width(code) for code in codes]
    if len(codes) != _FIXED + len(found["p"]) + len(found["f"]) or len(data) != size * sum(widths):
        raise ValueError("columns that are not there")
    columns: list[list[int]] = []
    start = 0
    for code, width in zip(codes[:_FIXED], widths):  # phases and facts count for no number
        columns.append(_column(data[start : start + width * size], size, width, code))
        start += width * size
    instants: list[int] = []
    for gap in columns[1]:
        base += gap
        instants.append(base)
    return [columns[0], instants, *columns[2:]]


def _width(code: str) -> int:
    place = "01234567".find(code)
    return place if place >= 0 else "abcdefg".index(code) + 1


def _column(data: bytes, size: int, width: int, code: str) -> list[int]:
    numbers = [0] * size
    for place in range(width):
        stripe = data[place * size : (place + 1) * size]
        numbers = [n | byte << 8 * place for n, byte in zip(numbers, stripe)]
    if code in "abcdefg":
        numbers = [~(n >> 1) if n & 1 else n >> 1 for n in numbers]
    if not all(-_FAR < n < _FAR for n in numbers):
        raise ValueError("a number that is too far")
    return numbers


def _names(names: Any, form: re.Pattern[str]) -> list[str]:
    if not isinstance(names, list) or not all(form.fullmatch(name) for name in names):
        raise ValueError("names")
    return names
