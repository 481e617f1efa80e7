"""A collector in a thread of its own, for tools that ask without an event loop."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from aiohttp.test_utils import TestServer

from collector.access.actors import Kind
from collector.access.passwords import Passwords
from collector.access.policy import Role
from collector.api.app import build_app
from collector.service import Service, World
from collector.store.open import open_store
from probes.clock import SystemClock
from probes.configfile import canonical
from probes.contract import Outcome
from tests.support.batches import seal
from tests.support.collectors import often
from tests.support.entering import PASSWORD, Person
from tests.support.promises import checked
from tests.support.rounds import KEYS, ORG, START, config, result


@dataclass(frozen=True)
class Serving:
    """Its address, and tokens by account."""

    url: str
    tokens: Mapping[str, str]


@contextmanager
def serving(database: str, people: Mapping[str, tuple[Role, ...]]) -> Iterator[Serving]:
    """By the host's clock, with a minute of results, one of them down."""
    started: list[Serving | BaseException] = []
    ready, stop = threading.Event(), threading.Event()

    async def run() -> None:
        try:
            await _serve(database, people, started, ready, stop)
        except BaseException as error:
            started.append(error)
            ready.set()
            raise

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        assert ready.wait(60)
        first = started[0]
        if isinstance(first, BaseException):
            raise first
        yield first
    finally:
        stop.set()
        thread.join(60)


async def _serve(
    database: str,
    people: Mapping[str, tuple[Role, ...]],
    started: list[Serving | BaseException],
    ready: threading.Event,
    stop: threading.Event,
) -> None:
    store = await open_store(database)
    clock, used = SystemClock(), config(channels={}, routes=[])
    quick = Passwords(time_cost=1, memory_cost=8, parallelism=1)
    world = World(clock, random.Random(1), lambda _ref: b"secret", "one")
    service = Service(store, used, canonical(used), world, passwords=quick)
    await service.prepare()
    ingesting = asyncio.create_task(service.parts.ingest.run())
    now = clock.now_ms()
    results = [
        result(now - 60_000 + n * 10_000 - START, Outcome.DOWN if n in (2, 3) else Outcome.UP)
        for n in range(6)
    ]
    await service.parts.ingest.accept(seal(KEYS["north-1"], ORG, "north-1", "e1", 1, results))
    await service.parts.evaluator.step()
    tokens = {}
    for account, roles in people.items():
        code = await service.parts.access.invitation(None, account, roles, Kind.PERSON)
        assert code is not None
        begun = await service.parts.access.begin(code)
        person = Person(account, PASSWORD, begun.secret)
        at_s = clock.now_ms() // 1000
        await service.parts.access.enrol(code, account, PASSWORD, person.code(at_s))
        made = await service.parts.access.login_for_token(
            account, PASSWORD, person.code(at_s), None, 3_600_000
        )
        tokens[account] = made.secret
    server = TestServer(checked(build_app(service.parts, limited=often())))
    await server.start_server()
    started.append(Serving(str(server.make_url("")).rstrip("/"), tokens))
    ready.set()
    while not stop.is_set():
        await asyncio.sleep(0.05)
    await server.close()
    ingesting.cancel()
    await asyncio.gather(ingesting, return_exceptions=True)
    quick.close()
    await store.close()
