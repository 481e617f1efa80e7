"""Compares open incidents with open tickets while this process leads: one lane per receiver.

Semantics 7. What is remembered of what was looked at may be lost at any instant: then it is looked at
once more. What is mended is written down before (`mends.py`), in a transaction that only the holder of
the lease can make.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from random import Random

from alerts.channel import Channel, Receipt, Verdict
from alerts.reconcile import Reconciles, Retells
from collector.comparing import Comparing
from collector.leader import Leader
from collector.metrics import CollectorMetrics
from collector.retelling import Retelling
from collector.store.leases import Lease
from collector.store.store import Store, StoreUnavailableError
from probes.clock import Clock

log = logging.getLogger("wardwatch.reconcile")

LOOK_MS = 1_000
"""How soon a lease that is ours is seen."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Durations in milliseconds; `most`: incidents asked for in a round, which lasts a minute."""

    round: int = 60_000
    most: int = 20
    longest_rest: int = 900_000
    longest_wish: int = 3_600_000


Round = Callable[[Lease], Awaitable[Receipt | None]]
"""One round; the receipt of what kept the receiver from answering."""


class Reconciler:
    """`run` for ever; `comparing` holds a receiver of tickets by channel id."""

    def __init__(
        self,
        store: Store,
        org: str,
        channels: Mapping[str, Channel],
        leader: Leader,
        metrics: CollectorMetrics,
        *,
        clock: Clock,
        rng: Random,
        pace: Pace = Pace(),
    ) -> None:
        self._leader = leader
        self._clock = clock
        self._rng = rng
        self._pace = pace
        self.comparing = {
            name: Comparing(store, org, name, channel, clock, metrics)
            for name, channel in channels.items()
            if isinstance(channel, Reconciles)
        }
        self._retelling = {
            name: Retelling(store, org, name, channel, clock, metrics)
            for name, channel in channels.items()
            if isinstance(channel, Retells)
        }

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as lanes:
            for name, comparing in self.comparing.items():
                longest, work = self._pace.longest_rest, self._compares(comparing)
                lanes.create_task(self._lane(name, work, comparing.begin_anew, longest))
            # A peer that is away must not make the others wait: what they forget, nobody is paged for.
            longest = self._pace.round
            for name, retelling in self._retelling.items():
                lanes.create_task(self._lane(name, retelling.round, retelling.begin_anew, longest))

    async def _lane(
        self, name: str, work: Round, begin_anew: Callable[[], None], longest: int
    ) -> None:
        token, failures = None, 0
        while True:
            lease = self._leader.lease
            if lease is None:
                token = None
                await self._clock.sleep_ms(LOOK_MS)
                continue
            if lease.token != token:
                token, failures = lease.token, 0
                begin_anew()
            try:
                failure = await work(lease)
            except StoreUnavailableError:  # the store keeps its fault, and shows it
                failure = None
            failures = 0 if failure is None else failures + 1
            if failure is not None:
                log.warning("reconcile.failed receiver=%s reason=%s", name, failure.reason.value)
            await self._clock.sleep_ms(self._rest(failures, failure, longest))

    def _compares(self, comparing: Comparing) -> Round:
        async def round_(lease: Lease) -> Receipt | None:
            """Stops at the first that shows that the receiver does not answer now."""
            for entry in (await comparing.due())[: self._pace.most]:
                now = self._leader.lease
                if now is None or now.token != lease.token:
                    return None
                failure = (await comparing.compare(entry, lease)).failure
                if failure is not None and failure.verdict is Verdict.RETRY:
                    return failure
            return None

        return round_

    def _rest(self, failures: int, failure: Receipt | None, longest: int) -> int:
        """A minute; doubled with each failure; a receiver's Retry-After is a lower bound."""
        wait = min(self._pace.round << min(failures, 10), longest)
        wait += self._rng.randint(0, self._pace.round // 10)
        wish = 0 if failure is None else failure.retry_after_ms or 0
        return max(wait, min(wish, self._pace.longest_wish))
