"""A collector's comparison of incidents with tickets, driven by hand: incidents, messages and the clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from alerts.channel import Channel
from alerts.events import Incident
from alerts.outbox import DeliveryReason, Message, MessageState
from collector import journal, mends
from collector.leader import Leader
from collector.metrics import CollectorMetrics
from collector.reconciler import Pace, Reconciler
from collector.store import incidents, outbox
from collector.store.incidents import Recorded, Status
from collector.store.store import Store
from probes.clock import ManualClock
from tests.support import ticket_messages as messages
from tests.support.outages import an_outage

ORG = "st-elsewhere"
MINUTE = 60_000
A_MINUTE = Pace()


@dataclass
class Collector:
    """One process."""

    store: Store
    clock: LaneClock
    leader: Leader
    metrics: CollectorMetrics
    reconciler: Reconciler

    def outcomes(self, receiver: str = "desk") -> dict[str, int]:
        """How often which came of a comparison."""
        samples = next(iter(self.metrics.compared.collect())).samples
        return {
            one.labels["outcome"]: int(one.value)
            for one in samples
            if one.name.endswith("_total") and one.labels["receiver"] == receiver
        }


@asynccontextmanager
async def a_collector(
    store: Store,
    channels: Mapping[str, Channel],
    clock: LaneClock,
    *,
    name: str = "one",
    pace: Pace = A_MINUTE,
    leads: bool = True,
) -> AsyncIterator[Collector]:
    """Running until the block ends."""
    leader, metrics = Leader(store, clock, ORG, name), CollectorMetrics()
    reconciler = Reconciler(
        store, ORG, channels, leader, metrics, clock=clock, rng=Random(1), pace=pace
    )
    made = Collector(store, clock, leader, metrics, reconciler)
    if leads:
        assert await leader.leads()
    running = asyncio.create_task(reconciler.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class LaneClock(ManualClock):
    """Knows how many wait for it."""

    def __init__(self, now_ms: int = messages.NOW) -> None:
        super().__init__(now_ms)
        self.waiting = 0

    async def sleep_ms(self, duration_ms: int) -> None:
        self.waiting += 1
        try:
            await super().sleep_ms(duration_ms)
        finally:
            self.waiting -= 1

    async def pass_by(self, minutes: int, *, lanes: int = 1, stuck: Sequence[object] = ()) -> None:
        """A minute at a time; in between all lanes come to wait for the next one, but for those that
        got stuck, of which each leaves an entry.
        """
        for _ in range(minutes):
            await self.at_rest(lanes, stuck)
            await self.advance(MINUTE)
        await self.at_rest(lanes, stuck)

    async def at_rest(self, lanes: int = 1, stuck: Sequence[object] = ()) -> None:
        async with asyncio.timeout(20):
            while self.waiting < lanes - len(stuck):
                await asyncio.sleep(0.001)


async def open_incident(store: Store, key: str = messages.KEY, **changes: Any) -> Incident:
    incident = replace(an_outage(messages.NOW, key=key), **changes)
    row = Recorded(1, incident, "open", messages.NOW, None)
    await store.write(incidents.write_incidents, ORG, [row])
    return incident


async def open_incidents(store: Store, keys: Sequence[str], over: Collection[str] = ()) -> None:
    """Many at once, of which some are over."""
    rows = []
    for key in keys:
        incident = an_outage(messages.NOW, key=key)
        if key in over:
            incident = replace(incident, recovered_at=messages.NOW)
        status: Status = "resolved" if key in over else "open"
        rows.append(Recorded(1, incident, status, messages.NOW, None))
    await store.write(incidents.write_incidents, ORG, rows)


async def resolve(store: Store, incident: Incident, at: int, version: int = 2) -> None:
    ended = replace(incident, recovered_at=at)
    row = Recorded(version, ended, "resolved", messages.NOW, None)
    await store.write(incidents.write_incidents, ORG, [row])


async def taken(store: Store, message: Message, at: int) -> Message:
    """The receiver took it at `at`."""
    (sent,) = await all_taken(store, [message], at)
    return sent


async def all_taken(store: Store, told: Sequence[Message], at: int) -> Sequence[Message]:
    """The receiver took each at `at`."""
    sent = [
        replace(
            message,
            created_at=at,
            next_at=at,
            attempts=1,
            state=MessageState.SENT,
            reason=DeliveryReason.ACCEPTED,
            status=200,
        )
        for message in told
    ]
    await store.write(outbox.add, ORG, sent)
    return sent


async def mended(store: Store) -> Sequence[tuple[str, str, int]]:
    """(incident, remedy, doubles) of the journal's rows."""
    rows = await store.read(journal.rows, ORG, kind=mends.KIND)
    found = [json.loads(row.data) for row in rows]
    return [(one["incident"], one["remedy"], one["doubles"]) for one in found]
