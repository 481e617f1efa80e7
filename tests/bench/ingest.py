"""How many results a collector takes in for good: T1 and T2 on one core, on a real disk.

Each round every agent uploads one batch at once, then one look follows: verify, store, fsync,
acknowledge; read, fold, settle, make rollups, commit. The store is SQLite with `synchronous=FULL`.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from collector import memory
from collector.store import ledger
from collector.store.open import open_store
from tests.bench.load import EVERY_MS, ORG, START, Load, Sealer
from tests.support.rounds import a_round

ROUNDS = 60
"""Half an hour: what is settled and what rollups are made of is in it."""


def ingest(batch_size: int, agents: int, rounds: int = ROUNDS) -> Mapping[str, float]:
    """Results a second of `agents` agents with `batch_size` checks each, every 30 s."""
    load = Load(agents, batch_size)
    sealer = Sealer()
    names = load.names()
    turns = load.rounds(rounds)
    sealed = [[sealer.seal(agent, next(turns)) for agent in names] for _ in range(rounds)]
    memory.look_seldom()
    with _one_core():
        return asyncio.run(_ingest(load, sealed))


async def _ingest(load: Load, sealed: list[list[bytes]]) -> Mapping[str, float]:
    with tempfile.TemporaryDirectory(dir=None) as folder:
        store = await open_store(f"sqlite:///{folder}/w.db")
        async with a_round(store, used=load.config(), now=START) as one:
            await one.evaluator.step()
            flips = one.evaluator.commits
            wall, cpu = time.perf_counter(), time.process_time()
            for group in sealed:
                await asyncio.gather(*(one.ingest.accept(data) for data in group))
                await one.tick(EVERY_MS)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            folded = await store.read(ledger.folded_ranges, ORG)
            if sum(last - first + 1 for r in folded.values() for first, last in r) != sum(
                map(len, sealed)
            ):
                raise AssertionError("not everything was folded")
            commits = one.ingest.commits + one.evaluator.commits - flips
        await store.close()
    results = load.agents * load.checks * len(sealed)
    return {
        "ours": results / wall,
        "cpu_us": cpu / results * 1e6,
        "results": results,
        "batch": load.checks,
        "commits": commits,
        "fsync_ms": fsync_ms(),
    }


def fsync_ms(count: int = 50) -> float:
    """Of one small append, in the middle: what durable costs on this disk."""
    took: list[float] = []
    with tempfile.TemporaryFile(dir=None) as file:
        for _ in range(count):
            file.write(b"x" * 4096)
            file.flush()
            begun = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - begun)
    return sorted(took)[count // 2] * 1000


@contextmanager
def _one_core() -> Iterator[None]:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


if __name__ == "__main__":
    print(ingest(1_000, 5))
    print(ingest(100, 20))
