"""Sets of whole numbers as sorted ranges, both ends included. Pure."""

from __future__ import annotations

import bisect
from collections.abc import Iterable

Ranges = list[tuple[int, int]]


def united(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Sorted, apart from each other by more than one."""
    found: Ranges = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        elif first <= last:
            found.append((first, last))
    return found


def holds(ranges: Ranges, first: int, last: int) -> bool:
    """Is all of `first..last` inside united ranges?"""
    at = bisect.bisect_right(ranges, (first, 1 << 63)) - 1
    return at >= 0 and ranges[at][0] <= first and last <= ranges[at][1]


def of_numbers(numbers: Iterable[int]) -> Ranges:
    return united((number, number) for number in numbers)


def from_on(ranges: Ranges, least: int) -> Ranges:
    """What of it is `least` or more."""
    return [(max(first, least), last) for first, last in ranges if last >= least]
