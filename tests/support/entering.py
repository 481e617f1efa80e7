"""Enters a running collector as people do: the one-time link, a password, an authenticator."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pyotp

PASSWORD = "rounds are made at seven"  # 24 characters, for tests and the demo only


@dataclass
class Person:
    """Somebody with an account: what they know and what their authenticator holds."""

    account: str
    password: str
    secret: str
    steps: int = 0

    def code(self, at_s: int) -> str:
        """What the authenticator shows; each code works once, so the next one when asked again."""
        self.steps += 1
        return pyotp.TOTP(self.secret).at(at_s + 30 * (self.steps - 1))


async def printed_code(log: Callable[[], str]) -> str:
    """The code of the one-time link, once the collector has printed it."""
    for _ in range(200):
        found = re.search(r"/enrol#(\S+)", log())
        if found is not None:
            return found.group(1)
        await asyncio.sleep(0.05)
    raise AssertionError("no link was printed")


async def enrol(
    session: aiohttp.ClientSession, url: str, code: str, account: str, at_s: int
) -> Person:
    """Use a one-time code up; `at_s` is the present second."""
    begun = await _post(session, f"{url}/api/v1/enrolment/begin", {"invitation": code})
    person = Person(account, PASSWORD, begun["secret"])
    body = {
        "invitation": code,
        "account": account,
        "password": PASSWORD,
        "code": person.code(at_s),
    }
    await _post(session, f"{url}/api/v1/enrolment", body)
    return person


async def log_in(session: aiohttp.ClientSession, url: str, person: Person, at_s: int) -> str:
    """A token for some hours."""
    body = {
        "account": person.account,
        "password": person.password,
        "code": person.code(at_s),
    }
    found: str = (await _post(session, f"{url}/api/v1/login", body))["token"]
    return found


async def _post(session: aiohttp.ClientSession, url: str, body: object) -> dict[str, Any]:
    async with session.post(url, json=body) as reply:
        answer: dict[str, Any] = await reply.json(content_type=None)
        assert reply.status == 200, answer
        return answer
