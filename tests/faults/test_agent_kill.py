"""kill -9 of a real agent at any moment, its collector killed too: what its /metrics had counted is
stored at the end, nothing twice, in one whole chain.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agent import identity
from collector.store import ledger
from collector.store.open import open_store
from probes import batch
from probes.segments import Run
from probes.testing.portal import Portal
from tests.support.process import start_collector
from tests.support.soak import longer

MAIN = "import sys; from agent.cli import main; sys.exit(main())"
CHECKS = [f"login-{n}" for n in range(6)]


def document(url: str, key: str) -> dict[str, Any]:
    check = {
        "system": "portal",
        "kind": "http",
        "every": "1s",
        "timeout": "1s",
        "spec": {"url": url},
    }
    return {
        "version": "1",
        "organization": {"id": "st-elsewhere", "name": "St Elsewhere", "timezone": "UTC"},
        "sites": {"north": {"name": "North"}},
        "agents": {"north-1": {"site": "north", "key": key}},
        "systems": {"portal": {"name": "Portal", "impact": {"class": "administrative"}}},
        "checks": dict.fromkeys(CHECKS, check),
    }


class Agent:
    """One state folder, one process after the other."""

    def __init__(self, config: Path, collector: str, state: Path) -> None:
        self._words = ["run", "--config", str(config), "--agent", "north-1"]
        self._words += ["--collector", collector, "--state", str(state)]
        self._process: asyncio.subprocess.Process | None = None
        self._at = ""
        self.log: list[str] = []
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            MAIN,
            *self._words,
            "--listen",
            "127.0.0.1:0",
            stderr=asyncio.subprocess.PIPE,
        )
        assert self._process.stderr is not None
        async with asyncio.timeout(30):
            while not (line := (await self._process.stderr.readline()).decode()).startswith(
                "Listening"
            ):
                self.log.append(line)
                assert line, self.log
        self._at = f"http://127.0.0.1:{line.split(':')[0].split()[-1]}/metrics"
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self.log.append(line.decode())

    async def metrics(self, name: str) -> float:
        """The sum of a metric over its labels."""
        async with aiohttp.ClientSession() as session, session.get(self._at) as response:
            lines = (await response.text()).splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    async def counted(self, at_least: int) -> int:
        async with asyncio.timeout(30):
            while (found := int(await self.metrics("wardwatch_check_runs_total"))) < at_least:
                await asyncio.sleep(0.05)
        return found

    async def end(self, how: signal.Signals) -> int:
        assert self._process is not None
        assert self._reading is not None
        self._process.send_signal(how)
        code = await asyncio.wait_for(self._process.wait(), 30)
        await self._reading
        return code


async def stored_runs(database: str) -> tuple[dict[str, list[int]], list[Run]]:
    """The seqs of each epoch, and every run."""
    store = await open_store(database)
    chains = await store.read(ledger.stored_ranges, "st-elsewhere")
    seqs: dict[str, list[int]] = {}
    runs: list[Run] = []
    for chain, wanted in chains.items():
        found = await store.read(ledger.read_batches, "st-elsewhere", chain, wanted, 100_000)
        for one in found:
            opened = batch.open_batch(one.data)
            seqs.setdefault(opened.header.epoch, []).append(opened.header.seq)
            runs += batch.runs_of(opened)
    await store.close()
    return seqs, runs


@pytest.mark.timeout(1_200)
async def test_what_an_agent_counted_survives_kill_9_of_it_and_of_its_collector(
    tmp_path: Path,
) -> None:
    rng = random.Random(11)
    state = tmp_path / "state"
    key = identity.public_text(identity.load_or_make_key(state))
    portal = Portal()
    await portal.start()
    config = tmp_path / "wardwatch.yaml"
    config.write_text(json.dumps(document(portal.url, key)))
    database = f"sqlite:///{tmp_path}/wardwatch.db"
    collector = await start_collector(config, database)
    place = collector.url.rpartition(":")[2]
    agent = Agent(config, collector.url, state)
    counted = 0
    for round_ in range(longer(2)):
        await agent.start()
        await agent.counted(1)
        if round_ == 0:
            await collector.kill()
        await asyncio.sleep(rng.uniform(0, 1.2))
        counted += await agent.counted(1)
        assert await agent.end(signal.SIGKILL) == -signal.SIGKILL
        if round_ == 0:
            collector = await start_collector(config, database, "--listen", f"127.0.0.1:{place}")
    await agent.start()
    await agent.counted(1)
    async with asyncio.timeout(30):
        while await agent.metrics("wardwatch_uplink_pending_batches") > 0:
            await asyncio.sleep(0.05)
    counted += await agent.counted(1)
    assert await agent.end(signal.SIGTERM) == 0
    assert await collector.stop() == 0
    await portal.stop()
    seqs, runs = await stored_runs(database)
    slots = Counter((run.check, run.slot_ms) for run in runs)
    assert len(slots) >= counted
    assert {slot: count for slot, count in slots.items() if count > 1} == {}
    assert [sorted(one) for one in seqs.values()] == [
        list(range(1, len(one) + 1)) for one in seqs.values()
    ]
    assert len(seqs) == 1
    assert not any("Traceback" in line or "spool.new_epoch" in line for line in agent.log[5:])
