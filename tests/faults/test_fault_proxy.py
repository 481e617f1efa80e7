"""Whatever a network does to an upload: what is acknowledged is stored, and nothing is stored twice."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from yarl import URL

from agent import uplink
from agent.disk import MemoryDisk
from agent.uplink import Verdict
from collector.metrics import CollectorMetrics
from collector.store.store import Store
from probes.contract import Outcome
from probes.reasons import Reason
from probes.schedule import first_slot_ms, offset_ms
from tests.support.agent_lives import AgentLife, Seen, Surroundings, promised
from tests.support.collectors import Collector, a_collector
from tests.support.evidence_laws import History, Sealed, Stored, broken
from tests.support.fault_proxy import HOLES, Fault, FaultProxy
from tests.support.rounds import KEYS, config
from tests.support.soak import longer
from tests.support.watched_store import WatchedStore, watch_folds

AGENT = "north-1"
STEP_MS = 250
PATIENCE_S = 0.2
"""Instead of half a minute, where the proxy swallows something."""


def seen(_agent: str, _check: str, slot: int) -> Seen:
    """Another outcome at every slot, so that each has a batch of its own."""
    if slot // 10_000 % 2:
        return Seen(Outcome.DOWN, Reason.TCP_REFUSED, 5)
    return Seen(Outcome.UP, Reason.OK, 5)


@dataclass
class Line:
    """An agent, a proxy, a collector; `script` is what happens to the uploads to come."""

    collector: Collector
    proxy: FaultProxy
    agent: AgentLife
    history: History
    script: list[Fault] = field(default_factory=list)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Time passes in steps shorter than any wait before the next upload."""
        async with asyncio.timeout(60):
            while not condition():
                await self.collector.clock.advance(STEP_MS)
                await asyncio.sleep(0.001)

    async def upload(self) -> None:
        """Until the next one has come as far as the proxy."""
        count = len(self.proxy.begun)
        await self.until(lambda: len(self.proxy.begun) > count)

    async def next_slot(self) -> None:
        clock, every = self.collector.clock, 10_000
        offset = offset_ms(AGENT, "ehr-read", every)
        slot = first_slot_ms(offset, every, clock.now_ms() + 1)
        await clock.advance(slot - clock.now_ms())

    async def settled(self, count: int) -> None:
        """The agent has made up its mind about `count` uploads; the clock stands."""
        async with asyncio.timeout(60):
            while sum(self.verdicts.values()) < count:
                await asyncio.sleep(0.002)

    def has_last(self) -> bool:
        """Has the collector stored the batch that was offered last?"""
        sealed = [event.link for event in self.history.events if isinstance(event, Sealed)]
        stored = [event.link for event in self.history.events if isinstance(event, Stored)]
        return sealed[-1] in stored

    @property
    def verdicts(self) -> Counter[Verdict]:
        value, name = self.agent.metrics.registry, "wardwatch_uplink_attempts_total"
        return Counter(
            {v: int(value.get_sample_value(name, {"verdict": v.value}) or 0) for v in Verdict}
        )

    @property
    def taken(self) -> Counter[str]:
        """What the collector made of what arrived."""
        return _counted(self.collector.service.metrics, "wardwatch_ingest_batches_total", "verdict")

    @property
    def refused(self) -> Counter[str]:
        return _counted(self.collector.service.metrics, "wardwatch_ingest_refused_total", "code")


def _counted(metrics: CollectorMetrics, name: str, label: str) -> Counter[str]:
    return Counter(
        {
            sample.labels[label]: int(sample.value)
            for family in metrics.registry.collect()
            for sample in family.samples
            if sample.name == name
        }
    )


