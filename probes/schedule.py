"""When each check is due: pure, and the same after every restart.

The slots of a check are `k * every + offset` on the wall clock. The offset is a hash of agent and
check, so checks and agents spread over the interval and nobody hits a target in step.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Mapping
from operator import attrgetter
from typing import NamedTuple

from probes.contract import Slot

MISSED_LIMIT = 1000
"""Missed slots named per check and look; of a longer hole only the newest, the rest is silence."""


class Look(NamedTuple):
    """`due` are to be attempted now, at most one per check; `missed` are past. By instant."""

    due: tuple[Slot, ...]
    missed: tuple[Slot, ...]


def offset_ms(agent: str, check: str, every_ms: int) -> int:
    """In [0, every_ms), by SHA-256: no process or platform hashes otherwise."""
    digest = hashlib.sha256(f"{agent}/{check}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % every_ms


def first_slot_ms(offset: int, every_ms: int, from_ms: int) -> int:
    """The first slot at or after `from_ms`."""
    return from_ms + (offset - from_ms) % every_ms


class Schedule:
    """Every slot after the start comes out of `take` exactly once, due or missed."""

    def __init__(self, agent: str, every_ms: Mapping[str, int], from_ms: int) -> None:
        """`every_ms` by check; slots from `from_ms` on count."""
        self._agent = agent
        self._every = dict(every_ms)
        self._next: list[tuple[int, str]] = []
        self.restart(from_ms)

    def restart(self, from_ms: int) -> None:
        """Count from `from_ms` on, whatever was handed out: the wall clock was set."""
        self._next = [
            (first_slot_ms(offset_ms(self._agent, check, every), every, from_ms), check)
            for check, every in self._every.items()
        ]
        heapq.heapify(self._next)

    def change(self, every_ms: Mapping[str, int], now_ms: int) -> None:
        """After `take(now_ms)`: checks that keep their interval keep their slots; others begin
        with their first slot after `now_ms`.
        """
        kept = [
            (at, check) for at, check in self._next if every_ms.get(check) == self._every[check]
        ]
        known = {check for _, check in kept}
        self._every = dict(every_ms)
        self._next = kept + [
            (first_slot_ms(offset_ms(self._agent, check, every), every, now_ms + 1), check)
            for check, every in self._every.items()
            if check not in known
        ]
        heapq.heapify(self._next)

    def next_ms(self) -> int | None:
        """The next slot of any check; None without checks."""
        return self._next[0][0] if self._next else None

    def take(self, now_ms: int) -> Look:
        """What came due up to and at `now_ms`: of each check the newest slot, the others missed."""
        due: list[Slot] = []
        missed: list[Slot] = []
        waiting = self._next
        while waiting and waiting[0][0] <= now_ms:
            first, check = waiting[0]
            every = self._every[check]
            newest = first + (now_ms - first) // every * every
            heapq.heapreplace(waiting, (newest + every, check))
            due.append(Slot(check, newest))
            if newest > first:
                oldest = max(first, newest - MISSED_LIMIT * every)
                missed.extend(Slot(check, at) for at in range(oldest, newest, every))
        if missed:  # else they came in order
            due.sort(key=_BY_INSTANT)
            missed.sort(key=_BY_INSTANT)
        return Look(tuple(due), tuple(missed))


_BY_INSTANT = attrgetter("at_ms", "check")
