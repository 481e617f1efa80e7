"""A whole collector with its own access, without its own loops; the clock moves by hand."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientResponse, CookieJar
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.access.access import Access
from collector.access.actors import Kind
from collector.access.passwords import Passwords
from collector.access.policy import Role
from collector.access.throttle import Buckets
from collector.api.app import build_app
from collector.api.dispatch import Limits
from collector.service import Service, World
from collector.store.store import Store
from probes.clock import ManualClock
from probes.config import Config
from probes.configfile import canonical
from tests.support.entering import PASSWORD, Person
from tests.support.promises import checked
from tests.support.rounds import START, config

DAY_MS = 86_400_000
CLIENT_SECRET = b"5c1d0c7e-wardwatch"


@dataclass
class Collector:
    service: Service
    clock: ManualClock
    client: TestClient[Request, Application]

    @property
    def access(self) -> Access:
        return self.service.parts.access

    @property
    def origin(self) -> str:
        return str(self.client.make_url("/").origin())

    async def token(self, account: str, *roles: Role, days: int = 1) -> str:
        """A new person's token with all that these roles grant."""
        person = await self.person(account, *roles)
        made = await self.access.login_for_token(
            account, PASSWORD, self.code(person), None, days * DAY_MS
        )
        return made.secret

    async def person(self, account: str, *roles: Role) -> Person:
        """Somebody who has enrolled."""
        code = await self.access.invitation(None, account, roles, Kind.PERSON)
        assert code is not None
        return await self.enrol(code, account)

    async def enrol(self, code: str, account: str) -> Person:
        begun = await self.access.begin(code)
        person = Person(account, PASSWORD, begun.secret)
        await self.access.enrol(code, account, PASSWORD, self.code(person))
        return person

    def code(self, person: Person) -> str:
        return person.code(self.clock.now_ms() // 1000)

    async def form(self, path: str, origin: str | None = None, **fields: str) -> ClientResponse:
        """What a browser posts; it follows no redirect."""
        headers = {"Origin": self.origin if origin is None else origin}
        return await self.client.post(path, data=fields, headers=headers, allow_redirects=False)


def often() -> Limits:
    """Nobody is asked to wait; what waiting looks like is in `test_dispatch.py`."""
    return Limits(*(Buckets(100_000, 100_000, 100) for _ in range(5)))


@asynccontextmanager
async def a_collector(
    store: Store,
    used: Config | None = None,
    *,
    port: int | None = None,
    start: int = START,
    config_key: Ed25519PrivateKey | None = None,
    log_guard: Path | None = None,
    attestations: Path | None = None,
) -> AsyncIterator[Collector]:
    """`start`: what the clock shows first, UTC ms."""
    clock, config_ = ManualClock(start), used or config()
    rng = random.Random(1)
    world = World(clock, rng, lambda _ref: CLIENT_SECRET, "one", rng.randbytes)
    quick = Passwords(time_cost=1, memory_cost=8, parallelism=1)
    service = Service(
        store,
        config_,
        canonical(config_),
        world,
        passwords=quick,
        config_key=config_key,
        log_guard=log_guard,
        attestations=attestations,
    )
    await service.prepare()
    ingesting = asyncio.create_task(service.parts.ingest.run())
    app = checked(build_app(service.parts, limited=often()))
    server = TestServer(app, port=port)
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        await clock.advance(1_000)
        yield Collector(service, clock, client)
    ingesting.cancel()
    await asyncio.gather(ingesting, return_exceptions=True)
    quick.close()
