"""Taking pings: whose address it is, what is stored, what strangers learn, and what is left of it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from collector.access.throttle import Buckets
from collector.api.app import build_app
from collector.api.dispatch import Limits
from collector.pings import StoredPings, since_ms
from collector.store import pings
from collector.store.store import Store, StoreFault, StoreUnavailableError
from probes.config import Config
from probes.heartbeats import KEPT, PingKind
from probes.history import History, Version
from tests.contract.test_heartbeat import CHECK, REF, SECRET, hospital
from tests.support.collectors import Collector, a_collector
from tests.support.rounds import ORG, START, config, document

SECRETS = {REF: SECRET.encode()}
STRANGER = "0123456789abcdefABCDEF0123456789"


@pytest.fixture
async def collector(store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    async with a_collector(store, hospital()) as opened:
        monkeypatch.setattr(opened.service.parts.pings, "_read_secret", SECRETS.__getitem__)
        yield opened


async def kinds(collector: Collector, check: str = "nightly") -> list[str]:
    return [p.kind.value for p in await collector.service.parts.store.read(pings.of, ORG, check)]


async def ask(collector: Collector, method: str, path: str, **more: Any) -> tuple[int, bytes]:
    async with collector.client.request(method, path, **more) as answer:
        return answer.status, await answer.read()


async def test_each_word_and_method_is_taken_before_the_answer(collector: Collector) -> None:
    for method in ("GET", "HEAD", "POST"):
        for word in ("", "/start", "/success", "/fail", "/0", "/1", "/255"):
            status, body = await ask(collector, method, f"/heartbeat/{SECRET}{word}")
            assert (status, body) == (200, b"" if method == "HEAD" else b"OK\n")
    once = ["success", "start", "success", "fail", "success", "fail", "fail"]
    assert await kinds(collector) == once * 3


async def test_another_word_is_nobodys(collector: Collector) -> None:
    for word in ("/256", "/-1", "/0000", "/stop", "/START", "/start/more", "/%0a"):
        assert (await ask(collector, "POST", f"/heartbeat/{SECRET}{word}"))[0] == 404
    assert await kinds(collector) == []


async def test_what_strangers_send_is_answered_alike_and_leaves_no_trace(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = set()
    for secret in (STRANGER, SECRET[:-1], SECRET.upper(), "x", "%C3%A9" * 9):
        for word in ("", "/start", "/fail", "/7"):
            answers.add(await ask(collector, "POST", f"/heartbeat/{secret}{word}"))
    (answer,) = answers
    assert answer[0] == 404
    assert b"heartbeat" not in answer[1]
    assert await kinds(collector) == []
    await ask(collector, "POST", f"/heartbeat/{SECRET}/start", data=b"DOE^JANE")
    metrics = collector.service.parts.metrics.exposition().decode()
    # the access log of the tests' own server; the collector's has none (`Service.listen`)
    logged = [r.getMessage() for r in caplog.records if r.name != "aiohttp.access"]
    for line in (*logged, *metrics.splitlines()):
        assert not any(part in line for part in (SECRET, STRANGER, "DOE")), line


async def test_a_body_is_thrown_away_however_long_it_is(collector: Collector) -> None:
    for size in (0, 65_536, 900_000):
        async with collector.client.post(
            f"/heartbeat/{SECRET}", data=b"x" * size, headers={"Content-Type": "text/plain"}
        ) as answer:
            assert answer.status == 200
            assert ("close" in answer.headers.get("Connection", "")) is (size > 65_536)
    assert await kinds(collector) == ["success"] * 3


async def test_nothing_is_said_to_be_taken_that_the_store_could_not_keep(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_args: object) -> None:
        raise StoreUnavailableError(StoreFault.FULL)

    monkeypatch.setattr(collector.service.parts.store, "write", away)
    async with collector.client.post(f"/heartbeat/{SECRET}") as answer:
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0


async def test_of_one_check_sixty_at_once_and_then_one_a_second_are_taken(
    collector: Collector,
) -> None:
    path = f"/heartbeat/{SECRET}/start"
    statuses = [(await ask(collector, "GET", path))[0] for _ in range(61)]
    assert statuses == [200] * 60 + [429]
    async with collector.client.get(path) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
    await collector.clock.advance(1_000)
    assert (await ask(collector, "GET", path))[0] == 200


async def test_many_jobs_of_one_address_are_taken_and_not_any_number(
    collector: Collector,
) -> None:
    often, seldom = Buckets(100, 100, 9), Buckets(1, 3, 9)
    limited = Limits(often, often, often, often, seldom)
    server = TestServer(build_app(collector.service.parts, limited=limited))
    async with TestClient(server) as client:
        answers = [await client.get(f"/heartbeat/{STRANGER}") for _ in range(4)]
    assert [one.status for one in answers] == [404, 404, 404, 429]
    assert answers[3].headers["Retry-After"] == "1"


async def test_what_is_kept_of_a_check_does_not_grow(collector: Collector) -> None:
    taking = collector.service.parts.pings
    await taking.take(["nightly"], PingKind.FAIL)
    for _ in range(KEPT + 20):
        await collector.clock.advance(1_000)
        await taking.take(["nightly"], PingKind.START)
    found = await kinds(collector)
    assert found == ["fail", "start", *["start"] * KEPT]  # the first of them, too


async def test_a_changed_secret_counts_within_ten_seconds_and_the_old_one_no_longer(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await ask(collector, "GET", f"/heartbeat/{SECRET}"))[0] == 200
    changed = {REF: STRANGER.encode()}
    monkeypatch.setattr(collector.service.parts.pings, "_read_secret", changed.__getitem__)
    await collector.clock.advance(10_000)
    assert (await ask(collector, "GET", f"/heartbeat/{SECRET}"))[0] == 404
    assert (await ask(collector, "GET", f"/heartbeat/{STRANGER}"))[0] == 200


async def test_an_address_that_two_checks_share_counts_for_both(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = document()
    both = config(
        agents=known["agents"] | {"collector": {"site": "south"}},
        checks=known["checks"] | {"nightly": CHECK, "weekly": CHECK},
    )
    async with a_collector(sqlite_store, both) as opened:
        monkeypatch.setattr(opened.service.parts.pings, "_read_secret", SECRETS.__getitem__)
        assert (await ask(opened, "GET", f"/heartbeat/{SECRET}"))[0] == 200
        assert (await kinds(opened), await kinds(opened, "weekly")) == (["success"], ["success"])


async def test_another_process_has_heard_what_this_one_took(store: Store) -> None:
    async with a_collector(store, hospital()) as one:
        await one.service.parts.pings.take(["nightly"], PingKind.SUCCESS)
        at = one.clock.now_ms()
    async with a_collector(store, hospital()) as two:
        history = two.service.parts.evaluator.history
        heard = await StoredPings(store, ORG, lambda: history).of("nightly")
    assert [(ping.at_ms, ping.kind) for ping in heard.pings] == [(at, PingKind.SUCCESS)]
    assert (heard.since_ms, heard.zone.key) == (START, "America/Chicago")


def test_since_when_a_job_is_due_as_it_is_now() -> None:
    def since(*configs: Config) -> int:
        versions = [Version(100 * (n + 1), one) for n, one in enumerate(configs)]
        return since_ms(History(versions), "nightly")

    before, hourly = config(), hospital()
    other = hospital(interval="2h")
    assert since(hourly) == 100
    assert since(before, hourly) == 200
    assert since(hourly, hospital(grace="1h"), hospital(secret="env:OTHER")) == 100
    assert since(hourly, other) == 200
    assert since(hourly, other, hourly) == 300
    assert since(hourly, before, hourly) == 300
