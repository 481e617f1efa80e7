"""kill -9 at any moment loses no acknowledged result and makes no second incident or message."""

from __future__ import annotations

import asyncio
import json
import random
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from collector.store import ledger, ranges
from collector.store.open import open_store
from probes.contract import Outcome
from probes.results import Result
from tests.support.batches import seal
from tests.support.hook import SECRET, Hook, hook
from tests.support.process import CollectorProcess, start_collector
from tests.support.rounds import KEYS, ORG, document

EVERY_S = 0.02


class Agent:
    """Sends one result a batch, and again whatever was not acknowledged."""

    def __init__(self) -> None:
        self.outcome = Outcome.UP
        self.acknowledged: set[int] = set()
        self._waiting: dict[int, bytes] = {}
        self._seq = 0
        self._last = 0

    async def send(self, session: aiohttp.ClientSession, url: str) -> None:
        self._last = max(self._last + 1, time.time_ns() // 1_000_000)
        self._seq += 1
        reason = "ok" if self.outcome is Outcome.UP else "tcp.refused"
        result = Result("ehr-read", "north-1", self._last, self.outcome, reason, 1, 0)
        self._waiting[self._seq] = seal(KEYS["north-1"], ORG, "north-1", "e1", self._seq, [result])
        for seq, data in list(self._waiting.items()):
            async with session.post(
                f"{url}/agent/v1/batches",
                data=data,
                headers={"Content-Type": "application/vnd.wardwatch.batch"},
            ) as response:
                assert response.status == 200
                self.acknowledged.add(seq)
                del self._waiting[seq]

    async def work(self, collector: CollectorProcess, seconds: float) -> None:
        """Until the time is over or nobody answers any more."""
        end = time.monotonic() + seconds
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < end:
                try:
                    await self.send(session, collector.url)
                except aiohttp.ClientError:
                    return
                await asyncio.sleep(EVERY_S)


def write_config(path: Path, receiver: Hook) -> Path:
    changes: dict[str, Any] = {
        "policy": {"recover_for": "1s"},
        "systems": {"ehr": {"name": "EHR", "impact": {"class": "administrative"}}},
        "channels": {"desk": {"kind": "webhook", "url": receiver.url, "secret": "env:HOOK_SECRET"}},
    }
    checks = document()["checks"]
    checks["ehr-read"]["confirm"] = {"down": 3}
    path.write_text(json.dumps(document(**changes, checks=checks)))
    return path


async def get(collector: CollectorProcess, path: str, headers: dict[str, str]) -> Any:
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(collector.url + path) as response,
    ):
        return await response.json()


async def until(
    status: str, collector: CollectorProcess, agent: Agent, headers: dict[str, str]
) -> list[Any]:
    """Keep working until there are incidents and all have this status; the incidents."""
    for _ in range(100):
        await agent.work(collector, 0.1)
        found: list[Any] = (await get(collector, "/api/v1/incidents", headers))["incidents"]
        if found and all(i["status"] == status for i in found):
            return found
    pytest.fail(f"the incident was not {status}")


async def test_kill_9_loses_nothing_acknowledged_and_says_nothing_twice(tmp_path: Path) -> None:
    rng = random.Random(7)
    agent = Agent()
    database = f"sqlite:///{tmp_path}/wardwatch.db"
    env = {"HOOK_SECRET": SECRET.decode()}
    async with hook() as receiver:
        config = write_config(tmp_path / "wardwatch.yaml", receiver)
        collector = await start_collector(config, database, env=env)
        headers = await collector.enter()
        await agent.work(collector, 0.3)
        agent.outcome = Outcome.DOWN
        for _ in range(4):
            working = asyncio.create_task(agent.work(collector, 5))
            await asyncio.sleep(rng.uniform(0.02, 0.3))
            await collector.kill()
            await working
            collector = await start_collector(config, database, env=env)
        # On a slow machine no look may have come between two kills.
        await until("open", collector, agent, headers)
        agent.outcome = Outcome.UP
        (incident,) = await until("resolved", collector, agent, headers)
        path = f"/api/v1/incidents/{incident['key']}"
        events = (await get(collector, path, headers))["events"]
        for _ in range(100):
            if len(set(receiver.ids)) == 3:
                break
            await asyncio.sleep(0.05)
        assert await collector.stop() == 0
    assert [e["kind"] for e in events] == [
        "incident.opened",
        "incident.recovered",
        "incident.resolved",
    ]
    # at least once each, in order; a repeat has the id of the first
    bodies = {post.id: json.loads(post.body) for post in receiver.posts}
    assert [b["data"]["step"] for b in bodies.values()] == ["opened", "recovered", "resolved"]
    assert {b["data"]["key"] for b in bodies.values()} == {f"{ORG}.{incident['key']}.desk"}
    store = await open_store(database)
    stored = (await store.read(ledger.stored_ranges, ORG))["north-1", "e1"]
    await store.close()
    assert len(agent.acknowledged) > 10
    assert [seq for seq in agent.acknowledged if not ranges.contains(stored, seq)] == []
    assert not any("Traceback" in line for line in collector.log)
