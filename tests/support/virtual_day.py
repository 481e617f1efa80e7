"""Twenty agents at four sites for a day of virtual time: what they see, and what befalls them."""

from __future__ import annotations

import asyncio
import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, cast

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from yarl import URL

from collector.numbers import Numbers
from collector.store import ledger
from collector.store.tables import counters, metadata
from probes import batch
from probes.config import Config
from probes.contract import Outcome
from probes.reasons import Reason
from probes.results import Result
from tests.support.agent_lives import UNSAFE_MS, AgentLife, Seen, Surroundings, promised
from tests.support.collector_lives import CollectorLives
from tests.support.evidence_laws import Gap, History
from tests.support.faulty_disk import FaultyDisk
from tests.support.memory_store import MemoryStore
from tests.support.virtual_line import Fate, Wire
from tests.support.virtual_time import LoopClock
from tests.support.watched_store import WatchedStore

START = 1_767_225_600_000
MINUTE, HOUR = 60_000, 3_600_000
DAY = 24 * HOUR
ORG = "st-elsewhere"
SITES = ("north", "south", "east", "west")
SYSTEMS = ("ehr", "lab", "portal", "billing")
AGENTS = tuple(f"{site}-{n}" for site in SITES for n in range(1, 6))
KEYS = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32)) for name in AGENTS}
TROUBLES = (
    (Outcome.DOWN, Reason.TCP_REFUSED),
    (Outcome.DOWN, Reason.HTTP_STATUS),
    (Outcome.DEGRADED, Reason.SLOW),
    (Outcome.MISCONFIGURED, Reason.TLS_CLIENT_REJECTED),
    (Outcome.UNKNOWN, Reason.AGENT_NETWORK),
)
LOOK_EVERY = HOUR
PATIENCE_S = 6 * 3_600
"""Of virtual time, for all that waits at the day's end."""
RESTS_MS = 600_000
"""How long agents sleep at most: nothing happens to their clocks and disks that they must notice."""


def hospital(every_s: int) -> Config:
    """Each agent runs two of four checks, each system is seen from every site."""
    checks = {
        f"{system}-check": {
            "system": system,
            "kind": "http",
            "every": f"{every_s}s",
            "timeout": "10s",
            "from": [name for at, name in enumerate(AGENTS) if at % 2 == number % 2],
            "spec": {"url": f"https://{system}.example.org/"},
        }
        for number, system in enumerate(SYSTEMS)
    }
    return Config.model_validate(
        {
            "version": "1",
            "organization": {"id": "st-elsewhere", "name": "St Elsewhere", "timezone": "UTC"},
            "sites": {site: {"name": site.title()} for site in SITES},
            "agents": {
                name: {"site": name.split("-")[0], "key": _public(key)}
                for name, key in KEYS.items()
            },
            "systems": {
                system: {"name": system.upper(), "impact": {"class": "clinical"}}
                for system in SYSTEMS
            },
            "checks": checks,
        }
    )


@dataclass(frozen=True, slots=True)
class Trouble:
    """What some sites see of a system for a while."""

    system: str
    sites: frozenset[str]
    start: int
    end: int
    seen: tuple[Outcome, Reason]


