"""Server-sent events over HTTP: from a batch to what a listener reads."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from collector.access.actors import Actor
from collector.access.policy import Role
from collector.api.app import build_app
from collector.api.events import FEED, look
from collector.api.feed import BEHIND, Feed
from collector.service import Service, World
from collector.store.store import Store
from probes.clock import ManualClock
from probes.configfile import canonical
from probes.contract import Outcome
from tests.support.known import VIEWER, Known, bearer
from tests.support.planning import Desk, a_desk
from tests.support.promises import checked
from tests.support.rounds import ORG, START, config, result

UP, DOWN = Outcome.UP, Outcome.DOWN
KEY = f"ehr.availability.{START + 11_000}"
PATH = "/api/v1/events"
STILL_HERE = ": still here"


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    async with a_desk(store) as opened:
        yield opened


@asynccontextmanager
async def listening(desk: Desk, **headers: str) -> AsyncIterator[ClientResponse]:
    async with desk.client.get(PATH, headers=VIEWER | headers) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        yield response


async def block(response: ClientResponse) -> str:
    """The next event or comment as it stands."""
    async with asyncio.timeout(20):
        return (await response.content.readuntil(b"\n\n")).decode().removesuffix("\n\n")


async def event(response: ClientResponse) -> tuple[str, Any]:
    """Name and data of the next event; comments are passed over."""
    text = STILL_HERE
    while text == STILL_HERE:
        text = await block(response)
    number, name, data = text.split("\n")
    assert number.startswith("id: ")
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


async def outage(desk: Desk) -> None:
    """Up at 1 s, down at 11 s and 21 s; looked at 31 s after the start."""
    await desk.clock.advance(30_000)
    await desk.send([result(1_000, UP), result(11_000, DOWN), result(21_000, DOWN)], seq=1)
    await desk.service.parts.evaluator.step()


async def recovery(desk: Desk) -> None:
    """Up from 31 s on, for longer than it takes to be believed."""
    await desk.clock.advance(90_000)
    await desk.send([result(31_000 + 10_000 * n, UP) for n in range(9)], seq=2)
    await desk.service.parts.evaluator.step()


def at(second: int) -> str:
    return f"2026-01-01T00:00:{second:02d}.000Z"


async def test_a_listener_hears_what_is_and_then_what_changes(desk: Desk) -> None:
    await desk.service.parts.evaluator.step()
    async with listening(desk) as response:
        name, data = await event(response)
        assert (name, data["incidents"]) == ("snapshot", [])
        assert [(s["system"], s["site"], s["state"]) for s in data["states"]] == [
            ("ehr", None, "unknown"),
            ("ehr", "north", "unknown"),
            ("ehr", "south", "not_monitored"),
        ]
        await outage(desk)
        await desk.clock.advance(1_000)
        down = {"state": "down", "since": at(11)}
        assert [await event(response) for _ in range(2)] == [
            ("state", {"system": "ehr", "site": None} | down),
            ("state", {"system": "ehr", "site": "north"} | down),
        ]
        name, incident = await event(response)
        assert name == "incident"
        assert incident == (await desk.get("incidents"))["incidents"][0]
        assert (incident["key"], incident["status"]) == (KEY, "open")
        await recovery(desk)
        await desk.clock.advance(1_000)
        found = [await event(response) for _ in range(3)]
        assert [name for name, _ in found] == ["state", "state", "incident"]
        assert (found[2][1]["key"], found[2][1]["status"]) == (KEY, "recovered")
        assert found[2][1]["recovered_at"] is not None


async def test_who_comes_back_gets_everything_again(desk: Desk) -> None:
    await outage(desk)
    async with listening(desk, **{"Last-Event-ID": "12"}) as response:
        name, data = await event(response)
        assert name == "snapshot"
        assert data["states"][0] == {
            "system": "ehr",
            "site": None,
            "state": "down",
            "since": at(11),
        }
        assert [one["key"] for one in data["incidents"]] == [KEY]


async def test_what_recovered_is_found_by_the_journal_once(desk: Desk) -> None:
    await outage(desk)
    store = desk.service.parts.store
    first = await store.read(look, ORG, START, None)
    assert [one.standing.state for one in first.incidents] == ["open"]
    await recovery(desk)
    second = await store.read(look, ORG, START, first.row)
    assert [(one.row.incident.key, one.standing.state) for one in second.incidents] == [
        (KEY, "recovered")
    ]
    third = await store.read(look, ORG, START, second.row)
    assert (third.row, list(third.incidents)) == (second.row, [])


async def test_the_line_is_kept_open_by_comments(desk: Desk) -> None:
    async with listening(desk) as response:
        await event(response)
        await desk.clock.advance(15_000)
        assert await block(response) == STILL_HERE


class Forgetful(Known):
    """Knows everybody until it is told to know nobody."""

    nobody = False
    asked = 0

    async def actor_of_token(self, secret: str) -> Actor | None:
        self.asked += 1
        return None if self.nobody else await super().actor_of_token(secret)


@asynccontextmanager
async def forgetful(store: Store) -> AsyncIterator[tuple[Forgetful, ManualClock, Any]]:
    clock, knows, used = ManualClock(START), Forgetful(), config()
    world = World(clock, random.Random(1), lambda _ref: b"secret", "one")
    service = Service(store, used, canonical(used), world)
    await service.prepare()
    app = checked(build_app(service.parts, knows))
    async with TestClient(TestServer(app)) as client:
        yield knows, clock, client


@pytest.mark.parametrize("how", ["revoked", "other roles"])
async def test_a_right_that_is_gone_ends_the_stream_within_a_minute(
    sqlite_store: Store, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        forgetful(sqlite_store) as (knows, clock, client),
        client.get(PATH, headers=VIEWER) as response,
    ):
        await event(response)
        for _ in range(4):
            await clock.advance(15_000)
            assert await block(response) == STILL_HERE
        # still allowed, and asked again within the minute
        assert knows.asked == 2
        if how == "revoked":
            knows.nobody = True
        else:
            monkeypatch.setattr(Actor, "may", lambda _self, _needs: False)
        await clock.advance(60_000)
        async with asyncio.timeout(20):
            rest = await response.read()
        assert rest in (b"", b": still here\n\n", b": still here\n\n" * 2)
        assert response.content.at_eof()


async def test_without_the_right_nobody_listens(desk: Desk) -> None:
    response = await desk.client.get(PATH)
    assert response.status == 401
    assert await desk.problem("events?since=1") == (400, "api.query")
    async with desk.client.get(PATH, headers=bearer("auditor-1", Role.AUDITOR)) as allowed:
        assert (await event(allowed))[0] == "snapshot"


async def test_one_more_than_a_hundred_gets_429(desk: Desk) -> None:
    feed = desk.client.app[FEED]
    feed._listeners += [object()] * 100  # type: ignore[list-item]  # places that are taken
    response = await desk.client.get(PATH, headers=VIEWER)
    assert (response.status, response.headers["Retry-After"]) == (429, "30")
    assert (await response.json(content_type=None))["code"] == "events.too_many"
    feed._listeners.clear()


@asynccontextmanager
async def served(desk: Desk) -> AsyncIterator[tuple[Feed, URL]]:
    """As the service serves: handlers are not told that a client has gone."""
    app = build_app(desk.service.parts, Known())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield app[FEED], URL(f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}")
    await runner.cleanup()


async def test_who_does_not_read_is_cut_off(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    async with served(desk) as (feed, url):
        reader, writer = await asyncio.open_connection(url.host, url.port)
        head = f"GET {PATH} HTTP/1.1\r\nHost: x\r\n"
        writer.write(f"{head}Authorization: {VIEWER['Authorization']}\r\n\r\n".encode())
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        (listener,) = feed._listeners
        async with asyncio.timeout(20):
            while feed._listeners:
                # more than the sockets between them take
                listener.tell(": " + "x" * 100_000 + "\n\n")
                await asyncio.sleep(0)
        assert listener.ended
        writer.transport.abort()
    assert caplog.text == ""  # that somebody is gone is no defect


async def test_who_goes_away_makes_room(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    async with served(desk) as (feed, url):
        async with ClientSession() as session, session.get(url, headers=VIEWER) as response:
            await event(response)
            assert len(feed._listeners) == 1
        async with asyncio.timeout(20):
            while feed._listeners:
                await desk.clock.advance(15_000)
    assert caplog.text == ""


async def test_who_goes_away_while_it_is_written_to_makes_room(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(desk) as (feed, url):
        reader, writer = await asyncio.open_connection(url.host, url.port)
        head = f"GET {PATH} HTTP/1.1\r\nHost: x\r\n"
        writer.write(f"{head}Authorization: {VIEWER['Authorization']}\r\n\r\n".encode())
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        (listener,) = feed._listeners
        for _ in range(BEHIND - 1):
            listener.tell(": " + "x" * 100_000 + "\n\n")
        await desk.clock.advance(0)
        writer.transport.abort()
        async with asyncio.timeout(20):
            while feed._listeners:
                await asyncio.sleep(0)
        assert not listener.ended
    assert caplog.text == ""


async def test_streams_end_when_the_service_stops(sqlite_store: Store) -> None:
    clock, used = ManualClock(START), config(channels={}, routes=[])
    world = World(clock, random.Random(1), lambda _ref: b"secret", "one")
    service = Service(sqlite_store, used, canonical(used), world)
    await service.prepare()
    server = TestServer(build_app(service.parts, Known()), shutdown_timeout=3_600)
    async with ClientSession() as session:
        await server.start_server()
        async with session.get(server.make_url(PATH), headers=VIEWER) as response:
            await event(response)
            async with asyncio.timeout(20):
                await server.close()
            assert await response.read() == b""
