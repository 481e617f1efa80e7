"""What the collector serves agents: their part, signed, to whoever signed the question, at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientResponse
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector import versions
from collector.core.agent_keys import Key, KeyState
from collector.keyring import Ring
from collector.store.store import Store
from probes import agentconfig
from probes.agentconfig import CONTENT_TYPE, QUESTION_TYPE, AgentConfig, Question
from probes.config import Config
from probes.configfile import canonical, digest
from tests.support.collectors import Collector, a_collector
from tests.support.rounds import KEYS, ORG, START, config, document, public

SIGNING = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOW = START + 1_000


def asking(
    have: int = 0,
    *,
    agent: str = "north-1",
    key: str = "north-1",
    at: int = NOW,
    nonce: int = 1,
    org: str | None = ORG,
) -> bytes:
    question = Question(org=org, agent=agent, have=have, at=at, nonce=f"{nonce:032x}")
    return agentconfig.ask(KEYS[key], question)


async def ask(collector: Collector, data: bytes, kind: str = QUESTION_TYPE) -> ClientResponse:
    return await collector.client.post(
        "/agent/v1/config", data=data, headers={"Content-Type": kind}
    )


async def code(collector: Collector, data: bytes, kind: str = QUESTION_TYPE) -> tuple[int, str]:
    response = await ask(collector, data, kind)
    return response.status, (await response.json(content_type=None))["code"]


async def served(response: ClientResponse) -> AgentConfig:
    assert (response.status, response.content_type) == (200, CONTENT_TYPE)
    return agentconfig.read(await response.read(), agentconfig.public_text(SIGNING))


@asynccontextmanager
async def a_server(store: Store, used: Config | None = None) -> AsyncIterator[Collector]:
    async with a_collector(store, used, config_key=SIGNING) as collector:
        yield collector


async def test_an_agent_gets_its_part_of_the_newest_version(store: Store) -> None:
    async with a_server(store) as collector:
        part = await served(await ask(collector, asking()))
        assert (part.org, part.agent, part.issued_at) == (ORG, "north-1", NOW)
        assert list(part.checks) == ["ehr-read"]
        assert part.digest == digest(config())
        other = asking(agent="south-1", key="south-1", org=None)
        assert (await served(await ask(collector, other))).checks == {}
        # another version: a higher number, though other rows were recorded between
        changed = config(policy={"recover_for": "90s"})
        await store.write(versions.record, ORG, canonical(changed), NOW)
        await collector.clock.advance(500)
        newer = await served(await ask(collector, asking(part.version, nonce=2)))
        assert newer.version > part.version
        assert newer.digest == digest(changed)
        # an agent that has more than there is: a database put back. It hears what there is.
        again = await served(await ask(collector, asking(newer.version + 5, nonce=3)))
        assert again.version == newer.version


async def test_a_question_waits_for_news_and_hears_of_it_within_a_second(
    sqlite_store: Store,
) -> None:
    async with a_server(sqlite_store) as collector:
        have = (await served(await ask(collector, asking()))).version
        waiting = asyncio.create_task(ask(collector, asking(have, nonce=2)))
        await pass_by(collector, 10_000)
        assert not waiting.done()
        changed = config(policy={"recover_for": "90s"})
        await sqlite_store.write(versions.record, ORG, canonical(changed), NOW)
        await pass_by(collector, 1_000)
        assert (await served(await asyncio.wait_for(waiting, 5))).digest == digest(changed)


async def test_without_news_it_is_told_so_after_25_seconds_or_when_the_process_stops(
    sqlite_store: Store,
) -> None:
    async with a_server(sqlite_store) as collector:
        have = (await served(await ask(collector, asking()))).version
        waiting = asyncio.create_task(ask(collector, asking(have, nonce=2)))
        await pass_by(collector, 24_000)
        assert not waiting.done()
        await pass_by(collector, 1_500)
        assert (await asyncio.wait_for(waiting, 5)).status == 204
        waiting = asyncio.create_task(ask(collector, asking(have, nonce=3)))
        await pass_by(collector, 1_000)
        serving = collector.service.parts.serving
        assert serving is not None
        serving.close()
        await pass_by(collector, 1_000)
        assert (await asyncio.wait_for(waiting, 5)).status == 204


async def pass_by(collector: Collector, ms: int) -> None:
    """In steps that let the server's threads and sockets keep up."""
    for _ in range(ms // 500):
        await asyncio.sleep(0.005)
        await collector.clock.advance(500)
    await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (asking(key="south-1"), (403, "config.unknown_agent")),
        (asking(agent="east-9"), (403, "config.unknown_agent")),
        (asking(org="general"), (403, "config.other_org")),
        (asking(at=NOW - 300_001), (403, "config.clock")),
        (asking(at=NOW + 300_001), (403, "config.clock")),
        (asking()[:-1], (400, "config.malformed")),
        (asking() + b"x", (403, "config.unknown_agent")),
        (b"", (400, "config.malformed")),
        (b"WWQ\x01" + b"\xff" * 8_000, (400, "config.malformed")),
        (b"x" * 8_193, (413, "config.too_large")),
    ],
)
async def test_what_is_no_question_of_a_known_agent_is_refused(
    sqlite_store: Store, data: bytes, expected: tuple[int, str]
) -> None:
    async with a_server(sqlite_store) as collector:
        assert await code(collector, data) == expected


