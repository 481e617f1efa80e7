"""Two logs in a store, grown by rows of the journal, and a publisher that signs them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection

from collector import journal, keyfile
from collector.attest import checkpoint, note
from collector.attest.checkpoint import Checkpoint
from collector.facts import SYSTEM, Fact, canonical
from collector.leader import Leader
from collector.store.store import Store
from collector.tlog import checkpoints, keyrows, sequencing
from collector.tlog.checkpoints import Published
from collector.tlog.epochs import Log
from collector.tlog.guard import Guard
from collector.tlog.keyrows import Known
from collector.tlog.metering import SigningMetrics
from collector.tlog.publishing import Publisher
from collector.tlog.signers import Signers
from collector.tlog.troubles import Trouble
from collector.witness.client import opened
from probes.clock import ManualClock
from probes.config import Config
from probes.configfile import load_bytes

ORG, ORIGIN = "org", "log.example.org/wardwatch"
EVERY_MS = 60_000
FILE = """version: 1
organization: {id: org, name: Org, timezone: America/Chicago}
sites: {north: {name: North}}
agents: {north-1: {site: north}}
systems: {ehr: {name: EHR, impact: {class: clinical}}}
checks:
  ehr-page: {system: ehr, kind: http, every: 30s, timeout: 10s, spec: {url: "https://e.example.org/"}}
"""
_holders = itertools.count()


def made_key(folder: Path, name: str = "log.key") -> Path:
    path = folder / name
    keyfile.make(path)
    return path


def config_of(
    keys: Sequence[Path | str], *, origin: str = ORIGIN, witnesses: str = "{}", more: str = ""
) -> Config:
    said = ", ".join(f"file:{key}" if isinstance(key, Path) else key for key in keys)
    log = (
        f"evidence_log: {{origin: {origin}, keys: [{said}], checkpoint_every: 1m, "
        f"witnesses: {witnesses}{more}}}\n"
    )
    return load_bytes(f"{FILE}{log}".encode(), "wardwatch.yaml")


@dataclass
class SignedLogs:
    """One process that leads. `look` is one round of its publisher."""

    store: Store
    config: Config
    guard: Path
    clock: ManualClock = field(default_factory=ManualClock)
    secrets: Mapping[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.leader = Leader(self.store, self.clock, ORG, f"holder-{next(_holders)}")
        self.registry = CollectorRegistry()
        self.signers = Signers(self.secrets.__getitem__)
        self.texts: list[str] = []
        self.publisher = Publisher(
            self.store,
            self.clock,
            ORG,
            self.leader,
            SigningMetrics(self.registry),
            config=lambda: self.config,
            signers=self.signers,
            guard=Guard(self.guard),
            signed=self.texts.append,
        )
        self._session: aiohttp.ClientSession | None = None

    async def grow(self, rows: int = 1) -> None:
        """So many rows more, and everything has its leaves."""
        assert await self.leader.leads()
        fact = Fact("evidence.away", 1, canonical({"from": 1, "to": 2}), SYSTEM)
        for _ in range(rows):
            await self.store.write(_append, fact, self.clock.now_ms())
        await self.sequence()

    async def sequence(self) -> None:
        lease, said = self.leader.lease, self.config.evidence_log
        assert lease is not None
        assert said is not None
        more = True
        while more:
            done = await self.store.write(
                sequencing.sequence,
                ORG,
                lease,
                self.clock.now_ms(),
                origin=said.origin,
                random_bytes=os.urandom,
            )
            more = done.more or done.appended > 0

    async def look(self) -> Mapping[Log, Trouble]:
        async with opened() as session:
            await self.publisher.look(session)
            await self.publisher.ask(session)
        return self.publisher.troubles

    async def sign(self, rows: int = 1) -> Mapping[Log, Trouble]:
        """Grow, then look when it is due; twice, for a change of keys comes first."""
        await self.grow(rows)
        await self.look()
        await self.sequence()
        await self.clock.advance(EVERY_MS)
        return await self.look()

    async def latest(self, log: Log = Log.EVIDENCE) -> Published:
        found = await self.store.read(checkpoints.latest, ORG, log)
        assert found is not None
        return found

    async def all(self, log: Log = Log.EVIDENCE) -> list[Checkpoint]:
        found = await self.store.read(checkpoints.between, ORG, log, 0, 1 << 40)
        return [head_of(one) for one in found]

    async def known(self) -> Known:
        return await self.store.read(keyrows.read, ORG)

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


def head_of(published: Published) -> Checkpoint:
    return checkpoint.parse(note.parse(published.note).text)


def _append(conn: Connection, fact: Fact, now: int) -> None:
    journal.append(conn, ORG, [fact], now)


@contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """Somebody opens it to all."""
    before = path.stat().st_mode
    path.chmod(0o644)
    try:
        yield
    finally:
        path.chmod(before)
