"""One agent wired together, by a clock of the test's, against a collector over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from yarl import URL

from agent.canaries import Target
from agent.disk import MemoryDisk
from agent.hostfile import Fallback
from agent.identity import public_text
from agent.metrics import AgentMetrics
from agent.server import Server
from agent.service import Service
from agent.spoolfiles import Limits
from agent.telling import Line
from agent.vitals import SelfKnowledge
from agent.world import World
from probes import batch, notice
from probes.agentconfig import part_of
from probes.batch import Header
from probes.clock import ManualClock
from probes.config import Config
from probes.contract import Env, Observation, Outcome
from probes.net import Network
from probes.notice import Notice
from probes.reasons import Reason
from probes.runner import Runner
from probes.segments import Run
from probes.times import rfc3339
from tests.support.hook import SECRET, hook
from tests.support.spooling import at_once
from tests.unit.test_runner import Scripted, attempts

KEY = Ed25519PrivateKey.from_private_bytes(b"agent".ljust(32))
PUBLIC = public_text(KEY)


def config(**check: Any) -> Config:
    told = {
        "system": "portal",
        "kind": "http",
        "every": "10s",
        "timeout": "5s",
        "spec": {"url": "http://127.0.0.1:9/"},
    }
    return Config.model_validate(
        {
            "version": "1",
            "organization": {"id": "st-elsewhere", "name": "St Elsewhere", "timezone": "UTC"},
            "sites": {"north": {"name": "North"}},
            "agents": {"north-1": {"site": "north"}},
            "systems": {"portal": {"name": "Portal", "impact": {"class": "clinical"}}},
            "checks": {"login": told | check},
        }
    )


@dataclass
class Collected:
    clock: ManualClock
    service: Service
    ahead_ms: int = 0
    """How far the collector's clock is ahead of the agent's host."""
    batches: list[batch.Batch] = field(default_factory=list)
    told: list[Notice] = field(default_factory=list)
    is_away: bool = False
    beacon: Any = None
    """What the collector says of the evidence log, where it says anything."""

    def has(self, batches: int) -> bool:
        return len(self.batches) == batches

    @property
    def headers(self) -> list[Header]:
        return [one.header for one in self.batches]

    @property
    def runs(self) -> list[Run]:
        return [run for one in self.batches for run in batch.runs_of(one)]

    async def pass_time(self, seconds: int) -> None:
        """A second at a time, with a moment for the sockets."""
        for _ in range(seconds):
            await self.clock.advance(1_000)
            await asyncio.sleep(0.004)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await self.pass_time(1)


@asynccontextmanager
async def collected(ahead_ms: int = 0, **options: Any) -> AsyncIterator[Collected]:
    clock = ManualClock()
    world = World(
        clock, Random(1), Network(clock), lambda _ref: SECRET, Random(2).randbytes, at_once
    )
    limits, part = Limits(1 << 26, 86_400_000), part_of(config(), "north-1")
    service = Service(part, lambda: KEY, MemoryDisk(), limits, world, **options)
    one = Collected(clock, service, ahead_ms)

    async def health(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "now": rfc3339(clock.now_ms() + one.ahead_ms)})

    async def take(request: web.Request) -> web.Response:
        opened = batch.open_batch(await request.read())
        if one.is_away:
            return web.Response(status=503)
        one.batches.append(opened)
        header = opened.header
        answer = {"epoch": header.epoch, "stored": [[header.seq, header.seq]]}
        said = {} if one.beacon is None else {"beacon": one.beacon}
        return web.json_response(answer | {"now": rfc3339(clock.now_ms() + one.ahead_ms)} | said)

    async def told(request: web.Request) -> web.Response:
        said, envelope = notice.split(await request.read())
        notice.verify(envelope, PUBLIC)
        one.told.append(said)
        return web.json_response({"id": said.id})

    app = web.Application()
    app.router.add_post("/agent/v1/told", told)
    app.router.add_get("/healthz", health)
    app.router.add_post("/agent/v1/batches", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stop = asyncio.Event()
    collector = URL(f"http://127.0.0.1:{runner.addresses[0][1]}")
    running = asyncio.create_task(service.run(collector, stop))
    await asyncio.sleep(0.05)
    try:
        yield one
    finally:
        stop.set()
        await clock.advance(1_000)
        await running
        await runner.cleanup()


async def test_a_host_that_agrees_with_its_collector_is_believed() -> None:
    async with collected(ahead_ms=300) as one:
        await one.until(lambda: len(one.batches) >= 3)
    header = one.headers[-1]
    assert (header.clock_offset_ms, header.clock_source) == (0, "collector")
    assert 300 <= header.clock_error_ms <= 310


async def test_a_host_that_is_an_hour_off_is_unknown_for_a_minute_and_then_put_right() -> None:
    async with collected(ahead_ms=3_600_000) as one:
        await one.until(lambda: bool(one.batches) and one.headers[-1].clock_offset_ms != 0)
    before = [one for one in one.batches if one.header.clock_offset_ms == 0]
    after = one.batches[len(before) :]
    assert all(3_600_000 <= one.header.clock_error_ms <= 3_600_010 for one in before)
    assert {r.reason for one in before for r in batch.results_of(one, 0)} == {"agent.clock"}
    header = after[0].header
    assert (header.clock_offset_ms, header.clock_source) == (3_600_000, "collector")
    assert header.clock_error_ms <= 10
    last, first = batch.results_of(before[-1], 0)[-1], batch.results_of(after[0], 0)[0]
    assert (first.reason, first.t - last.t) == ("tcp.refused", 3_600_000 + 10_000)


async def test_after_a_step_results_are_unknown_until_the_collector_has_spoken() -> None:
    async with collected() as one:
        await one.until(lambda: len(one.batches) >= 2)
        one.is_away = True
        one.clock.step_wall(7_000)
        await one.pass_time(20)
        one.is_away = False
        await one.pass_time(70)
    headers = one.headers
    stepped = next(i for i, header in enumerate(headers) if header.clock_error_ms == 7_000)
    assert headers[stepped - 1].clock_error_ms <= 10
    assert (headers[stepped].clock_offset_ms, headers[stepped].clock_source) == (0, "host")
    reasons = [r.reason for one in one.batches for r in batch.results_of(one, 0)]
    assert "agent.clock" in reasons
    assert headers[-1].clock_error_ms <= 10
    assert reasons[-1] == "tcp.refused"


async def test_a_target_that_is_down_and_canaries_that_are_too_is_our_own_network() -> None:
    """The kernel has no way to 255.255.255.255, and nobody listens on port 9 of this host."""
    async with collected(canaries=[Target("255.255.255.255", 9)]) as one:
        await one.until(lambda: len(one.runs) >= 2)
    assert {(r.outcome.value, r.reason) for r in one.runs[:2]} == {("unknown", "agent.network")}
    async with collected(canaries=[Target("127.0.0.1", 9)]) as one:
        await one.until(lambda: len(one.runs) >= 2)
    assert {(r.outcome.value, r.reason) for r in one.runs[:2]} == {("down", "tcp.refused")}


async def test_what_is_wrong_with_the_agent_is_said_in_its_health_and_as_a_metric() -> None:
    async with collected(canaries=[Target("255.255.255.255", 9)]) as one:
        await one.pass_time(12)
        health = await Server(one.service.face)._get_health(None)  # type: ignore[arg-type]  # unused
        text = one.service.metrics.text().decode()
    assert health.status == 200
    assert json.loads(health.text or "") == {"status": "degraded", "reasons": ["network"]}
    assert 'wardwatch_agent_degraded{reason="network"} 1.0' in text
    assert 'wardwatch_agent_degraded{reason="cpu"} 0.0' in text


async def test_a_lost_line_is_told_to_the_webhook_and_the_collector_hears_of_it(
    tmp_path: Path,
) -> None:
    async with hook() as receiver:
        settings = Fallback.model_validate(
            {"after": "60s", "webhook": {"url": receiver.url, "secret": "env:HOOK"}}
        )
        async with collected(state=tmp_path, fallback=settings) as one:
            await one.until(lambda: len(one.batches) >= 2)
            one.is_away = True
            await one.until(lambda: len(receiver.posts) >= 2)
            one.is_away = False
            await one.until(lambda: len(one.told) >= 3)
        told = [json.loads(post.body) for post in receiver.posts]
    assert [
        (event["data"]["kind"], event["data"]["cause"], event["data"]["checks"]) for event in told
    ] == [
        ("uplink.lost", None, []),
        ("system.down", "tcp.refused", ["login"]),
        ("uplink.back", None, []),
    ]
    assert [(said.kind, said.system, said.taken) for said in one.told] == [
        ("uplink.lost", None, ["webhook"]),
        ("system.down", "portal", ["webhook"]),
        ("uplink.back", None, ["webhook"]),
    ]
    assert one.told[2].systems == ["portal"]
    assert [said.id for said in one.told] == [post.id for post in receiver.posts]


async def test_overload_is_named_once_and_every_slot_is_measured_or_missed() -> None:
    """More than one attempt's worth of work for one place at a time."""
    clock, runs = ManualClock(), list[Run]()
    metrics = AgentMetrics()

    async def slow(env: Env) -> Observation:
        await env.clock.sleep_ms(4_000)
        return Observation(Outcome.UP, Reason.OK)

    checks = [attempts(clock, Scripted(slow), f"c{n}") for n in range(6)]
    for check in checks:
        check._limit_s = 60
    runner = Runner("north-1", checks, clock, runs.append, concurrency=1)
    own = SelfKnowledge(clock, metrics, (), None)
    parts = own.parts(runner, lambda: Line(0, has_spoken=True, waits=False))
    tasks = [asyncio.create_task(part) for part in (runner.run(), *parts)]
    await clock.advance(0)
    await clock.advance(100_000)
    late = metrics.registry.get_sample_value("wardwatch_agent_schedule_late_seconds")
    found = own.watch.troubles
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # Ten slots of each of six checks began within 100 s; 24 attempts of 4 s fit in.
    measured = [run for run in runs if run.outcome is Outcome.UP]
    missed = [run for run in runs if run.reason == "agent.missed_slot"]
    assert len(measured) in (24, 25)
    assert len(measured) + len(missed) == 60
    assert {(run.check, run.slot_ms) for run in measured} & {
        (run.check, run.slot_ms) for run in missed
    } == set()
    assert found == ("overload",)
    assert late is not None
    assert 4 < late < 40


