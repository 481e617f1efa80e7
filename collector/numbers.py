"""Availability of a period, for the API and the gauges: the fields of the replay contract.

Folding is dear, so answers are shared for a moment; each prints the `now` it knows up to.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from collector.core.availability import cut
from collector.core.document import document
from collector.core.tally import BUCKET_MS
from collector.core.truth import counted
from collector.evaluate import Evaluator
from collector.metrics import CollectorMetrics, Picture
from collector.store.incidents import WHOLE, read_incidents, read_states
from collector.store.store import Store
from probes import times
from probes.clock import NS_PER_MS, Clock

FRESH_MS = 2_000
"""For so long one answer serves all who ask for the same period."""


class Numbers:
    """One per process."""

    def __init__(self, evaluator: Evaluator, store: Store, clock: Clock, org: str) -> None:
        self._evaluator = evaluator
        self._store = store
        self._clock = clock
        self._org = org
        self._known: dict[tuple[int, int], tuple[int, dict[str, Any]]] = {}
        self._asking = asyncio.Lock()

    async def this_month(self) -> dict[str, Any]:
        """The organization's calendar month that holds the present instant."""
        start, end = month(self._clock.now_ms(), self._evaluator.config.organization.zone)
        return await self.availability(start, end)

    async def availability(self, start: int, end: int) -> dict[str, Any]:
        """`period`, `formula` and `systems` of `[start, end)`."""
        async with self._asking:
            at = self._clock.monotonic_ns() // NS_PER_MS
            self._known = {p: k for p, k in self._known.items() if at - k[0] < FRESH_MS}
            if (start, end) not in self._known:
                await self._evaluator.refold()
                await self._look_up(start, end)
                answer = await asyncio.to_thread(self._compute, start, end)
                self._known[start, end] = (at, answer)
            return self._known[start, end][1]

    async def _look_up(self, start: int, end: int) -> None:
        """Read again what a count of runs needs of long ago."""
        now, history = self._evaluator.now, self._evaluator.history
        for live in self._evaluator.folded.values():
            for source, buckets in cut(live.truth, history, start, end, now).items():
                exact = live.truth.voices[source].judged.exact
                for bucket in buckets:
                    found = await self._evaluator.evidence.between(
                        [source], bucket, bucket + BUCKET_MS
                    )
                    exact[bucket] = counted(live.truth, source, found[source])

    def _compute(self, start: int, end: int) -> dict[str, Any]:
        evaluator = self._evaluator
        truths = {name: folded.truth for name, folded in evaluator.folded.items()}
        return document(truths, evaluator.history, start, end, evaluator.now)

    async def measure(self, metrics: CollectorMetrics) -> None:
        """Show the hospital in the gauges as of now."""
        states = await self._store.read(read_states, self._org)
        is_open = await self._store.read(read_incidents, self._org, is_open=True)
        month = await self.this_month()
        places = Counter((row.incident.system, row.incident.family) for row in is_open)
        last = self._evaluator.evidence.last
        metrics.show(
            Picture(
                states={s.system: s.state for s in states if s.site == WHOLE},
                month=month["systems"],
                incidents_open=places,
                last_batch={agent: batch.received_at for agent, batch in last.items()},
            )
        )


def month(now: int, zone: ZoneInfo) -> tuple[int, int]:
    """From the first instant of the local month's first day to that of the next month's."""
    here = times.from_ms(now, zone)
    first = datetime(here.year, here.month, 1)
    following = datetime(here.year + here.month // 12, here.month % 12 + 1, 1)
    return times.to_ms(first, zone), times.to_ms(following, zone)
