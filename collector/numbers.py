"""Availability of a period, for the API and the gauges: the fields of the replay contract.

Folding is dear, so answers are shared for a moment; each prints the `now` it knows up to.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from alerts import roster, training
from collector import chainstates, rulings
from collector.core import caqh, periods
from collector.core.availability import cut, terms
from collector.core.document import document
from collector.core.payer import checks, payer_report, reach
from collector.core.payer_document import payer_document
from collector.core.rollup import Rollups
from collector.core.settled import Source
from collector.core.tally import BUCKET_MS
from collector.core.truth import SystemTruth, counted
from collector.evaluate import Evaluator
from collector.evidence import Evidence
from collector.metrics import CollectorMetrics, Picture
from collector.rotas import Rotas
from collector.store.incidents import WHOLE, read_incidents, read_states
from collector.store.store import Store
from probes import times
from probes.clock import NS_PER_MS, Clock
from probes.history import History
from probes.spans import Interval

LOOKED_UP = 200
"""How many looks into five minutes long past are kept of a voice at most, before a new question."""
FRESH_MS = 2_000
"""For so long one answer serves all who ask for the same period."""


class Numbers:
    """One per process."""

    def __init__(self, evaluator: Evaluator, store: Store, clock: Clock, org: str) -> None:
        self._evaluator = evaluator
        self._store = store
        self._clock = clock
        self._org = org
        self.rotas = Rotas(evaluator, clock)
        self._known: dict[tuple[int, int] | str, tuple[int, dict[str, Any]]] = {}
        self._asking = asyncio.Lock()
        self._folding = asyncio.Lock()
        self._reporting = asyncio.Lock()
        self._folded_at: int | None = None

    async def this_month(self) -> dict[str, Any]:
        """The organization's calendar month that holds the present instant."""
        return await self.of("month")

    def span(self, period: str) -> Interval:
        """A period as `core/periods.py` reads it; ValueError says what may be written."""
        zone = self._evaluator.config.organization.zone
        return periods.period(period, self._clock.now_ms(), zone)

    async def of(self, period: str) -> dict[str, Any]:
        """The document of `span(period)`."""
        span = self.span(period)
        # The rolling one ends at another instant each time, and is one answer for a moment too.
        return await self.availability(
            span.start, span.end, key=period if period == "30d" else None
        )

    async def availability(self, start: int, end: int, *, key: str | None = None) -> dict[str, Any]:
        """The document of `[start, end)`; `key` names a period whose ends move."""
        wanted = (start, end) if key is None else key
        async with self._asking:
            at = self._clock.monotonic_ns() // NS_PER_MS
            self._known = {p: k for p, k in self._known.items() if at - k[0] < FRESH_MS}
            if wanted not in self._known:
                await self._evaluator.refold()
                # The evaluator goes on meanwhile: the answer is of what it knows at this instant.
                truths = {name: live.truth for name, live in self._evaluator.folded.items()}
                history, now = self._evaluator.history, self._evaluator.now
                evidence = self._evaluator.evidence
                await look_up(evidence, truths.values(), history, start, end, now)
                rollups: Rollups = {}
                if billing := caqh.checks(history):
                    reach = caqh.reach(history, start, end, now)
                    rollups = await self._evaluator.rollups(billing, reach)
                ruled = await self._store.read(rulings.read, self._org)
                answer = await asyncio.to_thread(
                    document, truths, history, start, end, now, rollups, ruled
                )
                self._known[wanted] = (at, answer)
            return self._known[wanted][1]

    async def payer(self, system: str, start: int, end: int) -> dict[str, Any] | None:
        """A payer's report; None of a system that was no payer's path at the period's end.

        KeyError for a system that no version has.
        """
        truth = (await self.truths())[system]
        history, now = self._evaluator.history, truth.now
        config = terms(truth, history, min(end, now) - 1)
        owed = caqh.payer_of(system, config)
        if owed is None:
            return None
        # A year's rollups take memory: one report at a time.
        async with self._reporting:
            rollups = await self._evaluator.rollups(
                checks(system, history), reach(owed, history, start, end, now)
            )
            found = await asyncio.to_thread(payer_report, truth, history, rollups, start, end, now)
        return None if found is None else payer_document(found, start, end, now)

    async def truths(self) -> Mapping[str, SystemTruth]:
        """Every system of any version, folded anew unless that was done a moment ago."""
        async with self._folding:
            at = self._clock.monotonic_ns() // NS_PER_MS
            fresh = self._folded_at is not None and at - self._folded_at < FRESH_MS
            if not fresh or not all(live.folded for live in self._evaluator.folded.values()):
                await self._evaluator.refold()
                self._folded_at = at
            return {name: live.truth for name, live in self._evaluator.folded.items()}

    async def measure(self, metrics: CollectorMetrics) -> None:
        """Show the hospital in the gauges as of now."""
        states = await self._store.read(read_states, self._org)
        is_open = await self._store.read(read_incidents, self._org, is_open=True)
        month = await self.this_month()
        places = Counter((row.incident.system, row.incident.family) for row in is_open)
        last = self._evaluator.evidence.last
        chains = await self._store.read(chainstates.read, self._org)
        now = self._clock.now_ms()
        metrics.show_staffing(roster.next_gaps(await self.rotas.gaps_ahead(now)), now)
        config = self._evaluator.config
        today = times.from_ms(now, config.organization.zone).date()
        metrics.show_training(training.lapsed(config.contacts, today))
        metrics.show(
            Picture(
                states={s.system: s.state for s in states if s.site == WHOLE},
                month=month["systems"],
                incidents_open=places,
                last_batch={agent: batch.received_at for agent, batch in last.items()},
                missing={a: sum(one.missing_count for one in some) for a, some in chains.items()},
                complete={
                    agent: some[0].complete_until
                    for agent, some in chains.items()
                    if some[0].complete_until is not None
                },
            )
        )


async def look_up(
    evidence: Evidence,
    truths: Collection[SystemTruth],
    history: History,
    start: int,
    end: int,
    now: int,
) -> None:
    """Read again what a count of runs needs of long ago."""
    wanted: dict[int, list[tuple[SystemTruth, Source]]] = {}
    for truth in truths:
        for voice in truth.voices.values():
            if len(voice.judged.exact) > LOOKED_UP:
                voice.judged.exact.clear()
        for source, buckets in cut(truth, history, start, end, now).items():
            for bucket in buckets:
                wanted.setdefault(bucket, []).append((truth, source))
    for bucket, needed in wanted.items():
        sources = {source for _, source in needed}
        found = await evidence.between(sources, bucket, bucket + BUCKET_MS)
        for truth, source in needed:
            exact = truth.voices[source].judged.exact
            exact[bucket] = counted(truth, source, found[source])
