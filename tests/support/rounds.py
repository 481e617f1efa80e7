"""A small hospital for tests of the collector: a config, agents' keys, signed batches."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector import journal, versions
from collector.evaluate import Evaluator
from collector.ingest import Ingest
from collector.keyring import KeyRing
from collector.leader import LEASE_MS, Leader
from collector.metrics import CollectorMetrics
from collector.process_facts import DEADLINES, STEPS
from collector.store.store import Store
from probes import batch
from probes.clock import ManualClock
from probes.config import Config
from probes.configfile import canonical
from probes.contract import Outcome
from probes.results import Result
from tests.support.batches import seal

ORG = "st-elsewhere"
START = 1_767_225_600_000
"""2026-01-01T00:00:00Z, where a ManualClock begins."""
KEYS = {
    name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32))
    for name in ("north-1", "south-1", "north-2", "south-2", "south-3")
}


def public(agent: str) -> str:
    raw = KEYS[agent].public_key().public_bytes_raw()
    return f"ed25519:{base64.b64encode(raw).decode()}"


def document(**changes: Any) -> dict[str, Any]:
    """One system `ehr`, one critical check every 10 s from two sites, a desk that hears all of
    three families. There is no target, so that no outage burns a budget beside it.
    """
    return {
        "version": "1",
        "organization": {"id": ORG, "name": "St Elsewhere Health", "timezone": "America/Chicago"},
        "policy": {"recover_for": "60s"},
        "sites": {"north": {"name": "North Campus"}, "south": {"name": "South Campus"}},
        "agents": {
            "north-1": {"site": "north", "key": public("north-1")},
            "south-1": {"site": "south", "key": public("south-1")},
        },
        "systems": {
            "ehr": {
                "name": "EHR",
                "impact": {"class": "point_of_care", "service": "critical_clinical"},
            }
        },
        "checks": {
            "ehr-read": {
                "system": "ehr",
                "kind": "http",
                "every": "10s",
                "timeout": "5s",
                "from": ["north-1"],
                "spec": {"url": "https://ehr.example.org/"},
            }
        },
        "channels": {"desk": {"kind": "webhook", "url": "http://127.0.0.1:9/", "secret": "env:X"}},
        "routes": [{"families": ["availability", "access", "blind"], "to": ["desk"]}],
    } | changes


def config(**changes: Any) -> Config:
    return Config.model_validate(document(**changes))


def result(t: int, outcome: Outcome, *, check: str = "ehr-read", agent: str = "north-1") -> Result:
    """A run of 40 ms begun `t` ms after `START`."""
    reason = {Outcome.UP: "ok", Outcome.DOWN: "tcp.refused"}.get(outcome, "slow")
    return Result(check, agent, START + t, outcome, reason, 40, START + t + 40)


@dataclass
class Round:
    """Store, ingest and evaluation of one process; the clock is moved by hand."""

    store: Store
    clock: ManualClock
    metrics: CollectorMetrics
    ingest: Ingest
    evaluator: Evaluator
    leader: Leader
    keys: KeyRing
    _last: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    """Seq and header hash of the last batch of each chain."""

    async def send(
        self,
        results: Sequence[Result],
        *,
        epoch: str = "e1",
        facts: Mapping[str, int] | None = None,
    ) -> bytes:
        """Seal and ingest the next batch of these results' agent; `ingest.run` must be running.
        `facts` are of the last result.
        """
        agent = results[0].agent
        seq, prev = self._last.get((agent, epoch), (0, batch.NO_PREVIOUS))
        data = seal(KEYS[agent], ORG, agent, epoch, seq + 1, results, prev, facts)
        self._last[agent, epoch] = (seq + 1, batch.header_hash(batch.open_batch(data)))
        await self.ingest.accept(data)
        return data

    async def tick(self, by_ms: int) -> None:
        """Let time pass, then look once."""
        await self.clock.advance(by_ms)
        await self.evaluator.step()

    async def take_over(self) -> None:
        """Wait for the lease of a process that is gone."""
        while not await self.leader.leads():
            await self.clock.advance(LEASE_MS)

    async def events(self) -> list[tuple[str, int]]:
        """(kind, ms after `START`) of every step the rules took."""
        rows = await self.store.read(journal.rows, ORG, kind=list(STEPS))
        return [(r.kind, r.at - START) for r in rows if r.actor == journal.SYSTEM]

    async def deadlines(self) -> list[tuple[str, int]]:
        """(kind, ms after `START`) of everything that came due, notices among it."""
        rows = await self.store.read(journal.rows, ORG, kind=list(DEADLINES))
        return [(r.kind, r.at - START) for r in rows]


@asynccontextmanager
async def a_round(
    store: Store, *, holder: str = "one", used: Config | None = None, now: int = START
) -> AsyncIterator[Round]:
    """A process that has recorded its config and takes in batches; leaving it is a kill."""
    clock = ManualClock(now)
    metrics = CollectorMetrics()
    leader = Leader(store, clock, ORG, holder)
    await store.write(versions.record, ORG, canonical(used or config()), now)
    evaluator = Evaluator(store, clock, metrics, ORG, leader)
    await evaluator.start()
    keys = KeyRing(store, clock, ORG, metrics)
    ingest = Ingest(store, clock, metrics, keys, lambda: evaluator.history, evaluator.wake)
    task = asyncio.create_task(ingest.run())
    try:
        yield Round(store, clock, metrics, ingest, evaluator, leader, keys)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
