"""A hospital whose evidence log is signed, through a month: what agents send, what people approve,
what the log becomes. Results are simulated; all that takes them in is the product.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from collector import keyfile, versions
from collector.access.policy import Role
from collector.evaluate import Evaluator
from collector.ingest import Ingest
from collector.store.store import Store
from collector.tlog.publishing import Publisher
from collector.witness.client import opened
from probes import batch
from probes.batch import Anchors, Place
from probes.clock import ManualClock
from probes.config import Config
from probes.configfile import canonical
from probes.contract import Outcome
from probes.schedule import first_slot_ms, offset_ms
from probes.segments import Run
from tests.support.collectors import Collector, a_collector
from tests.support.rounds import KEYS, ORG, START, config, document

MINUTE, HOUR = 60_000, 3_600_000
DAY = 24 * HOUR
ORIGIN = "st-elsewhere.invalid/wardwatch"
MONTH = "2026-01"
ZONE_MS = 6 * HOUR
"""America/Chicago is so far behind UTC in January."""
FIRST, LAST = START + ZONE_MS, START + 31 * DAY + ZONE_MS
"""The month, in the hospital's zone."""
CLOSED = LAST + 3 * DAY
SIGNED_MS = 10_000
REASONS = {Outcome.UP: "ok", Outcome.DOWN: "tcp.refused", Outcome.DEGRADED: "slow"}
Sees = Callable[[str, str, int], Outcome | None]
"""Given agent, check and slot: what it sees, None where it is not there."""


def two_systems(key: Path = Path("/nowhere"), **changes: Any) -> Config:
    """`ehr` from two sites, `lab` from one, every half hour; both with a target."""
    written = document()
    slo = {"target": "99.5", "minimum": "99.0"}
    systems = {
        "ehr": written["systems"]["ehr"] | {"slo": slo},
        "lab": {"name": "Laboratory", "impact": {"class": "clinical"}, "slo": slo},
    }
    one = written["checks"]["ehr-read"] | {"every": "30m"}
    checks = {
        "ehr-read": one | {"from": ["north-1", "south-1"]},
        "lab-query": one | {"system": "lab", "from": ["north-1"]},
    }
    log = {"origin": ORIGIN, "keys": [f"file:{key}"], "checkpoint_every": "10s"}
    return config(**({"systems": systems, "checks": checks, "evidence_log": log} | changes))


def always_up(_agent: str, _check: str, _slot: int) -> Outcome:
    return Outcome.UP


def troubled(_agent: str, check: str, slot: int) -> Outcome | None:
    """Two outages of `ehr`, one over the month's end, a slow hour of `lab`, three hours without one."""
    at = slot - START
    if check == "ehr-read" and 5 * DAY <= at < 5 * DAY + 5 * HOUR:
        return Outcome.DOWN
    if check == "ehr-read" and LAST - HOUR <= slot < LAST + HOUR:
        return Outcome.DOWN
    if check == "lab-query" and 9 * DAY <= at < 9 * DAY + HOUR:
        return Outcome.DEGRADED
    if check == "lab-query" and 12 * DAY <= at < 12 * DAY + 3 * HOUR:
        return None
    return Outcome.UP


@dataclass
class Month:
    """A process and the agents around it; `until` is told of each day that has passed."""

    store: Store
    clock: ManualClock
    ingest: Ingest
    evaluator: Evaluator
    publisher: Publisher
    sees: Sees
    _heads: dict[str, tuple[int, str]] = field(default_factory=dict)
    _sent_to: dict[str, int] = field(default_factory=dict)

    async def live(self, to: int, step: int = 2 * DAY, silent: Iterable[str] = ()) -> None:
        """Let time pass to an instant: agents send what they saw each `step`, and it is evaluated,
        logged and signed. Those in `silent` keep what they see to themselves.
        """
        clock = self.clock
        while (now := clock.now_ms()) < to:
            await clock.advance(min(step, to - now))
            for agent in self.evaluator.config.agents:
                if agent not in silent:
                    await self.send(agent)
            await self.settle()

    async def send(self, agent: str) -> None:
        """All that an agent has not sent yet, up to now."""
        now = self.clock.now_ms()
        runs = self.runs(agent, self._sent_to.get(agent, START), now)
        self._sent_to[agent] = now
        for n in range(0, len(runs), 100):
            await self.deliver(agent, runs[n : n + 100])

    async def deliver(self, agent: str, runs: list[Run]) -> None:
        seq, prev = self._heads.get(agent, (0, batch.NO_PREVIOUS))
        place = Place(ORG, agent, "e1", seq + 1, prev, "0" * 16)
        anchors = Anchors(self.clock.now_ms(), 0)
        data = batch.seal(KEYS[agent], place, anchors, runs, b"sixteen secrets.")
        self._heads[agent] = (seq + 1, batch.header_hash(batch.open_batch(data)))
        await self.ingest.accept(data)

    def runs(self, agent: str, start: int, end: int) -> list[Run]:
        """What it sees in `[start, end)`, by time."""
        used = self.evaluator.config
        found = []
        for name, check in used.checks.items():
            if agent not in used.agents_of(name):
                continue
            slot = first_slot_ms(offset_ms(agent, name, check.every), check.every, start)
            for at in range(slot, end, check.every):
                seen = self.sees(agent, name, at)
                if seen is not None:
                    found.append(Run(check.system, name, at, at, seen, REASONS[seen], 40_000))
        return sorted(found, key=lambda run: run.at_ms)

    async def settle(self) -> None:
        """Fold, log, sign: twice, for the keys of a log are a row of it."""
        async with opened() as session:
            for _ in range(2):
                for _ in range(3):
                    await self.evaluator.step()
                await self.publisher.look(session)
                await self.publisher.ask(session)
                await self.clock.advance(SIGNED_MS)


def with_key(folder: Path, **changes: Any) -> Config:
    """`two_systems` whose log is signed by a key in a folder, made if need be."""
    key = folder / "log.key"
    if not key.exists():
        keyfile.make(key)
    return two_systems(key, **changes)


@dataclass
class Attesting:
    """A whole collector, its month and its bundles."""

    collector: Collector
    month: Month
    bundles: Path
    _known: dict[str, str] = field(default_factory=dict)

    async def make(self) -> None:
        """All that is asked for or due, once everything is in the log and signed."""
        await self.month.settle()
        while await self.collector.service.parts.attesting.step():
            await self.month.settle()

    def again(self) -> None:
        """Another process looks after attestations, and knows nothing of the one before it."""
        self.collector.service.parts.attesting._swept = None

    async def headers(self, account: str, role: Role) -> dict[str, str]:
        """Of somebody who enrols when they are first asked for."""
        if account not in self._known:
            self._known[account] = await self.collector.token(account, role, days=90)
        return {"Authorization": f"Bearer {self._known[account]}"}


@asynccontextmanager
async def attesting(
    store: Store,
    folder: Path,
    sees: Sees = troubled,
    *,
    start: int = START,
    **changes: Any,
) -> AsyncIterator[Attesting]:
    """A collector that has its bundles in `folder`, as another process before it left them; its file
    was loaded at `START`.
    """
    bundles, used = folder / "bundles", with_key(folder, **changes)
    await store.write(versions.record, ORG, canonical(used), START)
    guard = folder / "log.signed"
    async with a_collector(store, used, start=start, attestations=bundles, log_guard=guard) as made:
        parts = made.service.parts
        assert parts.signing is not None
        publisher = parts.signing.publisher
        month = Month(store, made.clock, parts.ingest, parts.evaluator, publisher, sees)
        yield Attesting(made, month, bundles)
