"""Stretches of time: [start, end) in UTC milliseconds, and lines of states over them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Stretch = tuple[int, int]
Line = list[tuple[int, int, str]]
"""(start, end, state), in order, none touching another of the same state."""
FAR = 1 << 60
DAY_MS = 86_400_000


def united(parts: Iterable[Stretch]) -> list[Stretch]:
    """In order, none overlapping or touching another."""
    found: list[Stretch] = []
    for start, end in sorted(parts):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def within(parts: Iterable[Stretch], start: int, end: int) -> list[Stretch]:
    """What lies in [start, end)."""
    cut = [(max(left, start), min(right, end)) for left, right in parts]
    return [(left, right) for left, right in cut if left < right]


def without(parts: Iterable[Stretch], taken: Sequence[Stretch]) -> list[Stretch]:
    """What is left of `parts` when `taken`, united, is gone. Both in order."""
    found: list[Stretch] = []
    first = 0
    for start, end in parts:
        while first < len(taken) and taken[first][1] <= start:
            first += 1
        place, rest = first, start
        while place < len(taken) and taken[place][0] < end:
            left, right = taken[place]
            if rest < left:
                found.append((rest, left))
            rest = max(rest, right)
            place += 1
        if rest < end:
            found.append((rest, end))
    return found


def line_of(spans: Iterable[tuple[int, int, str]]) -> Line:
    """Without empty stretches, equal neighbours made one."""
    found: Line = []
    for start, end, state in spans:
        if start >= end:
            continue
        if found and found[-1][2] == state and found[-1][1] == start:
            found[-1] = (found[-1][0], end, state)
        else:
            found.append((start, end, state))
    return found


def lengths(line: Line, inside: Sequence[Stretch]) -> dict[str, int]:
    """Milliseconds of each state in `inside`, which is united."""
    found = dict.fromkeys(("up", "degraded", "down", "unknown", "not_monitored"), 0)
    first = 0
    for start, end, state in line:
        while first < len(inside) and inside[first][1] <= start:
            first += 1
        place = first
        while place < len(inside) and inside[place][0] < end:
            left, right = inside[place]
            found[state] += min(end, right) - max(start, left)
            place += 1
    return found
