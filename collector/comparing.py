"""One receiver's tickets against our incidents: whose turn it is, one comparison, and what came of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from alerts.channel import Receipt, Verdict
from alerts.outbox import DeliveryReason
from alerts.reconcile import (
    FIRST_MS,
    GOING_ON,
    MOST_MADE,
    Adoption,
    Adopts,
    Last,
    Looked,
    Mend,
    Reconciles,
    Remedy,
    next_look,
)
from collector import mends, standings
from collector.journal import SYSTEM
from collector.mends import Past
from collector.metrics import CollectorMetrics
from collector.store import pairs
from collector.store.leases import FencedError, Lease
from collector.store.pairs import Pair
from collector.store.store import Store, StoreUnavailableError
from probes.clock import Clock

log = logging.getLogger("wardwatch.reconcile")

NEVER = Past(0)
KEPT_MS = 7 * 86_400_000
"""How long after its recovery an incident may still be looked for."""
SIGHT_MS = 3_600_000
"""So long after it showed us a ticket a receiver is taken to show us all."""
LONGEST_S = 70.0
"""Of one comparison: longer than any channel's own time-out."""


class Unlooked(StrEnum):
    """Why nothing was compared or mended."""

    UNSAID = "unsaid"
    """The incident has moved on; the message that says so is on its way."""
    OVERTAKEN = "overtaken"
    """A message came between; or another process leads."""
    WAITS = "waits"
    """What was written last may not show yet."""
    FAILED = "failed"


@dataclass(slots=True)
class Entry:
    """What is remembered of a pair since its last message; losing it does no harm."""

    pair: Pair
    looked_at: int | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """`outcome`: a remedy's code or one of `Unlooked`; `result` where the receiver was asked."""

    pair: Pair
    outcome: str
    result: Looked | Receipt | None = None

    @property
    def failure(self) -> Receipt | None:
        return self.result if isinstance(self.result, Receipt) else None


