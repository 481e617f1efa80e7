"""Rotas for all who ask: worked out beside the event loop, and what staffing lacks not anew each time."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from alerts import roster
from alerts.roster import Gap
from collector.core.roster_document import Rota, document
from collector.evaluate import Evaluator
from collector.staffing import AHEAD_MS
from probes.clock import Clock
from probes.history import History

LOOK_MS = 3_600_000
"""For so long gaps ahead are worked out at once, as long as nothing is recorded."""


class Rotas:
    """One per process."""

    def __init__(self, evaluator: Evaluator, clock: Clock) -> None:
        self._evaluator = evaluator
        self._clock = clock
        self._reading = asyncio.Lock()
        self._looking = asyncio.Lock()
        self._history: History | None = None
        self._looked_at = 0
        self._gaps: list[Gap] = []

    async def of(self, start: int, end: int) -> Rota:
        """By what was in force at each instant of `[start, end)`; the latest counts for what is to
        come.
        """
        await self._evaluator.catch_up()
        # A year of many schedules takes seconds: one rota at a time.
        async with self._reading:
            history, now = self._evaluator.history, self._clock.now_ms()
            return await asyncio.to_thread(document, history, start, end, now)

    async def gaps_ahead(self, now: int) -> list[Gap]:
        """What staffing lacks in the next 14 days, as far as what was recorded is read."""
        end = now + AHEAD_MS
        async with self._looking:
            history = self._evaluator.history
            looked = self._looked_at
            if history is not self._history or not looked <= now <= looked + LOOK_MS:
                self._gaps = await asyncio.to_thread(roster.gaps, history, now, end + LOOK_MS)
                self._history, self._looked_at = history, now
            return [
                replace(gap, start=max(gap.start, now), end=min(gap.end, end))
                for gap in self._gaps
                if gap.start < end and now < gap.end
            ]
