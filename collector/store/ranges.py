"""Sets of sequence numbers as inclusive ranges `((first, last), ...)`: sorted, none touching."""

from __future__ import annotations

import json
from bisect import bisect_right

Ranges = tuple[tuple[int, int], ...]


def contains(ranges: Ranges, number: int) -> bool:
    position = bisect_right(ranges, (number, float("inf"))) - 1
    return position >= 0 and number <= ranges[position][1]


def union(left: Ranges, right: Ranges) -> Ranges:
    """Numbers in either."""
    out: list[tuple[int, int]] = []
    for first, last in sorted((*left, *right)):
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], last))
        else:
            out.append((first, last))
    return tuple(out)


def add(ranges: Ranges, number: int) -> Ranges:
    if ranges and number == ranges[-1][1] + 1:
        return (*ranges[:-1], (ranges[-1][0], number))
    return union(ranges, ((number, number),))


def missing(have: Ranges, want: Ranges) -> Ranges:
    """Numbers in `want` and not in `have`."""
    out: list[tuple[int, int]] = []
    for first, last in want:
        start = first
        for low, high in have:
            if high < start:
                continue
            if low > last:
                break
            if low > start:
                out.append((start, low - 1))
            start = max(start, high + 1)
        if start <= last:
            out.append((start, last))
    return tuple(out)


def dump(ranges: Ranges) -> str:
    return json.dumps(ranges, separators=(",", ":"))


def load(text: str) -> Ranges:
    return tuple((int(first), int(last)) for first, last in json.loads(text))
