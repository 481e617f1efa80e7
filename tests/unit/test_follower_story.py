"""A hospital's evidence taken up by processes that come and go says what a fold of all of it says.

Batches come late, twice and in new epochs, clocks are set back, versions are recorded meanwhile,
the store fails before and after it commits, and a process may be killed at any time.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest
from sqlalchemy import Connection

from collector import evaluate, evidence, follower, ingest, journal, versions
from collector.core import caqh
from collector.core.document import document as document_of
from collector.core.rollup import rollups as rolled
from collector.core.truth import fold_system
from collector.evaluate import Evaluator
from collector.leader import LEASE_MS, Leader
from collector.metrics import CollectorMetrics
from collector.numbers import Numbers
from collector.store import ledger, rollups
from collector.store.incidents import StaleError
from collector.store.leases import FencedError
from collector.store.open import open_store
from collector.store.store import Store, StoreFault, StoreUnavailableError
from collector.truths import systems_of
from probes import batch
from probes.clock import ManualClock
from probes.config import Config
from probes.configfile import canonical
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from tests.support.batches import seal
from tests.support.rounds import KEYS, ORG, START, config, document, result
from tests.support.soak import longer

P = ParamSpec("P")
T = TypeVar("T")

MINUTE = 60_000
MOODS = [*Outcome, *[Outcome.UP] * 8, Outcome.DOWN, None]
WINDOW = {
    "id": "w",
    "systems": ["ehr", "lab"],
    "start": "2025-12-31T19:02:30",
    "end": "2025-12-31T19:27:59",
    "timezone": "America/Chicago",
    "proposed": {"by": "change-1", "at": "2025-12-30T00:00:00Z"},
    "approval": {"by": "approver-1", "at": "2025-12-31T00:00:00Z"},
}


def hospital(rng: random.Random) -> Config:
    """A check or a system may be there or not, and a check may belong to either."""
    given = document()["checks"]["ehr-read"]
    made = document()["systems"]["ehr"]
    checks = {
        "ehr-read": given | {"every": "60s", "from": ["north-1", "south-1"]},
        "spare": given | {"every": "60s", "from": ["north-1"]},
        "lab-read": given | {"system": "lab", "every": "120s", "from": ["south-1"]},
        "moves": given | {"every": "60s", "from": ["north-1"], "role": "supporting"},
    }
    checks["ehr-read"]["confirm"] = {"down": rng.choice([1, 2, 2, 3]), "up": rng.choice([1, 1, 2])}
    checks["moves"]["system"] = rng.choice(["ehr", "lab"])
    checks["lab-read"]["every"] = rng.choice(["20s", "120s", "3600s"])
    systems = {"ehr": made, "lab": made}
    if rng.random() < 0.3:
        del checks["spare"]
    if rng.random() < 0.25:
        del systems["lab"], checks["lab-read"]
        checks["moves"]["system"] = "ehr"
    return config(checks=checks, systems=systems, maintenance=[WINDOW])


SOURCES = [("ehr-read", "north-1"), ("ehr-read", "south-1"), ("spare", "north-1")]
SOURCES += [("lab-read", "south-1"), ("moves", "north-1")]


def weather(rng: random.Random, minutes: int) -> list[Result]:
    out: list[Result] = []
    for check, agent in SOURCES:
        mood: Outcome | None = Outcome.UP
        shift = 0
        for slot in range(minutes):
            if rng.random() < 0.06:
                mood = rng.choice(MOODS)
            if rng.random() < 0.003:
                shift = rng.choice([0, 0, -40 * MINUTE, 3 * MINUTE])
            t = slot * MINUTE + shift + rng.choice([0, 0, 1, 17])
            if mood and t >= 0:
                out.append(result(t, mood, check=check, agent=agent))
    return out


@dataclass
class Flaky:
    """A store of several processes that fails now and then, before or after it commits."""

    inner: Store
    rng: random.Random
    rate: float = 0.0
    single_process: bool = False
    fault: StoreFault | None = None

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self.rng.random() < self.rate:
            raise StoreUnavailableError(StoreFault.BUSY)
        done = await self.inner.write(fn, *args, **kwargs)
        if self.rng.random() < self.rate:
            raise StoreUnavailableError(StoreFault.UNREACHABLE)
        return done

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self.rng.random() < self.rate:
            raise StoreUnavailableError(StoreFault.BUSY)
        return await self.inner.read(fn, *args, **kwargs)

    async def close(self) -> None:
        await self.inner.close()


@dataclass
class World:
    rng: random.Random
    store: Flaky
    clock: ManualClock
    processes: list[Evaluator] = field(default_factory=list)
    seqs: dict[tuple[str, str], int] = field(default_factory=dict)
    sent: list[Result] = field(default_factory=list)
    recorded: list[Version] = field(default_factory=list)
    count: int = 0
    log: list[str] = field(default_factory=list)

    async def record(self, used: Config) -> None:
        now = self.clock.now_ms()
        if await self.store.inner.write(versions.record, ORG, canonical(used), now):
            rows = await self.store.inner.read(journal.rows, ORG, kind=versions.KINDS)
            self.recorded = list(versions.history(rows).versions)
            self.log.append(f"version at {(now - START) / MINUTE}")

    async def begin(self) -> None:
        self.count += 1
        leader = Leader(self.store, self.clock, ORG, f"p{self.count}")
        made = Evaluator(self.store, self.clock, CollectorMetrics(), ORG, leader)
        rate, self.store.rate = self.store.rate, 0.0
        await made.start()
        self.store.rate = rate
        self.processes.append(made)
        self.log.append(f"begin at {(self.clock.now_ms() - START) / MINUTE}")

    async def send(self, results: list[Result], epoch: str) -> None:
        agent = results[0].agent
        seq = self.seqs[agent, epoch] = self.seqs.get((agent, epoch), 0) + 1
        data = seal(KEYS[agent], ORG, agent, epoch, seq, results)
        incoming = ingest._incoming(batch.open_batch(data), data, self.clock.now_ms())
        await self.store.inner.write(ledger.insert_batches, ORG, [incoming])
        self.sent += results

    async def step(self) -> None:
        for each in self.processes:
            try:
                await each.step()
            except (StoreUnavailableError, FencedError, StaleError) as error:
                each._failed(error)


async def story(seed: int, path: Path) -> None:
    rng = random.Random(seed)
    opened = await open_store(f"sqlite:///{path}")
    try:
        world = World(rng, Flaky(opened, rng), ManualClock(START))
        await world.record(hospital(rng))
        await world.begin()
        if rng.random() < 0.4:
            await world.begin()
        minutes = rng.choice([120, 240, 400])
        world.store.rate = rng.choice([0, 0, 0.02, 0.1])
        waiting: list[tuple[int, str, list[Result]]] = []
        everything = weather(rng, minutes)
        for agent in ("north-1", "south-1"):
            own = sorted((r for r in everything if r.agent == agent), key=lambda r: r.received)
            if rng.random() < 0.3:
                own = [r for r in everything if r.agent == agent]
            n = 0
            open_at, epoch = 0, "e1"
            while n < len(own):
                size = rng.choice([1, 3, 10, 40])
                part = own[n : n + size]
                n += size
                at = max(r.received for r in part) + rng.choice([0, 100, 5_000])
                if rng.random() < 0.01:
                    open_at = at + rng.randint(5, 180) * MINUTE
                if rng.random() < 0.02:
                    epoch = f"e{rng.randint(1, 10**9)}"
                if rng.random() < 0.02:
                    late = at + rng.randint(5, 300) * MINUTE
                    waiting.append((late, f"x{rng.randint(1, 10**9)}", part))
                    if rng.random() < 0.5:
                        continue
                waiting.append((max(at, open_at), epoch, part))
        waiting.sort(key=lambda one: one[0])
        end = max(at for at, *_ in waiting)
        while waiting:
            stride = rng.choice([1, 1, 2, 5, 5, 20, 60]) * MINUTE
            await world.clock.advance(stride + rng.choice([0, 1, 777]))
            now = world.clock.now_ms()
            if rng.random() < 0.1 and len(world.recorded) < 5:
                await world.record(hospital(rng))
            while waiting and waiting[0][0] <= now:
                _, epoch, part = waiting.pop(0)
                await world.send(part, epoch)
            if rng.random() < 0.08:
                world.log.append(f"kill at {(now - START) / MINUTE}")
                del world.processes[rng.randrange(len(world.processes))]
                if rng.random() < 0.4 and len(world.recorded) < 5:
                    await world.record(hospital(rng))
                await world.begin()
            for _ in range(rng.choice([1, 1, 2])):
                await world.step()
                await world.clock.advance(1)
        world.store.rate = 0.0
        for _ in range(6):
            await world.clock.advance(LEASE_MS + 20 * MINUTE)
            await world.step()
        await compare(world, max(end, world.clock.now_ms()))
    finally:
        await opened.close()


async def compare(world: World, end: int) -> None:
    by_source: dict[tuple[str, str], list[Result]] = {}
    for each in sorted(world.sent, key=lambda r: r.t):
        by_source.setdefault((each.check, each.agent), []).append(each)
    history = History(world.recorded)
    left = START + world.rng.randint(0, end - START)
    for process in world.processes:
        for start, stop in ((START, end), (left, left + 77 * MINUTE + 123)):
            found = await Numbers(process, world.store, world.clock, ORG).availability(start, stop)
            now = process.now
            wanted = told(history, by_source, start, stop, now)
            for name, one in wanted["systems"].items():
                assert found["systems"][name] == one, (name, start - START)
            assert set(found["systems"]) == set(wanted["systems"])
    checks = sorted({check for check, _ in SOURCES})
    stored = {
        (r.check, r.agent, r.bucket): r.rollup
        for r in await world.store.read(rollups.read, ORG, checks, 0, end * 2)
    }
    known = {name for v in world.recorded for name in v.config.checks}
    expected = {
        (*source, bucket): one
        for source, line in by_source.items()
        if source[0] in known
        for bucket, one in rolled(line).items()
    }
    first = {
        name: min(v.at or 0 for v in world.recorded if name in v.config.checks) for name in known
    }
    for key, one in expected.items():
        if key[2] >= first[key[0]]:
            assert stored.get(key) == one, key


def told(
    history: History, results: dict[tuple[str, str], list[Result]], start: int, end: int, now: int
) -> dict[str, Any]:
    truths = {name: fold_system(name, history, results, now, None) for name in systems_of(history)}
    answers = caqh.from_results(results, history, start, end, now)
    return document_of(truths, history, start, end, now, answers)


@pytest.fixture
def _smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    smaller(monkeypatch.setattr)


def smaller(put: Callable[[Any, str, Any], None]) -> None:
    """Pages, days and what waits are small, so that all of it happens within hours."""
    for place, name, value in (
        (follower, "GATHERED", 60),
        (follower, "GRACE_MS", 10 * MINUTE),
        (follower, "SETTLE_MS", 7 * MINUTE),
        (follower, "DAY_MS", 60 * MINUTE),
        (evidence, "PAGE", 12),
        (evidence, "AT_HAND", 40),
        (evaluate, "SAVE_MS", 11 * MINUTE),
    ):
        put(place, name, value)


@pytest.mark.usefixtures("_smaller")
@pytest.mark.parametrize("seed", range(longer(3)))
async def test_processes_that_come_and_go_say_what_a_fold_of_everything_says(
    seed: int, tmp_path: Path
) -> None:
    await story(seed, tmp_path / "w.db")
