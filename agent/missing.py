"""Missed slots, gathered for a moment, so that those of one system stand together. Pure.

They say nothing of a target, so nobody waits for them; an agent that is asked for more than it can
do has more of them than results. Each like a result would cost it what is left for results.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from probes.batcher import FULL
from probes.reasons import Reason
from probes.segments import Run

AGE_MS = 2_000
"""A kill costs those of so long at most: it costs the attempts under way, too."""
_MISSED = Reason.AGENT_MISSED_SLOT.value
MOST = 10_000
"""Beyond it they close at once."""


def parted(ended: Iterable[Run]) -> tuple[list[Run], list[Run]]:
    """What was attempted, and missed slots, each in the order given."""
    runs: list[Run] = []
    missed: list[Run] = []
    for run in ended:
        (missed if run.reason == _MISSED else runs).append(run)
    return runs, missed


class Missing:
    """Instants are milliseconds of the monotonic clock."""

    def __init__(self) -> None:
        self._by_system: defaultdict[str, list[Run]] = defaultdict(list)
        self._count = 0
        self._due_ms: int | None = None

    def add(self, missed: Sequence[Run], now_ms: int) -> None:
        for run in missed:
            self._by_system[run.system].append(run)
        self._count += len(missed)
        if self._count >= MOST:
            self._due_ms = now_ms
        elif self._count and self._due_ms is None:
            self._due_ms = now_ms + AGE_MS

    def due_ms(self) -> int | None:
        """When they close; None while there are none."""
        return self._due_ms

    def take(self) -> list[list[Run]]:
        """All of them, at most `FULL` for each batch, system by system."""
        missed = [run for system in self._by_system.values() for run in system]
        self._by_system.clear()
        self._count, self._due_ms = 0, None
        return [missed[first : first + FULL] for first in range(0, len(missed), FULL)]