@dataclass
class Day:
    """`live` it, then read what came of it."""

    seed: int
    every_s: int
    history: History = field(default_factory=History)
    fates: list[Fate] = field(default_factory=list)
    collected: list[Result] = field(default_factory=list)
    """What is stored, read from the exact bytes."""
    numbers: dict[str, Any] = field(default_factory=dict)
    now: int = 0

    def __post_init__(self) -> None:
        self._rng = Random(self.seed)
        self.config = hospital(self.every_s)
        self._troubles = _troubles(self._rng)

    def sees(self, agent: str, check: str, slot: int) -> Seen:
        took_ms = 20 + zlib.crc32(f"{agent} {check} {slot}".encode()) % 900
        site, system = agent.split("-", maxsplit=1)[0], check.split("-", maxsplit=1)[0]
        for one in self._troubles:
            if one.system == system and site in one.sites and one.start <= slot < one.end:
                return Seen(*one.seen, took_ms)
        return Seen(Outcome.UP, Reason.OK, took_ms)

    async def live(self) -> None:
        """To be run in virtual time. The last faults are over at the day's end; then all arrives."""
        clock, rng = LoopClock(START), self._rng
        memory = MemoryStore(*(t for t in metadata.sorted_tables if t is not counters))

        def fails() -> bool:
            return clock.now_ms() < START + DAY and rng.random() < 0.01

        store = WatchedStore(memory, self.history, fails)
        collector = CollectorLives(store, clock, self.config, self.history)
        await collector.start()
        running = asyncio.create_task(_collect(collector, clock, Random(rng.random())))
        cuts = {site: _cuts(rng) for site in SITES}
        async with asyncio.TaskGroup() as agents:
            for name in AGENTS:
                wire = Wire(collector, clock, Random(rng.random()), 0.15, cuts[name.split("-")[0]])
                agents.create_task(self._agent(name, wire, clock, Random(rng.random())))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await collector.step()
        self.now = collector.evaluator.now
        numbers = Numbers(collector.evaluator, store, clock, ORG)
        self.numbers = await numbers.availability(START, self.now)
        rows = await memory.read(ledger.read_between, ORG, 0, 2 * self.now, None, 10_000_000)
        self.collected = [one for row in rows for one in _results(row)]
        await memory.close()

    async def _agent(self, name: str, wire: Wire, clock: LoopClock, rng: Random) -> None:
        disk = FaultyDisk(rng)
        around = Surroundings(
            name, KEYS[name], self.config, disk, clock, rng, self.sees,
            cast("aiohttp.ClientSession", wire), URL("http://collector.example.org"),
            self.history, look_ms=RESTS_MS,
        )  # fmt: skip
        life = AgentLife(around)
        await life.start()
        for at in sorted(rng.randint(HOUR, 23 * HOUR) for _ in range(rng.randint(0, 2))):
            # An attempt has just begun then.
            slot = min(
                one.slots[0] for one in promised(self.config, name, START + at, START + 2 * DAY)
            )
            await clock.sleep_ms(slot + 10 - clock.now_ms())
            if rng.random() < 0.7:
                gone, why = clock.now_ms() - UNSAFE_MS, "lost its power"
                await life.kill()
                disk.lose_power()
            else:
                gone, why = clock.now_ms() + 1, "stopped"
                await life.stop()
            await clock.sleep_ms(rng.randint(1_000, HOUR))
            life = AgentLife(around)
            self.history.add(Gap(name, gone, clock.now_ms() + 1, why))
            await life.start()
        await clock.sleep_ms(START + DAY - clock.now_ms())
        wire.faulty = 0.0
        async with asyncio.timeout(PATIENCE_S):
            while life.keeper.held.facts.waiting:
                await clock.sleep_ms(MINUTE)
        self.history.promised += promised(self.config, name, START + 1, clock.now_ms() + 1)
        await life.stop()
        await wire.settle()
        self.fates += wire.fates


async def _collect(collector: CollectorLives, clock: LoopClock, rng: Random) -> None:
    """Looks now and then, and dies three times of the day."""
    deaths = sorted(START + rng.randint(HOUR, 23 * HOUR) for _ in range(3))
    while True:
        await clock.sleep_ms(LOOK_EVERY)
        await collector.step()
        if deaths and deaths[0] <= clock.now_ms():
            del deaths[0]
            await clock.sleep_ms(rng.randint(0, 30 * MINUTE))
            await collector.kill()
            await clock.sleep_ms(rng.randint(1_000, 30 * MINUTE))
            await collector.start()


def _troubles(rng: Random) -> list[Trouble]:
    """One that everybody sees, and eleven more."""
    at = START + 8 * HOUR
    return [
        Trouble("ehr", frozenset(SITES), at, at + 4 * HOUR, TROUBLES[0]),
        *(
            Trouble(
                rng.choice(SYSTEMS),
                frozenset(rng.sample(SITES, rng.randint(1, 4))),
                start := START + rng.randint(0, DAY),
                start + rng.randint(5 * MINUTE, 3 * HOUR),
                rng.choice(TROUBLES),
            )
            for _ in range(11)
        ),
    ]


def _cuts(rng: Random) -> Sequence[tuple[int, int]]:
    """When a site is cut off, for hours."""
    start = START + rng.randint(0, 19 * HOUR)
    return [(start, start + rng.randint(HOUR, 4 * HOUR))]


def _results(row: ledger.Stored) -> list[Result]:
    opened = batch.open_batch(row.data)
    agent, offset_ms = opened.header.agent, opened.header.clock_offset_ms
    return [
        Result(
            run.check,
            agent,
            run.at_ms + offset_ms,
            run.outcome,
            run.reason,
            run.duration_us // 1_000,
            row.received_at,
        )
        for run in batch.runs_of(opened)
    ]


def _public(key: Ed25519PrivateKey) -> str:
    return "ed25519:" + base64.b64encode(key.public_key().public_bytes_raw()).decode()
