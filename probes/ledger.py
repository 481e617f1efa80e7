"""Runs that cost money, counted by check and UTC day before they are begun.

What was counted is never given back: a run that was counted and came to nothing has spent all the
same, so whatever happens to the process, no more is asked than was agreed.
"""

from __future__ import annotations

from typing import Protocol

from probes import times
from probes.reasons import Reason

DAY_MS = 86_400_000
DAYS_KEPT = 8
"""Of each check. Today's count outlives a wall clock that jumps and returns."""

Days = dict[str, int]
"""Runs by UTC day, `2026-01-05`."""


class Ledger(Protocol):
    """One of an agent, in the `Env` of each of its checks."""

    async def spend(self, check: str, per_day: int) -> Reason | None:
        """Count one more run of today. None: it may begin; else why it may not."""
        ...


class NoLedger:
    """Where nothing can be counted, nothing is spent."""

    async def spend(self, check: str, per_day: int) -> Reason | None:  # noqa: ARG002 - a protocol
        return Reason.AGENT_UNCOUNTED


def day_of(now_ms: int) -> str:
    return times.from_ms(now_ms).date().isoformat()


def counted(days: Days, today: str, per_day: int) -> Days | None:
    """The days with one more run of today, the newest and today's alone; None: the cap is reached."""
    spent = days.get(today, 0)
    if spent >= per_day:
        return None
    others = sorted((day for day in days if day != today), reverse=True)[: DAYS_KEPT - 1]
    return {**{day: days[day] for day in others}, today: spent + 1}


def runs_a_day(every_ms: int) -> int:
    """Slots of one agent in a day at most."""
    return -(-DAY_MS // every_ms)


def share(per_day: int, agents: int) -> int:
    """What one of so many agents may spend: they do not know of each other."""
    return per_day // agents
