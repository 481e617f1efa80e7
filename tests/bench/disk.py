"""Bytes on disk a result, after a simulated day: batches, rollups, journal, snapshots, all tables.

What cannot be pressed together: five phases and a duration that are log-normal hold about eight
bytes of chance, and signature, secret, hash and keys of a row about 250 bytes a batch.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path

from collector.store.open import open_store
from tests.bench.load import EVERY_MS, START, Load, Sealer
from tests.support.rounds import a_round

HOURS = 24
EVERY_LOOKS = 4
"""Rounds of 30 s for each look of T2: how often it looks changes nothing on disk."""


def disk(checks: int, batch_size: int, hours: int = HOURS) -> Mapping[str, float]:
    """Bytes a result of one agent with so many checks, every 30 s, so many results a batch."""
    return asyncio.run(_disk(Load(1, checks), batch_size, hours * 3_600_000 // EVERY_MS))


async def _disk(load: Load, batch_size: int, rounds: int) -> Mapping[str, float]:
    sealer, (agent,) = Sealer(), load.names()
    batches = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "w.db"
        store = await open_store(f"sqlite:///{path}")
        async with a_round(store, used=load.config(), now=START) as one:
            for turn, runs in enumerate(load.rounds(rounds)):
                await one.clock.advance(EVERY_MS)
                for n in range(0, len(runs), batch_size):
                    await one.ingest.accept(sealer.seal(agent, runs[n : n + batch_size]))
                    batches += 1
                if turn % EVERY_LOOKS == 0:
                    await one.evaluator.step()
            await one.tick(600_000)
        await store.close()
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
        tables = _tables(path)
    results = load.checks * rounds
    return {"ours": size / results, "results": results, "batches": batches, **tables}


def _tables(path: Path) -> dict[str, float]:
    """Bytes by table, indexes apart, where this SQLite can tell."""
    import sqlite3  # noqa: PLC0415 - beside the store, for its figures only

    with sqlite3.connect(path) as conn:
        try:
            rows = conn.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall()
        except sqlite3.OperationalError:
            return {}
    return {name: size for name, size in rows if size > 8192}


if __name__ == "__main__":
    for checks, batch_size in ((300, 300), (50, 50), (50, 17)):
        found = disk(checks, batch_size, 6)
        print(
            checks,
            batch_size,
            {
                k: round(v / found["results"], 2)
                if k not in ("results", "batches", "ours")
                else round(v, 2)
                for k, v in found.items()
            },
        )
