"""The uplink against a real server: nothing leaves the spool that was not acknowledged."""

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

from agent.disk import MemoryDisk
from agent.keeper import Keeper
from agent.metrics import AgentMetrics
from agent.spool import Spool
from agent.spoolfiles import Limits
from agent.timekeeping import Timekeeper
from agent.uplink import Uplink, Verdict
from probes import batch
from probes.clock import ManualClock
from probes.contract import Outcome
from tests.support.chains import NOW, a_run
from tests.support.spooling import DAY_MS, a_keeper

Answer = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]


@dataclass
class Stored:
    """An acknowledgement; of the epoch at hand unless told otherwise."""

    seqs: tuple[int, ...]
    epoch: str | None = None


def stored(*seqs: int, epoch: str | None = None) -> Stored:
    return Stored(seqs, epoch)


@dataclass
class Bench:
    uplink: Uplink
    keeper: Keeper
    clock: ManualClock
    metrics: AgentMetrics
    got: list[int] = field(default_factory=list)
    """The seqs that came, in order."""
    heads: list[tuple[str, str | None]] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    """What the server says, in order: an acknowledgement, a response, or a function of the request."""

    async def add(self, *seqs: int) -> None:
        """A batch each; the numbers are for the reader."""
        for seq in seqs:
            self.keeper.add(a_run(NOW + seq, Outcome.UP))
            await self.keeper._commit()
            await self.keeper._close()
            assert self.spool.chain.seq == seq

    async def offer(self) -> Verdict:
        """One upload of what is next."""
        found = await self.keeper.held.next(None)
        assert found is not None
        return await self.uplink.send(*found)

    @property
    def spool(self) -> Spool:
        return self.keeper.held.spools()[-1]

    @property
    def waiting(self) -> list[int]:
        return [entry.first for entry in self.spool.index.entries()]

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
    clock = ManualClock()
    keeper = a_keeper(MemoryDisk(), clock, Random(1), lambda _run: None, Limits(1 << 24, DAY_MS))
    metrics = keeper._metrics
    await keeper.begin()
    keeper.held.sealed.clear()

    async def handle(request: web.Request) -> web.StreamResponse:
        header = batch.open_batch(await request.read()).header
        bench.got.append(header.seq)
        bench.heads.append((request.path, request.headers.get("Content-Type")))
        answer = bench.answers.pop(0) if bench.answers else stored(*range(1, header.seq + 1))
        if isinstance(answer, Stored):
            spans = [[seq, seq] for seq in answer.seqs]
            epoch = answer.epoch or header.epoch
            return web.json_response({"epoch": epoch, "stored": spans})
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
                keeper.held,
                clock=clock,
                rng=Random(1),
                metrics=metrics,
                time=Timekeeper(clock, metrics),
            )
            bench = Bench(uplink, keeper, clock, metrics, answers=list(answers))
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


async def test_batches_go_one_at_a_time() -> None:
    async with a_bench() as bench, running(bench):
        for seq in (1, 2, 3):
            await bench.add(seq)
            await bench.got_to(seq)
        assert bench.got == [1, 2, 3]
        assert bench.heads[0] == ("/ward/agent/v1/batches", "application/vnd.wardwatch.batch")
        assert bench.waiting == []
        assert bench.counted(Verdict.ACKNOWLEDGED) == 3


async def test_after_a_silence_the_newest_goes_first_then_the_backlog_with_new_ones_between() -> (
    None
):
    answers = [stored(5), stored(1, 5), stored(2), stored(6), stored(3), stored(4)]
    async with a_bench(*answers) as bench:
        await bench.add(1, 2, 3, 4, 5)
        assert await bench.offer() is Verdict.ACKNOWLEDGED
        assert await bench.offer() is Verdict.ACKNOWLEDGED
        assert await bench.offer() is Verdict.ACKNOWLEDGED
        await bench.add(6)
        for _ in range(3):
            assert await bench.offer() is Verdict.ACKNOWLEDGED
        assert bench.got == [5, 1, 2, 6, 3, 4]
        assert bench.waiting == []


async def test_an_acknowledgement_ends_the_stay_of_all_it_lists() -> None:
    async with a_bench(stored(1, 2, 4, 5)) as bench:
        await bench.add(1, 2, 3, 4, 5)
        await bench.offer()
        assert (bench.got, bench.waiting) == ([5], [3])


async def test_a_collector_that_has_more_than_was_made_here_ends_the_epoch() -> None:
    """The folder is an old copy: what it has of the other copy's numbers is not ours."""
    async with a_bench(stored(1, 2, 3, 4, 5, 6)) as bench:
        await bench.add(1, 2, 3)
        before = bench.spool.chain.epoch
        await bench.offer()
        assert bench.waiting == [1, 2]
        assert bench.spool.chain.epoch != before
        await bench.add(1)
        assert bench.waiting == [1, 2, 1]


async def test_a_number_the_collector_knows_with_another_header_ends_the_epoch_too() -> None:
    refused = web.json_response({"code": "batch.equivocation"}, status=409)
    async with a_bench(refused) as bench:
        await bench.add(1)
        before = bench.spool.chain.epoch
        assert await bench.offer() is Verdict.REFUSED
        assert bench.spool.chain.epoch != before
        assert bench.waiting == [1]


async def test_an_agent_that_had_nothing_to_say_for_an_hour_has_lost_no_line() -> None:
    async with a_bench() as bench:
        await bench.add(1)
        await bench.offer()
        assert (bench.uplink.line().waits, bench.waiting) == (False, [])
        await bench.clock.advance(3_600_000)
        await bench.add(2)
        await bench.clock.advance(3_000)
        line = bench.uplink.line()
        assert (line.silent_ms, line.has_spoken, line.waits) == (3_000, True, True)
        await bench.add(3)
        await bench.clock.advance(4_000)
        assert bench.uplink.line().silent_ms == 7_000


