"""Columns of integers as few bytes: first the lowest byte of every number, then the next byte of
every number, and so on. Bytes that are alike stand together, so zstd finds them.

A column's code is how many bytes a number has: `0` (all are zero) to `7`, or `a` to `g` for one to
seven where some are negative (then 0, -1, 1, -2, ... are 0, 1, 2, 3, ...).
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence

UNSIGNED = "01234567"
SIGNED = "?abcdefg"
WIDTHS = {
    code: width
    for codes in (UNSIGNED, SIGNED[1:])
    for width, code in enumerate(codes, codes is not UNSIGNED)
}
WIDE = frozenset("7g")
"""Codes of columns that may hold a number that is too far, and must be looked at."""
FAR = 2**53
"""No number reaches it, be it positive or negative."""


SIGNED_CODES = frozenset(SIGNED[1:])


def pack_all(columns: Iterable[Sequence[int]]) -> tuple[str, bytes]:
    """The codes of columns, and their bytes one after the other; ValueError as `pack`."""
    packed = [pack(column) for column in columns]
    return "".join([code for code, _ in packed]), b"".join([data for _, data in packed])


def pack(numbers: Sequence[int]) -> tuple[str, bytes]:
    """(code, bytes); ValueError for a number that is too far."""
    try:
        small = bytes(numbers)
    except ValueError:
        return _pack_large(numbers)
    return ("1", small) if any(small) else ("0", b"")


def _pack_large(numbers: Sequence[int]) -> tuple[str, bytes]:
    """Where one is negative, or has more than a byte."""
    low, high = min(numbers), max(numbers)
    if low <= -FAR or high >= FAR:
        raise ValueError("a number that is too far")
    codes = UNSIGNED
    if low < 0:
        codes, numbers = SIGNED, [n << 1 if n >= 0 else ~(n << 1) for n in numbers]
        high = max(numbers)
    width = (high.bit_length() + 7) // 8
    kind, stride = _stored(width)
    raw = _little(array(kind, numbers)).tobytes()
    return codes[width], b"".join([raw[place::stride] for place in range(width)])


def unpack(data: bytes, start: int, size: int, code: str) -> Sequence[int]:
    """`size` numbers from a place in bytes that reach so far."""
    if code == "1":
        return data[start : start + size]
    width = WIDTHS[code]
    if width == 0:
        return bytes(size)
    kind, stride = _stored(width)
    raw = bytearray(size * stride)
    for place in range(width):
        raw[place::stride] = data[start + place * size : start + (place + 1) * size]
    numbers = _little(array(kind, bytes(raw)))
    if code in UNSIGNED:
        return numbers
    return [n >> 1 if not n & 1 else ~(n >> 1) for n in numbers]


def _stored(width: int) -> tuple[str, int]:
    """How `array` holds numbers of so many bytes, and in how many."""
    return ("I", 4) if width <= _INT else ("Q", 8)


def _little(numbers: array[int]) -> array[int]:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


_INT = 4
if (array("I").itemsize, array("Q").itemsize) != (4, 8):
    raise ImportError("this Python's arrays are not those of any platform Wardwatch runs on")
