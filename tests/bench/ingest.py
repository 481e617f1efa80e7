"""How many results a collector takes in for good: T1 and T2 on one core, on a real disk.

Each round is 30 s of a hospital: every agent uploads one batch at once, then one look follows:
verify, store, fsync, acknowledge; read, fold, settle, make rollups, commit. The store is SQLite
with `synchronous=FULL`. An hour goes before the hour that is measured: folds then have as much
behind them as they ever have, and every five minutes make rollups.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from collector import memory
from collector.store import ledger
from collector.store.open import open_store
from tests.bench.load import EVERY_MS, ORG, START, Load, Sealer
from tests.bench.machine import MEASURED
from tests.bench.row import Row
from tests.support.rounds import a_round

WARM = MEASURED_ROUNDS = 120
LOADS = ((1_000, 4, 100_000), (100, 20, 40_000))
"""(results a batch, agents, goal in results a second)."""


def rows() -> list[Row]:
    memory.look_seldom()
    out = []
    for batch_size, agents, goal in LOADS:
        found = ingest(batch_size, agents)
        out.append(
            Row(
                f"ingest T1 + T2, durable, {batch_size} a batch",
                found.pop("results_per_s"),
                "the goal",
                goal,
                "results/s",
                1,
                at_least=True,
                more=found,
            )
        )
    return out


def ingest(batch_size: int, agents: int, warm: int = WARM, rounds: int = MEASURED_ROUNDS) -> Any:
    """Of `agents` agents with `batch_size` checks each, every 30 s."""
    load, sealer = Load(agents, batch_size), Sealer()
    turns = load.rounds(warm + rounds)
    sealed = [
        [sealer.seal(agent, next(turns)) for agent in load.names()] for _ in range(warm + rounds)
    ]
    with _one_core():
        return asyncio.run(_ingest(load, sealed, warm))


async def _ingest(load: Load, sealed: list[list[bytes]], warm: int) -> dict[str, Any]:
    t1 = t2 = wall = 0.0
    with tempfile.TemporaryDirectory() as folder:
        store = await open_store(f"sqlite:///{folder}/w.db")
        async with a_round(store, used=load.config(), now=START) as one:
            await one.evaluator.step()
            for turn, group in enumerate(sealed):
                if turn == warm:
                    t1 = t2 = 0.0
                    wall = time.perf_counter()
                before = time.process_time()
                await asyncio.gather(*(one.ingest.accept(data) for data in group))
                between = time.process_time()
                await one.tick(EVERY_MS)
                t1, t2 = t1 + between - before, t2 + time.process_time() - between
            wall = time.perf_counter() - wall
            folded = await store.read(ledger.folded_ranges, ORG)
            if sum(r[0][1] for r in folded.values()) != sum(map(len, sealed)):
                raise AssertionError("not everything was folded")
        await store.close()
    results = load.agents * load.checks * (len(sealed) - warm)
    return {
        "results_per_s": results / wall,
        "per_cpu_s": round(results / (t1 + t2)),
        "t1_us": round(t1 / results * 1e6, 1),
        "t2_us": round(t2 / results * 1e6, 1),
        "flips": f"{load.flips * 100:.3f} %",
        "commits_a_round": 2,
    }


@contextmanager
def _one_core() -> Iterator[None]:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {MEASURED})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
