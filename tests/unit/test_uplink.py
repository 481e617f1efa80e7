"""The uplink against a real server: nothing leaves the queue that was not acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from agent.metrics import AgentMetrics
from agent.outgoing import Outgoing, Sealed
from agent.timekeeping import Timekeeper
from agent.uplink import Uplink, Verdict
from probes.clock import ManualClock

Answer = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]


def stored(*seqs: int, epoch: str = "e1") -> web.Response:
    return web.json_response({"epoch": epoch, "stored": [[seq, seq] for seq in seqs]})


@dataclass
class Bench:
    uplink: Uplink
    outgoing: Outgoing
    clock: ManualClock
    metrics: AgentMetrics
    got: list[bytes] = field(default_factory=list)
    heads: list[tuple[str, str | None]] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    """What the server says, in order; a function of the request, or a response."""

    def add(self, *seqs: int) -> None:
        for seq in seqs:
            self.outgoing.add(Sealed(seq, f"batch {seq}".encode(), 0))
        self.uplink.wake()

    async def got_to(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.got) < count:
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.02)

    def counted(self, verdict: Verdict) -> float:
        name = "wardwatch_uplink_attempts_total"
        return self.metrics.registry.get_sample_value(name, {"verdict": verdict.value}) or 0


@asynccontextmanager
async def a_bench(*answers: Any) -> AsyncIterator[Bench]:
    clock, metrics, outgoing = ManualClock(), AgentMetrics(), Outgoing()

    async def handle(request: web.Request) -> web.StreamResponse:
        data = await request.read()
        bench.got.append(data)
        bench.heads.append((request.path, request.headers.get("Content-Type")))
        answer = bench.answers.pop(0) if bench.answers else stored(*range(1, 100))
        return answer if isinstance(answer, web.StreamResponse) else await answer(request)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collector = URL(f"http://127.0.0.1:{runner.addresses[0][1]}/ward")
    try:
        async with aiohttp.ClientSession() as session:
            uplink = Uplink(
                session,
                collector,
                outgoing,
                "e1",
                clock=clock,
                rng=Random(1),
                metrics=metrics,
                time=Timekeeper(clock, metrics),
            )
            bench = Bench(uplink, outgoing, clock, metrics, answers=list(answers))
            yield bench
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[None]:
    task = asyncio.create_task(bench.uplink.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_batches_go_one_at_a_time_oldest_first() -> None:
    async with a_bench(stored(1), stored(1, 2), stored(1, 2, 3)) as bench, running(bench):
        bench.add(1, 2, 3)
        await bench.got_to(3)
        assert bench.got == [b"batch 1", b"batch 2", b"batch 3"]
        assert bench.heads[0] == ("/ward/agent/v1/batches", "application/vnd.wardwatch.batch")
        assert (len(bench.outgoing), bench.outgoing.size_bytes) == (0, 0)
        assert bench.counted(Verdict.ACKNOWLEDGED) == 3
        bench.add(4)
        await bench.got_to(4)


async def test_503_keeps_the_batch_and_backs_off() -> None:
    async with a_bench(web.Response(status=503), web.Response(status=503)) as bench, running(bench):
        bench.add(1)
        await bench.got_to(1)
        assert len(bench.outgoing) == 1
        await bench.clock.advance(499)
        await asyncio.sleep(0.05)
        assert len(bench.got) == 1
        await bench.clock.advance(501)
        await bench.got_to(2)
        await bench.clock.advance(2_000)
        await bench.got_to(3)
        assert bench.got == [b"batch 1"] * 3
        assert len(bench.outgoing) == 0
        assert bench.counted(Verdict.RETRY) == 2


async def test_backoff_doubles_up_to_a_minute() -> None:
    async with a_bench(*[web.Response(status=500) for _ in range(10)]) as bench:
        bench.add(1)
        (sealed,) = [bench.outgoing.oldest()]
        assert sealed is not None
        waits = []
        for _ in range(10):
            assert await bench.uplink.send(sealed) is Verdict.RETRY
            waits.append(bench.uplink.backoff_ms())
        limits = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000]
        assert all(limit // 2 <= wait <= limit for wait, limit in zip(waits, limits, strict=True))


async def test_retry_after_is_kept_but_not_for_ever() -> None:
    def busy(value: str) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": value})

    async with a_bench(busy("20"), busy("86400"), busy("soon")) as bench:
        sealed = Sealed(1, b"batch 1", 0)
        await bench.uplink.send(sealed)
        assert bench.uplink.backoff_ms() == 20_000
        await bench.uplink.send(sealed)
        assert bench.uplink.backoff_ms() == 300_000
        await bench.uplink.send(sealed)
        assert bench.uplink.backoff_ms() <= 4_000


async def test_after_a_lost_reply_the_same_bytes_go_again() -> None:
    async def lose(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with a_bench(lose) as bench, running(bench):
        bench.add(1)
        await bench.got_to(1)
        assert len(bench.outgoing) == 1
        await bench.clock.advance(1_000)
        await bench.got_to(2)
        assert bench.got == [b"batch 1", b"batch 1"]
        assert len(bench.outgoing) == 0


async def test_a_200_that_does_not_name_the_batch_acknowledges_nothing() -> None:
    others = (
        web.Response(text="<html>Welcome to the guest network</html>"),
        stored(2),
        stored(1, epoch="e0"),
        web.json_response({"epoch": "e1", "stored": "all"}),
        web.Response(body=b"[" * 50_000),
        web.Response(body=b" " * 200_000),
        web.Response(status=302, headers={"Location": "/elsewhere"}),
    )
    async with a_bench(*others) as bench:
        bench.add(1)
        sealed = bench.outgoing.oldest()
        assert sealed is not None
        for _ in others:
            assert await bench.uplink.send(sealed) is Verdict.RETRY
        assert len(bench.outgoing) == 1
        assert len(bench.got) == len(others)
        assert await bench.uplink.send(sealed) is Verdict.ACKNOWLEDGED


async def test_a_refused_batch_is_tried_again_after_a_minute_however_much_came_since() -> None:
    refused = web.json_response({"code": "batch.version"}, status=400)
    answers = [refused, *(stored(seq) for seq in (2, 3, 4, 1, 5))]
    async with a_bench(*answers) as bench, running(bench):
        bench.add(1, 2)
        await bench.got_to(2)
        for seq in (3, 4):
            await bench.clock.advance(25_000)
            bench.add(seq)
            await bench.got_to(seq)
        await bench.clock.advance(10_000)
        bench.add(5)
        await bench.got_to(6)
        assert bench.got[4:] == [b"batch 1", b"batch 5"]


async def test_a_refused_batch_stays_and_holds_up_no_other() -> None:
    async with (
        a_bench(web.json_response({"code": "batch.counts"}, status=400), stored(2)) as bench,
        running(bench),
    ):
        bench.add(1, 2)
        await bench.got_to(2)
        assert bench.got == [b"batch 1", b"batch 2"]
        assert [bench.outgoing.after(0)] == [Sealed(1, b"batch 1", 0)]
        assert bench.counted(Verdict.REFUSED) == 1
        await bench.clock.advance(60_000)
        await bench.got_to(3)
        assert bench.got[2] == b"batch 1"


async def test_a_key_the_collector_does_not_know_stops_the_line() -> None:
    refusals = [
        web.json_response({"code": "batch.signature"}, status=400),
        web.json_response({"code": "batch.unknown_agent"}, status=403),
    ]
    async with a_bench(*refusals) as bench:
        bench.add(1, 2)
        sealed = bench.outgoing.oldest()
        assert sealed is not None
        assert [await bench.uplink.send(sealed) for _ in refusals] == [Verdict.RETRY] * 2
        assert len(bench.outgoing) == 2


async def test_the_last_try_sends_what_is_left_and_gives_up_in_time() -> None:
    async with a_bench() as bench:
        bench.add(1, 2)
        await bench.uplink.drain(1)
        assert len(bench.outgoing) == 0

    async def hang(request: web.Request) -> web.Response:
        await asyncio.sleep(0.3)
        return web.Response(status=503)

    async with a_bench(hang) as bench:
        bench.add(1)
        await bench.uplink.drain(0.05)
        assert len(bench.outgoing) == 1


def test_a_full_queue_gives_up_its_oldest_and_says_so() -> None:
    outgoing = Outgoing(limit_bytes=10)
    assert [outgoing.add(Sealed(seq, b"12345", 0)) for seq in (1, 2, 3)] == [0, 0, 1]
    assert outgoing.oldest() == Sealed(2, b"12345", 0)
    assert outgoing.add(Sealed(4, b"x" * 50, 0)) == 2
    assert (len(outgoing), outgoing.size_bytes) == (1, 50)