class Comparing:
    """Of one receiver. `began`: what another process did before may not show for the index delay."""

    def __init__(
        self,
        store: Store,
        org: str,
        receiver: str,
        channel: Reconciles,
        clock: Clock,
        metrics: CollectorMetrics,
    ) -> None:
        self.receiver = receiver
        self._store = store
        self._org = org
        self._channel = channel
        self._clock = clock
        self._metrics = metrics
        self._began = clock.now_ms()
        self._entries: dict[str, Entry] = {}
        self._past: dict[str, Past] = {}
        self._recalled = 0
        """The last row of the journal that `_past` knows of."""
        self._seen_at: int | None = None
        """When the receiver last showed us a ticket."""
        self._lock = asyncio.Lock()

    def begin_anew(self) -> None:
        """Another process may have written meanwhile."""
        self._began = self._clock.now_ms()
        self._entries = {}

    async def pairs(self) -> Sequence[Entry]:
        """All that may have something to mend, by incident key. StoreUnavailableError passes."""
        known = {
            key: (e.pair.seq, e.pair.taken_at, e.pair.over) for key, e in self._entries.items()
        }
        since = self._clock.now_ms() - KEPT_MS
        found = await self._store.read(pairs.read, self._org, self.receiver, since, known)
        await self._recall()
        self._entries = {pair.key: self._entry(pair) for pair in found}
        return list(self._entries.values())

    async def _recall(self) -> None:
        """Any process may have written since, and this one before it started anew."""
        self._recalled, self._past = await self._store.read(
            mends.recall, self._org, self.receiver, self._recalled, self._past
        )

    def _entry(self, pair: Pair) -> Entry:
        kept = self._entries.get(pair.key)
        if kept is not None and kept.pair == pair:
            return kept
        past = self._since(pair)
        # What one mend left half done is seen to soon; who undoes several has the pause he had.
        return Entry(pair, past.at if past.mends > 1 else None)

    def _since(self, pair: Pair) -> Past:
        """What was mended since the last message."""
        past = self._past.get(pair.key, NEVER)
        return past if past.seq == pair.seq else NEVER

    async def due(self) -> Sequence[Entry]:
        """Whose turn it is, the longest due first."""
        now = self._clock.now_ms()
        found = [
            (at, entry) for entry in await self.pairs() if (at := self._at(entry, now)) is not None
        ]
        return [entry for at, entry in sorted(found, key=lambda one: one[0]) if at <= now]

    def _at(self, entry: Entry, now: int) -> int | None:
        pair, lag = entry.pair, self._channel.index_delay
        mended = self._since(pair).mends
        at = next_look(pair.taken_at, entry.looked_at, mended, now, over=pair.over, lag=lag)
        return None if at is None else max(at, self._shown_at(entry))

    def _shown_at(self, entry: Entry) -> int:
        """From when on all that was written before can be seen."""
        lag = self._channel.index_delay
        written_at = max(entry.pair.taken_at, self._began)
        past = self._past.get(entry.pair.key, NEVER)
        return max(written_at + lag, past.at + (max(FIRST_MS, lag) if past.mends else lag))

    async def compare(
        self,
        entry: Entry,
        lease: Lease | None,
        *,
        by: str = SYSTEM,
        writes: bool = True,
        limit_s: float = LONGEST_S,
    ) -> Compared:
        """Ask, and mend where `writes`; `lease` None: a person wants it. StoreUnavailableError passes."""
        async with self._lock:
            done = await self._compared(entry, lease, by, limit_s, writes=writes)
        if writes:
            self._metrics.compared.labels(self.receiver, done.outcome).inc()
        return done

    async def _compared(
        self, entry: Entry, lease: Lease | None, by: str, limit_s: float, *, writes: bool
    ) -> Compared:
        await self._recall()
        pair, now = entry.pair, self._clock.now_ms()
        past, recalled = self._since(pair), self._recalled
        if now < self._shown_at(entry):
            return Compared(pair, Unlooked.WAITS)
        stood = await self._store.read(standings.read_one, self._org, pair.key, now)
        said = await self._store.read(
            pairs.messages, self._org, self.receiver, {pair.key: pair.seq}
        )
        fresh = entry.looked_at is None and past.mends == 0
        if writes:
            entry.looked_at = now
        if stood is None or not said or (stood.standing.state in GOING_ON) == pair.over:
            return Compared(pair, Unlooked.UNSAID)
        incident = stood.row.incident
        last = Last(
            speaks=not incident.quiet and incident.attached_to is None,
            fresh=fresh,
            unseen=pair.taken_at - pair.first_at < self._channel.index_delay,
            made=past.made,
            sees=self._sees(now),
        )
        may = partial(self._may, entry, lease, by, recalled) if writes else _never
        try:
            async with asyncio.timeout(limit_s):
                result = await self._channel.reconcile(said[0], last, may)
        except StoreUnavailableError:
            raise
        except TimeoutError:
            result = Receipt(Verdict.RETRY, DeliveryReason.TIMEOUT)
        except Exception:  # noqa: BLE001 - a defect of a channel stops no other comparison
            log.error("reconcile.channel_crashed receiver=%s", self.receiver)  # noqa: TRY400 - a foreign text may hold anything
            result = Receipt(Verdict.RETRY, DeliveryReason.CRASH)
        if isinstance(result, Looked) and result.found:
            self._seen_at = now
        outcome = _outcome(result, writes=writes)
        if outcome == Remedy.MISSING:
            log.error("reconcile.missing receiver=%s", self.receiver)
        return Compared(pair, outcome, result)

    def _sees(self, now: int) -> bool:
        """False where several were made again, and an account that lost its rights would see as little."""
        if self._seen_at is not None and now - self._seen_at < SIGHT_MS:
            return True
        made = sum(self._since(entry.pair).made > 0 for entry in self._entries.values())
        return made < MOST_MADE

    async def adopt(self, key: str, ticket: str, by: str) -> Adoption | Receipt | None:
        """Have our key put on a ticket that people made; None where the receiver takes none. What we
        made beside it is resolved by the next comparison. StoreUnavailableError passes.
        """
        if not isinstance(self._channel, Adopts):
            return None
        may = partial(
            self._store.write,
            mends.begin_adoption,
            self._org,
            key,
            self.receiver,
            ticket,
            by,
            self._clock.now_ms,
        )
        async with self._lock:
            done = await self._channel.adopt(ticket, f"{self._org}.{key}.{self.receiver}", may)
        if (entry := self._entries.get(key)) is not None:
            entry.looked_at = None
        return done

    async def _may(
        self, entry: Entry, lease: Lease | None, by: str, recalled: int, mend: Mend
    ) -> bool:
        """`recalled`: what was known of the journal before the receiver was asked."""
        try:
            return await self._store.write(
                mends.begin,
                self._org,
                lease,
                self.receiver,
                entry.pair,
                mend,
                by,
                self._clock.now_ms,
                recalled,
            )
        except FencedError:
            return False


async def _never(_mend: Mend) -> bool:
    return False


def _outcome(result: Looked | Receipt, *, writes: bool) -> str:
    if isinstance(result, Receipt):
        return Unlooked.FAILED
    if writes and result.mend.writes and not result.done:
        return Unlooked.OVERTAKEN
    return result.mend.remedy
