"""Bytes on disk a result, after a simulated day: batches, rollups, journal, snapshots, all tables.

What cannot be pressed together: five phases and a duration that are log-normal hold about eight
bytes of chance; signature, secret, hashes and the keys of a row are about 190 bytes a batch.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from collector.store.open import open_store
from tests.bench.load import EVERY_MS, START, Load, Sealer
from tests.bench.row import Row
from tests.support.rounds import a_round

HOURS = 24
LOOKS = 4
"""Rounds of 30 s for each look of T2: how often it looks changes nothing on disk."""
LOADS = ((300, 300, 16), (50, 50, 60), (50, 17, 60))
"""(checks of the agent, results a batch, goal in bytes a result)."""


def rows() -> list[Row]:
    out = []
    for checks, batch_size, goal in LOADS:
        found = disk(checks, batch_size)
        name = f"disk after 24 h, {checks} checks, {batch_size} a batch"
        size = found.pop("bytes")
        out.append(Row(name, size, "the goal", goal, "B/result", 1, more=found))
    return out


def disk(checks: int, batch_size: int, hours: int = HOURS) -> dict[str, Any]:
    """Of one agent with so many checks, every 30 s; by table, indexes with theirs."""
    return asyncio.run(_disk(Load(1, checks), batch_size, hours * 3_600_000 // EVERY_MS))


async def _disk(load: Load, batch_size: int, rounds: int) -> dict[str, Any]:
    sealer, (agent,) = Sealer(), load.names()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "w.db"
        store = await open_store(f"sqlite:///{path}")
        async with a_round(store, used=load.config(), now=START) as one:
            for turn, runs in enumerate(load.rounds(rounds)):
                await one.clock.advance(EVERY_MS)
                for n in range(0, len(runs), batch_size):
                    await one.ingest.accept(sealer.seal(agent, runs[n : n + batch_size]))
                if turn % LOOKS == 0:
                    await one.evaluator.step()
            await one.tick(600_000)
        await store.close()
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
        tables = _tables(path)
    results = load.checks * rounds
    return {"bytes": size / results} | {
        name: round(taken / results, 2) for name, taken in tables.items() if taken > results / 50
    }


def _tables(path: Path) -> dict[str, int]:
    """Bytes by table, its indexes with it."""
    with sqlite3.connect(path) as conn:
        return dict(
            conn.execute(
                "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_schema m"
                " ON m.name = s.name GROUP BY m.tbl_name ORDER BY 2 DESC"
            ).fetchall()
        )
