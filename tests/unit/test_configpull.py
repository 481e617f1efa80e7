"""The agent asks for its config: what it sends, whom it believes, how long it waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import aiohttp
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from yarl import URL

from agent.collectorkey import CollectorKey
from agent.configcache import ConfigCache
from agent.configpull import ConfigPull
from agent.metrics import AgentMetrics
from probes import agentconfig
from probes.agentconfig import CONTENT_TYPE, AgentConfig, Question, part_of
from probes.clock import ManualClock
from tests.support.rounds import KEYS, config, public

KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
START = 1_767_225_600_000


def document(version: int, key: Ed25519PrivateKey = KEY) -> web.Response:
    body = agentconfig.seal(key, part_of(config(), "north-1", version, START))
    return web.Response(body=body, content_type=CONTENT_TYPE)


@dataclass
class Bench:
    pull: ConfigPull
    clock: ManualClock
    metrics: AgentMetrics
    answers: list[web.Response]
    asked: list[Question] = field(default_factory=list)
    taken: list[AgentConfig] = field(default_factory=list)

    async def asked_to(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.asked) < count:
                await asyncio.sleep(0.005)
            while len(self.asked) == count and self.answers and not self.clock._sleepers:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def a_bench(folder: Path, *answers: web.Response) -> AsyncIterator[Bench]:
    """After the last answer the collector is silent."""
    clock, metrics = ManualClock(START), AgentMetrics()

    async def handle(request: web.Request) -> web.StreamResponse:
        frame, question = agentconfig.open_question(await request.read())
        assert request.path == "/ward/agent/v1/config"
        assert agentconfig.asked_by(frame, public("north-1"))
        bench.asked.append(question)
        if not bench.answers:
            await asyncio.Event().wait()
        return bench.answers.pop(0)

    app = web.Application()
    app.router.add_post("/{rest:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = URL(f"http://127.0.0.1:{runner.addresses[0][1]}/ward")
    cache = ConfigCache(folder, "north-1", CollectorKey(folder, agentconfig.public_text(KEY)))
    async with aiohttp.ClientSession() as session:
        pull = ConfigPull(
            session,
            url,
            "north-1",
            lambda: KEYS["north-1"],
            cache,
            clock=clock,
            rng=Random(1),
            random_bytes=Random(2).randbytes,
            metrics=metrics,
        )
        bench = Bench(pull, clock, metrics, list(answers))
        task = asyncio.create_task(pull.run(bench.taken.append))
        try:
            yield bench
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await runner.cleanup()


async def test_it_asks_with_what_it_has_and_applies_what_comes(tmp_path: Path) -> None:
    async with a_bench(tmp_path, document(3), document(8)) as bench:
        await bench.asked_to(3)
        assert [part.version for part in bench.taken] == [3, 8]
        assert [(one.org, one.have, one.at) for one in bench.asked] == [
            (None, 0, START),
            ("st-elsewhere", 3, START),
            ("st-elsewhere", 8, START),
        ]
        assert len({one.nonce for one in bench.asked}) == 3


async def test_nothing_new_is_no_failure_and_it_does_not_ask_more_often_than_each_second(
    tmp_path: Path,
) -> None:
    async with a_bench(tmp_path, web.Response(status=204), web.Response(status=204)) as bench:
        await bench.asked_to(1)
        await bench.clock.advance(999)
        await asyncio.sleep(0.02)
        assert len(bench.asked) == 1
        await bench.clock.advance(1)
        await bench.asked_to(2)


async def test_a_collector_that_cannot_now_is_asked_when_it_said(tmp_path: Path) -> None:
    busy = web.Response(status=503, headers={"Retry-After": "120"})
    async with a_bench(tmp_path, busy, document(1)) as bench:
        await bench.asked_to(1)
        await bench.clock.advance(119_999)
        await asyncio.sleep(0.02)
        assert len(bench.asked) == 1
        await bench.clock.advance(1)
        await bench.asked_to(3)
        assert [part.version for part in bench.taken] == [1]


async def test_it_waits_longer_from_failure_to_failure_up_to_10_seconds(tmp_path: Path) -> None:
    async with a_bench(tmp_path, *(web.Response(status=500) for _ in range(9))) as bench:
        for turn in range(1, 9):
            most = min(1_000 << (turn - 1), 10_000)
            await bench.asked_to(turn)
            while len(bench.asked) == turn:
                await bench.clock.advance(most // 20)
                await asyncio.sleep(0.002)
            # an answer may be seen one step late
            waited = bench.asked[turn].at - bench.asked[turn - 1].at
            assert most // 2 <= waited <= most + most // 10


async def test_what_is_signed_by_another_or_older_is_refused_and_counted(tmp_path: Path) -> None:
    page = web.Response(text="<html>", content_type="text/html")
    answers = (document(5), document(6, OTHER), document(4), page)
    async with a_bench(tmp_path, *answers) as bench:
        for turn in range(2, 6):
            await bench.asked_to(turn)
            await bench.clock.advance(60_000)
        assert [part.version for part in bench.taken] == [5]

        def refused(code: str) -> float | None:
            name = "wardwatch_agent_config_refused_total"
            return bench.metrics.registry.get_sample_value(name, {"code": code})

        assert (refused("config.other_key"), refused("config.older")) == (1, 1)


async def test_a_refusal_is_logged_by_what_it_says_and_a_strangers_by_its_status(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pending = web.json_response({"code": "config.unknown_agent"}, status=403)
    stranger = web.json_response({"code": "patient 4711"}, status=403)
    async with a_bench(tmp_path, pending, stranger) as bench:
        for turn in (2, 3):
            await bench.asked_to(turn - 1)
            await bench.clock.advance(10_000)
            await bench.asked_to(turn)
    assert [record.getMessage() for record in caplog.records if "config." in record.msg] == [
        "config.not_answered detail=config.unknown_agent",
        "config.not_answered detail=403",
    ]


async def test_a_wrong_clock_asks_with_the_collectors_time(tmp_path: Path) -> None:
    told = web.json_response({"code": "config.clock", "now_ms": START + 3_600_000}, status=403)
    async with a_bench(tmp_path, told, document(1)) as bench:
        await bench.asked_to(1)
        await bench.clock.advance(1_000)
        await bench.asked_to(3)
        assert bench.asked[1].at - START in range(3_600_500, 3_601_001)
        assert [part.version for part in bench.taken] == [1]
