"""Tells a receiver again of what lasts, as one must that forgets: an alert in Alertmanager."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from alerts.channel import Receipt, Verdict
from alerts.outbox import DeliveryReason, Message
from alerts.reconcile import Retells
from collector.metrics import CollectorMetrics
from collector.store import pairs
from collector.store.leases import Lease
from collector.store.pairs import Pair
from collector.store.store import Store
from probes.clock import Clock

log = logging.getLogger("wardwatch.reconcile")

ENDED_MS = 900_000
"""So long an end is told again, as Prometheus does: what was told again as lasting while the end was
on its way is over after the next round, whoever leads then.
"""
KEPT_MS = 7 * 86_400_000
"""So long it is where somebody could not be told, or nobody remembers: who was cut off still shows it."""
LONGEST_S = 70.0
"""Of fifty: longer than any channel's own time-out."""


class Retelling:
    """Of one receiver."""

    def __init__(
        self,
        store: Store,
        org: str,
        receiver: str,
        channel: Retells,
        clock: Clock,
        metrics: CollectorMetrics,
    ) -> None:
        self._store = store
        self._org = org
        self._receiver = receiver
        self._channel = channel
        self._clock = clock
        self._metrics = metrics
        self._known: dict[str, tuple[int, int, bool]] = {}
        self._whole_at: int | None = None
        """When everything was last told to everybody; None: nobody remembers."""

    def begin_anew(self) -> None:
        """Another process may have told something meanwhile, and reached not everybody."""
        self._whole_at = None

    async def round(self, _lease: Lease) -> Receipt | None:
        """StoreUnavailableError passes; else the receipt of what failed."""
        begun = self._clock.now_ms()
        told = await self._pairs()
        failure = await self._tell(told)
        # What ended while it was told again as lasting is told as it is now.
        since = [pair for pair in await self._pairs() if pair not in told]
        failure = await self._tell(since) or failure
        if failure is None:
            self._whole_at = begun
        return failure

    async def _pairs(self) -> list[Pair]:
        now = self._clock.now_ms()
        whole_at = 0 if self._whole_at is None else min(self._whole_at, now)
        since = max(whole_at - ENDED_MS, now - KEPT_MS)
        found = await self._store.read(pairs.read, self._org, self._receiver, since, self._known)
        self._known = {pair.key: (pair.seq, pair.taken_at, pair.over) for pair in found}
        return [pair for pair in found if not pair.over or pair.taken_at >= since]

    async def _tell(self, told: Sequence[Pair]) -> Receipt | None:
        if not told:
            return None
        last = {pair.key: pair.seq for pair in told}
        said = await self._store.read(pairs.messages, self._org, self._receiver, last)
        receipt = await self._retell(said)
        sent = receipt.verdict is Verdict.SENT
        outcome = "retold" if sent else "failed"
        self._metrics.compared.labels(self._receiver, outcome).inc(len(said))
        return None if sent else receipt

    async def _retell(self, said: Sequence[Message]) -> Receipt:
        try:
            async with asyncio.timeout(LONGEST_S * (1 + len(said) // 50)):
                return await self._channel.retell(said)
        except TimeoutError:
            return Receipt(Verdict.RETRY, DeliveryReason.TIMEOUT)
        except Exception:  # noqa: BLE001 - a defect of a channel stops nothing else
            log.error("reconcile.channel_crashed receiver=%s", self._receiver)  # noqa: TRY400 - a foreign text may hold anything
            return Receipt(Verdict.RETRY, DeliveryReason.CRASH)
