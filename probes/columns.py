"""Columns of integers as few bytes: `B`, `H`, `I`, `Q` or the signed `b`, `h`, `i`, `q` (one, two,
four or eight bytes a number), then the lowest byte of every number, the next byte of every number
and so on. Bytes that say alike stand together, so zstd finds them.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence

UNSIGNED, SIGNED = "BHIQ", "bhiq"
_WIDTHS = {ord(code): array(code).itemsize for code in UNSIGNED + SIGNED}
FAR = 2**53
"""No number reaches it, be it positive or negative."""


class ColumnError(ValueError):
    """The bytes are no column. The text is fixed."""


def pack(numbers: Sequence[int]) -> bytes:
    """ValueError for a number that is too far."""
    low, high = min(numbers, default=0), max(numbers, default=0)
    if low <= -FAR or high >= FAR:
        raise ValueError("a number that is too far")
    for code in UNSIGNED if low >= 0 else SIGNED:
        bits = 8 * _WIDTHS[ord(code)] - (low < 0)
        if high < 1 << bits and low >= -(1 << bits):
            raw = _little(array(code, numbers)).tobytes()
            width = _WIDTHS[ord(code)]
            return code.encode() + b"".join(raw[place::width] for place in range(width))
    raise ValueError("a number that is too far")


def count(packed: bytes) -> int:
    """How many numbers, unread; ColumnError when that is not a whole number."""
    if not packed or packed[0] not in _WIDTHS:
        raise ColumnError("not a column")
    size, left = divmod(len(packed) - 1, _WIDTHS[packed[0]])
    if left:
        raise ColumnError("not a column")
    return size


def unpack(packed: bytes) -> Sequence[int]:
    """ColumnError when `pack` cannot have written it."""
    if packed[:1] == b"B":
        return packed[1:]
    size = count(packed)
    width = _WIDTHS[packed[0]]
    raw = bytearray(len(packed) - 1)
    for place in range(width):
        raw[place::width] = packed[1 + place * size : 1 + (place + 1) * size]
    numbers = array(chr(packed[0]), bytes(raw))
    _little(numbers)
    if width == _LONGEST and size and not (min(numbers) > -FAR and max(numbers) < FAR):
        raise ColumnError("not a column")
    return numbers


def is_of(packed: bytes, size: int) -> bool:
    """Is it of so many numbers, none of eight bytes? Those may be too far, and must be read."""
    return len(packed) > 0 and _SHORT.get(packed[0], -1) * size == len(packed) - 1


def _little(numbers: array[int]) -> array[int]:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


_LONGEST = 8
_SHORT = {code: width for code, width in _WIDTHS.items() if width < _LONGEST}
SIGNED_CODES = frozenset(code.encode() for code in SIGNED)
"""With which a packed column that may hold negative numbers begins."""