async def test_a_batch_names_the_config_its_runs_were_recorded_under() -> None:
    async with collected() as one:
        await one.until(lambda: len(one.batches) >= 2)
        before, after = one.headers[0].config, part_of(config(timeout="2s"), "north-1")
        one.service.apply(after)
        await one.pass_time(2)
        changed_ms = one.clock.now_ms()
        await one.until(lambda: one.headers[-1].config == after.digest)
    for opened in one.batches:
        late = {run.at_ms >= changed_ms for run in batch.runs_of(opened)}
        assert late == {opened.header.config == after.digest}
        assert opened.header.config in (before, after.digest)
    # every 10 s one, whatever changed
    slots = [run.slot_ms for run in one.runs]
    assert slots == list(range(slots[0], slots[-1] + 1, 10_000))


async def test_the_newest_checkpoint_it_heard_of_stands_in_its_batches() -> None:
    async with collected() as agent:
        await agent.until(lambda: len(agent.batches) == 1)
        agent.beacon = "1f" * 32
        await agent.until(lambda: len(agent.batches) == 3)
        assert [header.beacon for header in agent.headers] == [None, None, "1f" * 32]
        bad: list[Any] = ["1F" * 32, "1f" * 31, 7, ["1f" * 32], {}]
        for agent.beacon in bad:
            count = len(agent.batches) + 2
            await agent.until(partial(agent.has, count))
            assert agent.headers[-1].beacon == "1f" * 32
        agent.beacon = "2e" * 32
        count = len(agent.batches) + 2
        await agent.until(lambda: len(agent.batches) == count)
        assert agent.headers[-1].beacon == "2e" * 32


async def test_a_config_brings_the_newest_checkpoint_too() -> None:
    async with collected() as agent:
        part = part_of(config(), "north-1", 2, beacon="3d" * 32)
        agent.service.apply(part)
        await agent.until(lambda: len(agent.batches) == 2)
        assert agent.headers[-1].beacon == "3d" * 32
        agent.service.apply(part_of(config(), "north-1", 3))  # of an older collector
        count = len(agent.batches) + 2
        await agent.until(lambda: len(agent.batches) == count)
        assert agent.headers[-1].beacon == "3d" * 32
