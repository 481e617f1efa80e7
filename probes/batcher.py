"""When a batch closes: soon after news, else when it is full or old. Pure; time is an argument."""

from __future__ import annotations

from probes.contract import Outcome
from probes.segments import Run

NEWS_MS = 250
"""After a result whose outcome differs from its check's last one: neighbours come along."""
FULL = 1_000
AGE_MS = 10_000


class Batcher:
    """Collects runs. Instants are milliseconds of the monotonic clock."""

    def __init__(self) -> None:
        self._runs: list[Run] = []
        self._due_ms: int | None = None
        self._last: dict[str, Outcome] = {}

    def add(self, run: Run, now_ms: int) -> None:
        """A check's first run is news too."""
        wait_ms = AGE_MS if self._last.get(run.check) is run.outcome else NEWS_MS
        self._last[run.check] = run.outcome
        self._runs.append(run)
        due_ms = now_ms if len(self._runs) >= FULL else now_ms + wait_ms
        self._due_ms = due_ms if self._due_ms is None else min(self._due_ms, due_ms)

    def due_ms(self) -> int | None:
        """When the open batch closes; None while it is empty."""
        return self._due_ms

    def take(self) -> list[Run]:
        """Close: at most `FULL` runs, the oldest first. What is left is due at once."""
        taken, self._runs = self._runs[:FULL], self._runs[FULL:]
        if not self._runs:
            self._due_ms = None
        return taken
