"""Somebody's Access under test: quick hashes that are counted, a clock moved by hand."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from argon2 import PasswordHasher
from pyotp import TOTP

from collector import journal
from collector.access.access import Access
from collector.access.actors import Actor, Kind
from collector.access.passwords import Passwords
from collector.access.policy import Permission, Role
from collector.access.refusals import AccessError
from collector.store.store import Store
from probes.clock import ManualClock
from tests.support.rounds import START

PASSWORD = "four quiet words here"
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NUMBERS = itertools.count(1)
P, R = Permission, Role


class CountingHasher(PasswordHasher):
    """How many ran, and how many at once."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified = 0
        self.running = 0
        self.most = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
        self.running += 1
        self.verified += 1
        self.most = max(self.most, self.running)
        try:
            return super().verify(hash, password)
        finally:
            self.running -= 1


@dataclass
class Desk:
    """`secrets`: every secret handed out or typed so far; `factors`: the second one, by account."""

    access: Access
    store: Store
    clock: ManualClock
    hasher: CountingHasher
    org: str
    secrets: list[str] = field(default_factory=list)
    factors: dict[str, str] = field(default_factory=dict)

    @property
    def now(self) -> int:
        """Since the start."""
        return self.clock.now_ms() - START

    def later(self, by_ms: int) -> None:
        self.clock.step_wall(by_ms)

    def code(self, account: str, steps: int = 0) -> str:
        """What the authenticator shows now, or some steps later."""
        step = self.clock.now_ms() // 30_000 + steps
        shown: str = TOTP(self.factors[account]).generate_otp(step)
        self.secrets.append(shown)
        return shown

    async def enrolled(self, code: str, account: str, password: str = PASSWORD) -> str:
        """Use an invitation up, a step before anything else happens."""
        begun = await self.access.begin(code)
        self.secrets += [code, password]
        self.factors[account] = begun.secret
        done = await self.access.enrol(code, account, password, self.code(account))
        self.later(30_000)
        return done

    async def person(
        self, account: str, *roles: Role, by: Actor | None = None, password: str = PASSWORD
    ) -> str:
        code = await self.access.invitation(by, account, roles, Kind.PERSON)
        assert code is not None
        return await self.enrolled(code, account, password)

    async def service(self, account: str, *roles: Role, by: Actor | None = None) -> None:
        assert await self.access.invitation(by, account, roles, Kind.SERVICE) is None

    async def login(self, account: str, password: str = PASSWORD) -> str:
        """A session's secret; the clock goes on by a step, as a code works once."""
        secret = await self.access.login(account, password, self.code(account))
        self.secrets.append(secret)
        self.later(30_000)
        return secret

    async def actor(self, account: str) -> Actor:
        found = await self.access.actor_of_session(await self.login(account))
        assert found is not None
        return found

    async def token(
        self, by: Actor, owner: str, scopes: Iterable[Permission], lifetime_ms: int = DAY
    ) -> Actor:
        """Who acts with a new token."""
        minted = await self.access.create_token(by, owner, scopes, lifetime_ms)
        self.secrets.append(minted.secret)
        found = await self.access.actor_of_token(minted.secret)
        assert found is not None
        return found

    async def admin(self) -> Actor:
        await self.person("ada", R.ADMIN)
        return await self.actor("ada")

    async def rows(self, after: int = 0) -> list[tuple[str, str, dict[str, Any]]]:
        """(kind, actor, data) of the journal after a row."""
        found = await self.store.read(journal.rows, self.org, after=after)
        return [(row.kind, row.actor, json.loads(row.data)) for row in found]

    async def last_row(self) -> int:
        return len(await self.store.read(journal.rows, self.org))


def a_desk(store: Store, passwords: Passwords) -> Desk:
    """Of an organization that nobody else has; its number is the seed of its chance."""
    number = next(NUMBERS)
    org, clock = f"hospital-{number}", ManualClock(START)
    hasher = CountingHasher()
    passwords._hasher = hasher
    access = Access(store, org, "St. Elsewhere", clock, passwords, random.Random(number).randbytes)
    return Desk(access, store, clock, hasher, org)


@asynccontextmanager
async def refused(code: str, **detail: int | str) -> AsyncIterator[None]:
    """The block is refused with this code, and this beside it."""
    with pytest.raises(AccessError) as caught:
        yield
    assert (caught.value.code, caught.value.detail) == (code, detail)