async def test_503_keeps_the_batch_and_backs_off() -> None:
    async with a_bench(web.Response(status=503), web.Response(status=503)) as bench, running(bench):
        await bench.add(1)
        await bench.got_to(1)
        assert len(bench.waiting) == 1
        await bench.clock.advance(499)
        await asyncio.sleep(0.05)
        assert len(bench.got) == 1
        await bench.clock.advance(501)
        await bench.got_to(2)
        await bench.clock.advance(2_000)
        await bench.got_to(3)
        assert bench.got == [1] * 3
        assert len(bench.waiting) == 0
        assert bench.counted(Verdict.RETRY) == 2


async def test_backoff_doubles_up_to_a_minute() -> None:
    async with a_bench(*[web.Response(status=500) for _ in range(10)]) as bench:
        await bench.add(1)
        waits = []
        for _ in range(10):
            assert await bench.offer() is Verdict.RETRY
            waits.append(bench.uplink.backoff_ms())
        limits = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000]
        assert all(limit // 2 <= wait <= limit for wait, limit in zip(waits, limits, strict=True))


async def test_after_an_approval_an_agent_is_heard_within_ten_seconds() -> None:
    pending = [web.json_response({"code": "agent.not_approved"}, status=403) for _ in range(8)]
    async with a_bench(*pending, web.Response(status=503)) as bench:
        await bench.add(1)
        for _ in pending:
            assert await bench.offer() is Verdict.RETRY
        assert 5_000 <= bench.uplink.backoff_ms() <= 10_000
        await bench.offer()
        assert 30_000 <= bench.uplink.backoff_ms() <= 60_000


async def test_retry_after_is_kept_but_not_for_ever() -> None:
    def busy(value: str) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": value})

    async with a_bench(busy("20"), busy("86400"), busy("soon")) as bench:
        await bench.add(1)
        await bench.offer()
        assert bench.uplink.backoff_ms() == 20_000
        await bench.offer()
        assert bench.uplink.backoff_ms() == 300_000
        await bench.offer()
        assert bench.uplink.backoff_ms() <= 4_000


async def test_after_a_lost_reply_the_same_bytes_go_again() -> None:
    async def lose(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with a_bench(lose) as bench, running(bench):
        await bench.add(1)
        await bench.got_to(1)
        assert len(bench.waiting) == 1
        await bench.clock.advance(1_000)
        await bench.got_to(2)
        assert bench.got == [1, 1]
        assert len(bench.waiting) == 0


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
        await bench.add(1)
        for _ in others:
            assert await bench.offer() is Verdict.RETRY
        assert len(bench.waiting) == 1
        assert len(bench.got) == len(others)
        assert await bench.offer() is Verdict.ACKNOWLEDGED


async def test_a_refused_batch_is_tried_again_after_a_minute_however_much_came_since() -> None:
    refused = web.json_response({"code": "batch.version"}, status=400)
    answers = [refused, *(stored(seq) for seq in (2, 3, 4, 1, 5))]
    async with a_bench(*answers) as bench, running(bench):
        for seq in (1, 2):
            await bench.add(seq)
            await bench.got_to(seq)
        for seq in (3, 4):
            await bench.clock.advance(25_000)
            await bench.add(seq)
            await bench.got_to(seq)
        await bench.clock.advance(10_000)
        await bench.add(5)
        await bench.got_to(6)
        assert bench.got[4:] == [1, 5]


async def test_what_stays_refused_is_tried_less_and_less_often() -> None:
    refused = [web.json_response({"code": "batch.revoked"}, status=403) for _ in range(6)]
    async with a_bench(*refused) as bench, running(bench):
        await bench.add(1)
        await bench.got_to(1)
        for minutes in (1, 2, 4, 8, 16):
            count = len(bench.got)
            await bench.clock.advance(minutes * 60_000 - 1)
            await asyncio.sleep(0.02)
            assert len(bench.got) == count
            await bench.clock.advance(1)
            await bench.got_to(count + 1)
        await bench.add(2)  # taken at once
        await bench.got_to(7)
        assert bench.got == [1] * 6 + [2]


async def test_a_refused_batch_stays_and_holds_up_no_other() -> None:
    async with (
        a_bench(web.json_response({"code": "batch.counts"}, status=400), stored(2)) as bench,
        running(bench),
    ):
        await bench.add(1)
        await bench.got_to(1)
        await bench.add(2)
        await bench.got_to(2)
        assert (bench.got, bench.waiting) == ([1, 2], [1])
        assert bench.counted(Verdict.REFUSED) == 1
        await bench.clock.advance(60_000)
        await bench.got_to(3)
        assert bench.got[2] == 1


async def test_a_key_the_collector_does_not_know_stops_the_line() -> None:
    refusals = [
        web.json_response({"code": "batch.signature"}, status=400),
        web.json_response({"code": "batch.unknown_agent"}, status=403),
    ]
    async with a_bench(*refusals) as bench:
        await bench.add(1, 2)
        assert [await bench.offer() for _ in refusals] == [Verdict.RETRY] * 2
        assert len(bench.waiting) == 2


async def test_the_last_try_sends_what_is_left_and_gives_up_in_time() -> None:
    async with a_bench() as bench:
        await bench.add(1, 2)
        await bench.uplink.drain(1)
        assert len(bench.waiting) == 0

    async def hang(request: web.Request) -> web.Response:
        await asyncio.sleep(0.3)
        return web.Response(status=503)

    async with a_bench(hang) as bench:
        await bench.add(1)
        await bench.uplink.drain(0.05)
        assert len(bench.waiting) == 1
