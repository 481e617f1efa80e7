"""Runs as a table, and as an exit code. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from probes.contract import Outcome
from probes.segments import Run

EXIT = {
    Outcome.UP: 0,
    Outcome.DOWN: 1,
    Outcome.DEGRADED: 3,
    Outcome.MISCONFIGURED: 4,
    Outcome.UNKNOWN: 5,
}
_WORST = (
    Outcome.DOWN,
    Outcome.MISCONFIGURED,
    Outcome.UNKNOWN,
    Outcome.DEGRADED,
    Outcome.UP,
)
"""As semantics 2.1 has it."""
COLUMNS = ("CHECK", "SYSTEM", "OUTCOME", "REASON", "TIME")


def worst(runs: Sequence[Run]) -> int:
    """The exit code of the worst outcome; 0 without any run."""
    seen = {run.outcome for run in runs}
    return next((EXIT[outcome] for outcome in _WORST if outcome in seen), 0)


def table(runs: Sequence[Run]) -> list[str]:
    """The worst first, then by check; columns under each other."""
    ordered = sorted(runs, key=lambda run: (_WORST.index(run.outcome), run.check))
    rows = [COLUMNS] + [
        (run.check, run.system, run.outcome.value, run.reason, milliseconds(run.duration_us))
        for run in ordered
    ]
    widths = [max(len(row[n]) for row in rows) for n in range(len(COLUMNS))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def milliseconds(us: int) -> str:
    return f"{us // 1000}.{us % 1000 // 100} ms"