async def test_a_wrong_clock_is_told_the_time(sqlite_store: Store) -> None:
    async with a_server(sqlite_store) as collector:
        response = await ask(collector, asking(at=0))
        assert (response.status, (await response.json(content_type=None))["now_ms"]) == (403, NOW)
        for nonce, at in ((2, NOW - 300_000), (3, NOW + 300_000)):
            assert (await ask(collector, asking(at=at, nonce=nonce))).status == 200


async def test_a_question_is_answered_once_and_not_too_often(sqlite_store: Store) -> None:
    async with a_server(sqlite_store) as collector:
        assert (await ask(collector, asking())).status == 200
        assert await code(collector, asking()) == (409, "config.asked_before")
        for nonce in range(2, 257):
            assert (await ask(collector, asking(nonce=nonce))).status == 200
        response = await ask(collector, asking(nonce=257))
        assert (response.status, response.headers["Retry-After"]) == (429, "5")
        # another agent is not held up by it, and its time comes again
        assert (await ask(collector, asking(agent="south-1", key="south-1"))).status == 200
        await collector.clock.advance(300_001)
        later = collector.clock.now_ms()
        assert (await ask(collector, asking(at=later, nonce=258))).status == 200


async def test_an_enrolled_agent_is_known_by_its_key_as_long_as_that_is_taken(
    sqlite_store: Store,
) -> None:
    used = config(agents=document()["agents"] | {"north-1": {"site": "north"}})
    async with a_collector(sqlite_store, used, config_key=SIGNING) as collector:
        keys = collector.service.parts.keys

        def standing(state: KeyState, valid_until: int | None = None) -> None:
            key = Key("north-1", "f" * 64, public("north-1"), state, START, valid_until=valid_until)
            keys.ring = Ring(1, {"north-1": [key]})

        standing(KeyState.PENDING)
        assert await code(collector, asking()) == (403, "config.unknown_agent")
        standing(KeyState.APPROVED)
        assert (await ask(collector, asking(nonce=2))).status == 200
        standing(KeyState.REPLACED, NOW + 1)
        assert (await ask(collector, asking(nonce=3))).status == 200
        standing(KeyState.REPLACED, NOW)
        assert await code(collector, asking(nonce=4)) == (403, "config.unknown_agent")
        standing(KeyState.REVOKED)
        assert await code(collector, asking(nonce=5)) == (403, "config.unknown_agent")


async def test_an_agent_without_a_pinned_key_or_a_collector_without_one_serves_nothing(
    sqlite_store: Store,
) -> None:
    agents = document()["agents"] | {"north-1": {"site": "north"}}
    async with a_collector(sqlite_store, config(agents=agents), config_key=SIGNING) as collector:
        assert await code(collector, asking()) == (403, "config.unknown_agent")
        assert await code(collector, asking(), "text/plain") == (415, "config.content_type")
    async with a_collector(sqlite_store) as collector:
        assert await code(collector, asking()) == (404, "config.no_key")