@asynccontextmanager
async def a_line(store: Store, seed: int) -> AsyncIterator[Line]:
    """On leaving, the line is mended, everything arrives, and every law must hold."""
    history, rng = History(), random.Random(seed)
    used = config()
    async with a_collector(WatchedStore(store, history), used) as collector:
        watch_folds(collector.service.parts.evaluator.evidence, history, 1)
        port = collector.client.port
        assert port is not None
        proxy = FaultProxy(port, lambda: line.script.pop(0) if line.script else Fault.NONE, rng)
        async with proxy.serving(), aiohttp.ClientSession() as session:
            clock = collector.clock
            around = Surroundings(
                AGENT, KEYS[AGENT], used, MemoryDisk(), clock, rng, seen, session,
                URL(f"http://127.0.0.1:{proxy.port}"), history,
            )  # fmt: skip
            line = Line(collector, proxy, AgentLife(around), history)
            begun = clock.now_ms() + 1
            await line.agent.start()
            yield line
            line.script.clear()
            await proxy.deliver_late()
            await line.until(line.agent.is_at_rest)
            await line.agent.stop()
            await collector.service.parts.evaluator.step()
            history.promised += promised(used, AGENT, begun, clock.now_ms() + 1)
    assert broken(history) == []


ACK, RETRY, REFUSED = Verdict.ACKNOWLEDGED, Verdict.RETRY, Verdict.REFUSED
EACH = [
    # fault, what the agent takes the upload for, whether the collector has it by then; half closed,
    # it depends on whether the server reads the end together with the request
    (Fault.NONE, ACK, True),
    (Fault.REQUEST_DELAYED, ACK, True),
    (Fault.REPLY_DELAYED, ACK, True),
    (Fault.REQUEST_DRIPS, ACK, True),
    (Fault.REPLY_DRIPS, ACK, True),
    (Fault.RESET_AT_ONCE, RETRY, False),
    (Fault.RESET_IN_REQUEST, RETRY, False),
    (Fault.RESET_FOR_REPLY, RETRY, True),
    (Fault.RESET_IN_REPLY, RETRY, True),
    (Fault.REQUEST_TRUNCATED, RETRY, False),
    (Fault.REPLY_MISSING, RETRY, True),
    (Fault.REPLY_HEAD_TRUNCATED, RETRY, True),
    (Fault.REPLY_BODY_TRUNCATED, RETRY, True),
    (Fault.REQUEST_LOST, RETRY, False),
    (Fault.REPLY_LOST, RETRY, True),
    (Fault.REQUEST_GARBLED, REFUSED, False),
    (Fault.REPLY_GARBLED, RETRY, True),
    (Fault.REPLY_OF_ANOTHER, RETRY, False),
    (Fault.PORTAL, RETRY, False),
    (Fault.TWICE, ACK, True),
    (Fault.LATE, RETRY, False),
    (Fault.REQUEST_HALF_CLOSED, RETRY, None),
]


async def test_each_fault_by_itself(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[tuple[Fault, Verdict, bool | None]] = []
    async with a_line(sqlite_store, seed=1) as line:
        for fault, _, _ in EACH:
            await line.until(line.agent.is_at_rest)
            monkeypatch.setattr(uplink, "TIMEOUT_S", PATIENCE_S if fault in HOLES else 30.0)
            line.script.append(fault)
            await line.next_slot()
            before = line.verdicts
            await line.upload()
            await line.settled(sum(before.values()) + 1)
            (verdict,) = line.verdicts - before
            found.append((fault, verdict, line.has_last()))
    *others, (half_closed, verdict, was_stored) = found
    assert [*others, (half_closed, verdict, None)] == EACH
    # Each of the seven that was stored unheard, the one that came twice, the one that came late.
    assert line.taken["duplicate"] == (10 if was_stored else 9)
    assert line.refused == {"batch.body_hash": 1}


@pytest.mark.parametrize("seed", range(longer(2)))
async def test_any_row_of_faults_loses_nothing_and_stores_nothing_twice(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    rng = random.Random(seed)
    monkeypatch.setattr(uplink, "TIMEOUT_S", PATIENCE_S)
    faults = [*Fault] * 2
    rng.shuffle(faults)
    async with a_line(sqlite_store, seed) as line:
        line.script = list(faults)
        while line.script:
            await line.upload()
            if rng.random() < 0.2:
                await line.proxy.deliver_late()
        monkeypatch.setattr(uplink, "TIMEOUT_S", 30.0)
    assert line.proxy.begun[: len(faults)] == faults
    assert line.verdicts[REFUSED] >= 2
    assert line.verdicts[RETRY] >= 28
