"""A flood of logins: passwords are hashed at their real cost, and evidence is taken in meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest
from aiohttp import ClientSession, TCPConnector
from aiohttp.test_utils import TestServer

from collector.access.passwords import Passwords
from collector.api.agents import BATCH
from collector.api.app import build_app
from collector.service import Service, World
from collector.store.store import Store
from probes.clock import SystemClock
from probes.configfile import canonical
from probes.contract import Outcome
from tests.support.batches import seal
from tests.support.collectors import often
from tests.support.rounds import KEYS, ORG, START, config, result

MOST = 20_000
"""Logins at most; the flood ends with the last batch."""
AT_ONCE = 60


@pytest.mark.timeout(100)
async def test_a_flood_of_logins_does_not_starve_ingest(sqlite_store: Store) -> None:
    clock, used = SystemClock(), config(channels={}, routes=[])
    passwords = Passwords()
    world = World(clock, random.Random(1), lambda _ref: b"secret", "one")
    service = Service(sqlite_store, used, canonical(used), world, passwords=passwords)
    await service.prepare()
    ingesting = asyncio.create_task(service.parts.ingest.run())
    answers: Counter[int] = Counter()
    stop = asyncio.Event()

    async def flood(url: str, number: int) -> None:
        async with ClientSession(connector=TCPConnector(limit=1)) as session:
            for n in range(MOST // AT_ONCE):
                if stop.is_set():
                    return
                body = {"account": f"a{number}-{n}", "password": "x" * 100, "code": "123456"}
                async with session.post(f"{url}/api/v1/login", json=body) as answer:
                    answers[answer.status] += 1

    async with TestServer(build_app(service.parts, limited=often())) as server:
        url = str(server.make_url("")).rstrip("/")
        flooding = [asyncio.create_task(flood(url, number)) for number in range(AT_ONCE)]
        acknowledged = 0
        async with ClientSession() as session:
            while answers.total() < AT_ONCE:
                await asyncio.sleep(0.01)
            for seq in range(1, 13):
                one = result(clock.now_ms() - START - 1_000, Outcome.UP)
                data = seal(KEYS["north-1"], ORG, "north-1", "e1", seq, [one])
                headers = {"Content-Type": BATCH}
                async with session.post(
                    f"{url}/agent/v1/batches", data=data, headers=headers
                ) as stored:
                    assert stored.status == 200
                acknowledged += 1
        assert not any(task.done() for task in flooding)
        stop.set()
        await asyncio.gather(*flooding)
    # Whoever found the queue full was sent away at once: far more than could ever be hashed.
    assert acknowledged == 12
    assert set(answers) == {401, 429}
    assert answers[429] > 10 * answers[401]
    ingesting.cancel()
    await asyncio.gather(ingesting, return_exceptions=True)
    passwords.close()
