"""The kind `engine` against simulated engines that fail on command."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.clock import ManualClock, SystemClock
from probes.contract import Env, Fact, Observation, Outcome, Probe, Slot
from probes.kinds.engine import KIND
from probes.reasons import Reason
from probes.testing.certificates import Authority
from probes.testing.engine_host import EngineHost, Line
from probes.testing.engine_products import (
    AnyEngine,
    CloverleafExport,
    IguanaServer,
    IrisServer,
    MirthServer,
    OpenHimServer,
    RhapsodyServer,
)
from probes.tokens import Status
from tests.contract.conformance import (
    CountingNetwork,
    conforms,
    environment,
    expect,
    observe,
    steps,
)

CANARIES = ("CANARY^ZZQUILL^ODETTE", "MRN-88442117")
SERVERS: dict[str, type[EngineHost]] = {
    "mirth": MirthServer,
    "openhim": OpenHimServer,
    "iguana": IguanaServer,
    "rhapsody": RhapsodyServer,
    "iris": IrisServer,
    "cloverleaf": CloverleafExport,
}
GENERIC = {
    "json": ("/stats.json", {"state": "/lines/0/state", "received": "/lines/0/n/in"}),
    "xml": ("/stats.xml", {"state": "line[@name='a/b']/@state", "received": "line/received"}),
    "text": ("/stats.txt", {"state": "state:", "received": "received:"}),
}
STATES = {"STARTED": "started", "stopped": "stopped"}

Serve = Callable[[type[EngineHost]], Awaitable[Any]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    running: list[EngineHost] = []

    async def start(kind: type[EngineHost]) -> EngineHost:
        server = kind(CANARIES)
        await server.start()
        running.append(server)
        return server

    yield start
    for server in running:
        await server.stop()


def spec(server: EngineHost, **more: Any) -> dict[str, Any]:
    """As a file gives it: every scalar is text."""
    name = next(name for name, kind in SERVERS.items() if isinstance(server, kind))
    whole = {
        "engine": name,
        "base_url": server.base_url,
        "channel": server.line.id if name == "rhapsody" else server.line.name,
        "path": "/threads.csv" if name == "cloverleaf" else None,
        **more,
    }
    return {key: value for key, value in whole.items() if value is not None}


class Watch:
    """One opened check on a clock that is moved by hand."""

    def __init__(self, probe: Probe, clock: ManualClock | None) -> None:
        self._probe = probe
        self._clock = clock

    async def sees(self, after_s: int = 60) -> Observation:
        if self._clock is not None:
            await self._clock.advance(after_s * 1000)
        seen = await self._probe.run(Slot("check-1", 0))
        conforms(KIND, seen)
        return seen

    async def says(self, after_s: int = 60) -> tuple[str, str]:
        seen = await self.sees(after_s)
        return seen.outcome.value, seen.reason.value


@asynccontextmanager
async def watching(
    *specs: dict[str, Any], env: Env | None = None, clock: ManualClock | None = None
) -> AsyncIterator[list[Watch]]:
    env = env or environment()
    if clock is not None:
        env = replace(env, clock=clock)
    async with AsyncExitStack() as stack:
        probes = [await stack.enter_async_context(KIND.open(KIND.parse(s), env)) for s in specs]
        yield [Watch(probe, clock) for probe in probes]


@pytest.mark.parametrize("name", sorted(SERVERS))
async def test_a_started_channel_is_up_and_a_stopped_one_is_down(name: str, serve: Serve) -> None:
    server = await serve(SERVERS[name])
    asked = spec(server)
    most = 2 if name == "openhim" else 1
    seen = await expect(KIND, asked, Outcome.UP, Reason.OK, connections=most)
    assert steps(seen) == [(s, "up", "ok") for s in ("connect", "status", "channel")]
    assert seen.facts[Fact.REQUESTS] == most
    assert Fact.MESSAGES not in seen.facts
    server.line.state = "stopped"
    seen = await expect(KIND, asked, Outcome.DOWN, Reason.ENGINE_STOPPED, connections=most)
    assert steps(seen)[-1] == ("channel", "down", "engine.stopped")
    server.line.state = "zz-molten"
    await expect(KIND, asked, Outcome.UNKNOWN, Reason.ENGINE_NOT_STATUS, connections=most)


@pytest.mark.parametrize("name", sorted(SERVERS))
async def test_a_channel_that_is_not_there_is_ours_to_mend(name: str, serve: Serve) -> None:
    server = await serve(SERVERS[name])
    asked = spec(server, channel="Lab results")
    for _ in range(2):
        await expect(KIND, asked, Outcome.MISCONFIGURED, Reason.ENGINE_NO_CHANNEL, connections=2)
        server.lines.append(Line("22222222-aaaa", "Pharmacy"))
    if name != "rhapsody":  # asked for by id
        server.lines += [Line(f"{n}-aaaa", "Lab results", namespace=f"N{n}") for n in range(2)]
        await expect(KIND, asked, Outcome.MISCONFIGURED, Reason.ENGINE_NO_CHANNEL, connections=2)


@pytest.mark.parametrize("form", sorted(GENERIC))
async def test_any_engine_is_read_where_the_check_says(form: str, serve: Serve) -> None:
    server = await serve(AnyEngine)
    path, places = GENERIC[form]
    read = {"form": form, "places": places, "states": STATES}
    asked = {"engine": "generic", "base_url": server.base_url, "path": path, "read": read}
    async with watching(asked, clock=ManualClock()) as (watch,):
        assert await watch.says() == ("up", "ok")
        server.line.received += 7
        assert (await watch.sees()).facts[Fact.MESSAGES] == 7
        server.line.state = "stopped"
        assert await watch.says() == ("down", "engine.stopped")
    wrong = {"state": places["state"], "sent": {"json": "/zz", "xml": "zz", "text": "zz:"}[form]}
    lost = {**asked, "read": {**read, "places": wrong}}
    await expect(KIND, lost, Outcome.MISCONFIGURED, Reason.ENGINE_NO_CHANNEL)
    other = GENERIC["json" if form == "xml" else "xml"][0]
    if form != "text":
        elsewhere = {**asked, "path": other}
        await expect(KIND, {**elsewhere, "unreachable": "down"}, *NOT_STATUS)


NOT_STATUS = (Outcome.DOWN, Reason.ENGINE_NOT_STATUS)
FAULTS = [
    ("refuse", "down", "tcp.refused"),
    ("hang", "down", "http.timeout"),
    ("html200", "down", "engine.not_status"),
    ("redirect", "misconfigured", "http.status"),
    ("401", "misconfigured", "engine.auth"),
    ("403", "misconfigured", "engine.auth"),
    ("404", "misconfigured", "http.status"),
    ("429", "down", "http.status"),
    ("500", "down", "http.status"),
    ("503", "down", "http.status"),
    ("truncated", "down", "http.truncated"),
    ("cut_off", "down", "engine.not_status"),
    ("wrong_types", "down", "engine.not_status"),
    ("huge", "misconfigured", "http.too_large"),
]


def test_every_fault_of_the_simulators_is_tested() -> None:
    of_channels = {"stopped", "backlog"}
    tested = {fault for fault, _, _ in FAULTS} | of_channels | {"none", "slow"}
    assert tested == set(EngineHost.FAULTS)


async def test_faults_of_all_channels_are_those_of_each(serve: Serve) -> None:
    server = await serve(MirthServer)
    server.set_fault("stopped")
    await expect(KIND, spec(server), Outcome.DOWN, Reason.ENGINE_STOPPED)
    server.set_fault("backlog")
    deep = spec(server, max_queued="499")
    await expect(KIND, deep, Outcome.DEGRADED, Reason.ENGINE_QUEUE)
    server.set_fault("slow")
    await expect(KIND, deep, Outcome.UP, Reason.OK)


@pytest.mark.parametrize(("fault", "outcome", "reason"), FAULTS)
async def test_an_interface_that_fails_says_nothing_of_the_channel(
    fault: str, outcome: str, reason: str, serve: Serve
) -> None:
    server = await serve(MirthServer)
    server.set_fault(fault)
    timeout_ms = 150 if fault == "hang" else 5000
    told = (outcome, reason) if outcome == "misconfigured" else ("unknown", "engine.api")
    run = await observe(KIND, spec(server), timeout_ms=timeout_ms)
    assert (run.observation.outcome, run.observation.reason) == told
    assert steps(run.observation)[-1][1:] == (outcome, reason)
    strict = spec(server, unreachable="down")
    seen = await observe(KIND, strict, timeout_ms=timeout_ms)
    assert (seen.observation.outcome, seen.observation.reason) == (outcome, reason)


@pytest.mark.parametrize("name", sorted(set(SERVERS) - {"mirth"}))
async def test_what_is_cut_off_or_of_another_kind_is_no_status(name: str, serve: Serve) -> None:
    server = await serve(SERVERS[name])
    for fault in ("html200", "cut_off", "wrong_types"):
        if (name, fault) == ("iris", "cut_off"):
            continue  # lines of text: what is left of them is still right
        server.set_fault(fault)
        await expect(KIND, spec(server, unreachable="down"), *NOT_STATUS, connections=2)


async def test_a_server_that_says_when_to_come_again_is_left_alone(serve: Serve) -> None:
    server = await serve(MirthServer)
    clock = ManualClock()
    async with watching(spec(server), clock=clock) as (watch,):
        for fault in ("503", "429"):  # after 503 it is asked at the next slot all the same
            server.requests.clear()
            server.set_fault(fault)
            seen = await watch.sees(after_s=1)
            assert (seen.reason, seen.facts[Fact.RETRY_AFTER_S]) == (Reason.ENGINE_API, 7)
        server.set_fault("none")
        assert await watch.says(after_s=6) == ("unknown", "agent.retry_after")
        assert sum(server.requests.values()) == 1
        assert await watch.says(after_s=1) == ("up", "ok")


async def test_a_second_connection_that_fails_is_the_step_it_was_for(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server: EngineHost = await serve(OpenHimServer)
    answer = server.answer

    def once(path: str, query: dict[str, list[str]]) -> tuple[str, bytes] | None:
        server.set_fault("refuse")
        return answer(path, query)

    monkeypatch.setattr(server, "answer", once)
    seen = await expect(KIND, spec(server), Outcome.UNKNOWN, Reason.ENGINE_API, connections=2)
    assert steps(seen) == [("connect", "up", "ok"), ("status", "down", "tcp.refused")]


async def test_messages_that_came_in_are_counted_from_run_to_run(serve: Serve) -> None:
    server = await serve(MirthServer)
    async with watching(spec(server), clock=ManualClock()) as (watch,):
        assert Fact.MESSAGES not in (await watch.sees()).facts
        server.line.flow(received=5, sent=5)
        assert (await watch.sees()).facts[Fact.MESSAGES] == 5
        server.set_fault("500")
        assert Fact.MESSAGES not in (await watch.sees()).facts
        server.set_fault("none")
        server.line.flow(received=2, sent=2)
        assert (await watch.sees()).facts[Fact.MESSAGES] == 2
        server.line.received = server.line.sent = 1
        facts = (await watch.sees()).facts
        assert facts[Fact.COUNTER_RESET] == 1
        assert Fact.MESSAGES not in facts
        facts = (await watch.sees()).facts
        assert (facts[Fact.MESSAGES], Fact.COUNTER_RESET in facts) == (0, False)


async def test_what_came_in_over_a_gap_is_not_told_as_of_one_slot(serve: Serve) -> None:
    server = await serve(MirthServer)
    env = replace(environment(), every_ms=60_000)
    async with watching(spec(server), env=env, clock=ManualClock()) as (watch,):
        await watch.sees()
        told = []
        for after_s in (60, 90, 91, 3600, 60):
            server.line.flow(received=4, sent=4)
            told.append((await watch.sees(after_s)).facts.get(Fact.MESSAGES))
        assert told == [4, 4, None, None, 4]


async def test_a_queue_is_judged_by_depth_age_and_growth(serve: Serve) -> None:
    server = await serve(MirthServer)
    deep = spec(server, max_queued="10", down_queued="20")
    old = spec(server, max_oldest="3m", down_oldest="5m")
    rising = spec(server, rising="3")
    async with watching(deep, old, rising, clock=ManualClock()) as (by_depth, by_age, by_growth):
        told = []
        for _ in range(7):
            told.append(
                (
                    (await by_depth.says())[0],
                    (await by_age.says(after_s=0))[0],
                    (await by_growth.says(after_s=0))[0],
                )
            )
            server.line.flow(received=4, sent=0)
    # Messages were seen to wait from the second run on: over three minutes old at the sixth.
    assert told == [
        ("up", "up", "up"),
        ("up", "up", "up"),
        ("up", "up", "up"),
        ("degraded", "up", "degraded"),
        ("degraded", "up", "degraded"),
        ("degraded", "degraded", "degraded"),
        ("down", "degraded", "degraded"),
    ]


async def test_a_backlog_that_drains_in_time_is_no_outage(serve: Serve) -> None:
    server = await serve(MirthServer)
    server.line.queued = 100
    asked = spec(server, down_queued="30", drain={"within": "10m"})
    async with watching(asked, clock=ManualClock()) as (watch,):
        assert await watch.says() == ("down", "engine.queue")
        told = []
        for left in (5, 20, 20):
            server.line.flow(received=0, sent=left)
            seen = await watch.sees()
            told.append((seen.outcome.value, seen.facts[Fact.DRAIN_S]))
        assert told == [("down", 1140), ("degraded", 360), ("degraded", 220)]
        server.line.flow(received=3, sent=0)
        seen = await watch.sees()
        assert (seen.outcome, Fact.DRAIN_S in seen.facts) == (Outcome.DOWN, False)


async def test_more_errors_than_agreed_since_the_run_before_are_degraded(serve: Serve) -> None:
    server = await serve(MirthServer)
    server.line.errored = 50
    async with watching(spec(server), spec(server, max_errors="2"), clock=ManualClock()) as (
        strict,
        lenient,
    ):
        assert [await strict.says(), await lenient.says()] == [("up", "ok"), ("up", "ok")]
        server.line.flow(received=2, sent=0, errored=2)
        seen = await strict.sees()
        assert (seen.reason, seen.facts[Fact.ERRORED]) == (Reason.ENGINE_ERRORS, 2)
        assert await lenient.says(after_s=0) == ("up", "ok")
        assert await strict.says() == ("up", "ok")


async def test_a_started_channel_whose_messages_wait_and_do_not_move_is_down(serve: Serve) -> None:
    server = await serve(MirthServer)
    asked = spec(server, moving={"within": "3m"})
    async with watching(asked, clock=ManualClock()) as (watch,):
        assert await watch.says() == ("up", "ok")
        told = []
        for _ in range(6):
            server.line.flow(received=1, sent=0)
            told.append((await watch.says())[1])
        assert told == ["ok", "ok", "ok", "engine.stalled", "engine.stalled", "engine.stalled"]
        server.line.flow(received=0, sent=1)
        assert await watch.says() == ("up", "ok")
        server.line.queued = 0
        for _ in range(5):
            assert await watch.says() == ("up", "ok")


@pytest.mark.parametrize("name", ["mirth", "rhapsody", "openhim", "iris", "cloverleaf"])
async def test_silence_is_down_where_messages_come_all_the_time(name: str, serve: Serve) -> None:
    server, clock = await serve(SERVERS[name]), ManualClock()
    server.clock = clock
    asked = spec(server, moving={"within": "2m", "expect": "always"})
    # Those that tell since when nothing came are known at once.
    first = ("up", "ok") if name in ("rhapsody", "iris") else ("unknown", "engine.not_yet")
    async with watching(asked, clock=clock) as (watch,):
        assert await watch.says() == first
        server.line.flow()
        assert await watch.says() == ("up", "ok")
        server.line.idle_s = 60
        assert await watch.says() == ("up", "ok")
        server.line.idle_s = 120
        assert await watch.says() == ("down", "engine.stalled")


@pytest.mark.parametrize("name", ["rhapsody", "cloverleaf"])
async def test_a_destination_that_is_lost_is_down_once_messages_wait(
    name: str, serve: Serve
) -> None:
    server, clock = await serve(SERVERS[name]), ManualClock()
    server.line.connected, server.clock = False, clock
    async with watching(spec(server), clock=clock) as (watch,):
        assert await watch.says() == ("degraded", "engine.disconnected")
        server.line.queued = 3
        assert await watch.says() == ("degraded", "engine.disconnected")
        assert await watch.says() == ("down", "engine.disconnected")


async def test_a_destination_is_judged_by_itself_and_with_its_channel(serve: Serve) -> None:
    server = await serve(MirthServer)
    server.line.destinations = {
        "Archive": Line("", "Archive"),
        "To lab": Line("", "To lab", queued=9, sent=0),
    }
    lab = spec(server, destination="To lab", max_queued="5")
    await expect(KIND, lab, Outcome.DEGRADED, Reason.ENGINE_QUEUE)
    await expect(KIND, {**lab, "destination": "2"}, Outcome.DEGRADED, Reason.ENGINE_QUEUE)
    await expect(KIND, {**lab, "destination": "1"}, Outcome.UP, Reason.OK)
    gone = {**lab, "destination": "To pharmacy"}
    await expect(KIND, gone, Outcome.MISCONFIGURED, Reason.ENGINE_NO_CHANNEL)
    server.line.destinations["To lab"].state = "stopped"
    await expect(KIND, lab, Outcome.DOWN, Reason.ENGINE_STOPPED)
    await expect(KIND, spec(server), Outcome.UP, Reason.OK)
    server.line.destinations["To lab"].state = "started"
    server.line.state = "paused"
    await expect(KIND, lab, Outcome.DOWN, Reason.ENGINE_STOPPED)


async def test_every_state_of_mirth_has_a_meaning(serve: Serve) -> None:
    server = await serve(MirthServer)
    told = {}
    for state in (
        "starting",
        "deploying",
        "syncing",
        "pausing",
        "paused",
        "stopping",
        "undeployed",
    ):
        server.line.state = state
        run = await observe(KIND, spec(server))
        told[state] = run.observation.reason.value
    assert {state for state, reason in told.items() if reason == "engine.starting"} == {
        "starting",
        "deploying",
        "syncing",
    }
    assert set(told.values()) == {"engine.starting", "engine.stopped"}


async def test_a_name_that_looks_like_a_number_is_found(serve: Serve) -> None:
    server = await serve(MirthServer)
    server.lines = [Line("a-1", "12345"), Line("a-2", "Other")]
    await expect(KIND, spec(server, channel="12345"), Outcome.UP, Reason.OK)
    await expect(KIND, spec(server, channel="a-2"), Outcome.UP, Reason.OK)


async def test_a_whole_production_has_the_queue_of_all_its_hosts(serve: Serve) -> None:
    server = await serve(IrisServer)
    server.lines.append(Line("", "Lab Router", queued=7))
    asked = spec(server, channel=IrisServer.PRODUCTION, max_queued="5")
    seen = await expect(KIND, asked, Outcome.DEGRADED, Reason.ENGINE_QUEUE)
    assert seen.facts[Fact.QUEUED] == 7
    host = await expect(KIND, spec(server, channel="Lab Router"), Outcome.UP, Reason.OK)
    assert Fact.QUEUED not in host.facts


async def test_an_export_that_is_old_says_nothing_of_now(serve: Serve) -> None:
    server: CloverleafExport = await serve(CloverleafExport)
    clock = ManualClock()
    server.at_s = clock.now_ms() // 1000
    async with watching(spec(server, max_age="90s"), clock=clock) as (watch,):
        assert await watch.says() == ("up", "ok")
        assert await watch.says() == ("unknown", "engine.stale")
        server.at_s += 120
        server.line.flow(received=3, sent=3)
        assert (await watch.sees()).facts[Fact.MESSAGES] == 3
        server.at_s *= 1000  # milliseconds: they are never old
        assert await watch.says() == ("unknown", "engine.stale")


async def test_a_host_whose_queue_iris_does_not_tell_is_not_up_for_it(serve: Serve) -> None:
    server = await serve(IrisServer)
    server.line.queued = 500
    asked = spec(server, max_queued="5")
    await expect(KIND, asked, Outcome.UNKNOWN, Reason.ENGINE_NOT_STATUS)


async def test_an_agent_that_restarts_ends_no_outage_of_a_channel(serve: Serve) -> None:
    server = await serve(MirthServer)
    server.line.queued = 4
    asked = spec(server, moving={"within": "2m"})
    clock = ManualClock()
    for _ in range(2):  # lives of the agent
        async with watching(asked, clock=clock) as (watch,):
            told = [await watch.says() for _ in range(3)]
            assert told == [("unknown", "engine.not_yet")] * 2 + [("down", "engine.stalled")]


async def test_the_oldest_message_is_as_old_as_the_engine_says(serve: Serve) -> None:
    server = await serve(CloverleafExport)
    server.line.queued, server.line.oldest_s = 1, 601
    seen = await expect(KIND, spec(server, max_oldest="10m"), Outcome.DEGRADED, Reason.ENGINE_QUEUE)
    assert seen.facts[Fact.OLDEST_S] == 601


async def test_who_waits_for_anothers_answer_waits_no_longer_than_its_own_time(
    serve: Serve,
) -> None:
    server = await serve(MirthServer)
    server.set_fault("hang")
    env = environment(timeout_ms=800)
    async with (
        watching(spec(server), env=env) as (first,),
        watching(spec(server), env=replace(env, timeout_ms=100)) as (second,),
    ):
        asking = asyncio.create_task(first.sees())
        await asyncio.sleep(0.2)
        seen = await second.sees()
        assert seen.reason is Reason.ENGINE_API
        assert steps(seen) == [("status", "down", "http.timeout")]
        assert steps(await asking)[-1] == ("status", "down", "http.timeout")
        assert sum(server.requests.values()) == 1


async def test_an_answer_that_serves_nobody_any_more_is_let_go_of(serve: Serve) -> None:
    server = await serve(MirthServer)
    async with watching(*[spec(server)] * 4, clock=ManualClock()) as watches:
        for watch in (*watches, *watches):
            assert await watch.says() == ("up", "ok")
        gc.collect()
        assert sum(isinstance(one, Status) for one in gc.get_objects()) == 1


async def test_many_checks_of_an_engine_share_one_answer(serve: Serve) -> None:
    server = await serve(MirthServer)
    server.lines = [Line(f"id-{n}", f"Channel {n}", received=n) for n in range(50)]
    clock, net = ManualClock(), CountingNetwork()
    specs = [spec(server, channel=f"Channel {n}") for n in range(50)]
    async with watching(*specs, env=environment(net), clock=clock) as watches:
        for asked in (1, 2):
            await clock.advance(60_000)
            seen = await asyncio.gather(*(watch.sees(after_s=0) for watch in watches))
            assert {one.outcome for one in seen} == {Outcome.UP}
            assert len(net.attempts) == asked
            assert sum(one.facts.get(Fact.REQUESTS, 0) for one in seen) == 1
        # No check is given the same answer twice, whoever asked for it.
        await watches[0].sees(after_s=1)
        assert len(net.attempts) == 3
        await watches[1].sees(after_s=1)
        assert len(net.attempts) == 3
        await watches[2].sees(after_s=10)
        assert len(net.attempts) == 4


@asynccontextmanager
async def signing_in(tmp_path: Path) -> AsyncIterator[tuple[MirthServer, dict[str, Any]]]:
    """A server that wants everybody to sign in, and a spec that does."""
    authority = Authority(tmp_path, SystemClock().now_ms())
    server = MirthServer(CANARIES)
    server.logins = 1  # nobody is let in unknown
    await server.start(tls=authority.server().server_context())
    auth = {"session": {"user": "watcher", "password": "file:/run/pw"}}
    try:
        yield server, spec(server, ca=authority.ca, auth=auth)
    finally:
        await server.stop()


async def test_a_session_is_begun_once_and_kept(tmp_path: Path) -> None:
    async with signing_in(tmp_path) as (server, asked):
        env = environment(secrets={"file:/run/pw": b"right\n"})
        others = [asked, {**asked, "channel": server.line.id}]
        async with watching(*others, env=env) as (one, two):
            seen = await one.sees()
            names = ("connect", "login", "status", "channel")
            assert steps(seen) == [(name, "up", "ok") for name in names]
            assert seen.facts[Fact.CERT_DAYS_LEFT] in (89, 90)
            assert steps(await two.sees()) == [("channel", "up", "ok")]
            assert [s for s, _, _ in steps(await one.sees())] == ["connect", "status", "channel"]
            assert server.requests["api/users/_login"] == 1
            assert all(fields["X-Requested-With"] == "wardwatch" for fields in server.fields)


async def test_a_session_that_ended_is_begun_again_once(tmp_path: Path) -> None:
    async with signing_in(tmp_path) as (server, asked):
        env = environment(secrets={"file:/run/pw": b"right"})
        async with watching(asked, env=env) as (watch,):
            await watch.sees()
            server.sessions.clear()
            seen = await watch.sees()
            assert (seen.outcome, seen.facts[Fact.REQUESTS]) == (Outcome.UP, 3)
            assert server.requests["api/users/_login"] == 2
        run = await observe(KIND, asked, connections=3, secrets={"file:/run/pw": b"right"})
        assert run.connections == 2


async def test_a_refused_user_is_not_tried_again_for_a_quarter_of_an_hour(tmp_path: Path) -> None:
    async with signing_in(tmp_path) as (server, asked):
        secrets = {"file:/run/pw": b"wrong"}
        clock = ManualClock(SystemClock().now_ms())
        env = replace(environment(), read_secret=secrets.__getitem__)
        async with watching(asked, {**asked, "max_body": "99999"}, env=env, clock=clock) as watches:
            for _ in range(14):
                for watch in watches:
                    told = await watch.says(after_s=30)
                    assert told == ("misconfigured", "engine.auth")
            assert server.requests == {"api/users/_login": 1}
            secrets["file:/run/pw"] = b"right"  # a new password is tried at once
            assert await watches[0].says() == ("up", "ok")
            secrets["file:/run/pw"] = b"wrong"
            assert (await watches[0].sees(after_s=480)).reason is Reason.ENGINE_AUTH
            assert server.requests["api/users/_login"] == 3


async def test_a_user_who_may_not_look_is_not_signed_in_again_and_again(tmp_path: Path) -> None:
    async with signing_in(tmp_path) as (server, asked):
        env = environment(secrets={"file:/run/pw": b"right"})
        server.set_fault("403", at="api/channels")
        async with watching(asked, env=env) as (watch,):
            for _ in range(5):
                assert await watch.says() == ("misconfigured", "engine.auth")
        assert server.requests == {"api/users/_login": 1, "api/channels/statuses": 1}


async def test_a_sign_in_that_fails_by_itself_is_the_interfaces(tmp_path: Path) -> None:
    async with signing_in(tmp_path) as (server, asked):
        server.set_fault("500", at="api/users")
        for _ in range(2):
            seen = await expect(
                KIND,
                asked,
                Outcome.UNKNOWN,
                Reason.ENGINE_API,
                secrets={"file:/run/pw": b"right"},
            )
            assert steps(seen)[-1] == ("login", "down", "http.status")
        assert server.requests == {"api/users/_login": 2}


async def test_without_the_secret_nothing_is_asked(tmp_path: Path) -> None:
    async with signing_in(tmp_path) as (server, asked):
        await expect(KIND, asked, Outcome.UNKNOWN, Reason.AGENT_SECRET, connections=0)
        basic = {"basic": {"user": "u", "password": "file:/run/pw"}}
        for auth in (basic, {"bearer": "file:/run/pw"}):
            await expect(
                KIND, {**asked, "auth": auth}, Outcome.UNKNOWN, Reason.AGENT_SECRET, connections=0
            )
        assert server.requests == {}


async def test_what_is_shown_as_it_is_is_shown(tmp_path: Path) -> None:
    async with signing_in(tmp_path) as (server, asked):
        server.logins = 0
        auth = {"basic": {"user": "u", "password": "file:/run/pw"}}
        secrets = {"file:/run/pw": b"p"}
        await expect(KIND, {**asked, "auth": auth}, Outcome.UP, Reason.OK, secrets=secrets)
        assert server.fields[-1]["Authorization"] == "Basic dTpw"
        assert "Cookie" not in server.fields[-1]


@pytest.mark.parametrize("name", sorted(SERVERS))
async def test_nothing_an_engine_sends_reaches_observation_or_log(
    name: str, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = await serve(SERVERS[name])
    server.lines.append(Line(CANARIES[1], CANARIES[0]))
    told = []
    for fault in EngineHost.FAULTS:
        server.set_fault(fault)
        run = await observe(
            KIND, spec(server), connections=2, timeout_ms=150 if fault == "hang" else 5000
        )
        told.append(repr(run.observation))
    kept = "\n".join([*told, caplog.text])
    assert [canary for canary in CANARIES if canary in kept] == []
    assert "ZZ" not in kept


@pytest.mark.parametrize(
    ("wrong", "places"),
    [
        ({"engine": "biztalk"}, ["engine"]),
        ({"base_url": "mirth.example.org"}, ["base_url"]),
        ({"base_url": "http://mirth.example.org/?x=1"}, ["base_url"]),
        ({"channel": "a\nb"}, ["channel"]),
        ({"max_queued": "-1"}, ["max_queued"]),
        ({"rising": "1"}, ["rising"]),
        ({"moving": {"within": "0s"}}, ["moving.within"]),
        ({"moving": {"within": "1m", "hours": "x"}}, ["moving.hours"]),
        ({"url": "http://x"}, ["url"]),
        ({"auth": {}}, ["auth"]),
        ({"unreachable": "up"}, ["unreachable"]),
    ],
)
def test_a_wrong_spec_names_every_place(wrong: dict[str, Any], places: list[str]) -> None:
    base = {"engine": "mirth", "base_url": "http://mirth.example.org", "channel": "ADT"}
    with pytest.raises(ValidationError) as caught:
        KIND.parse({**base, **wrong})
    assert [".".join(map(str, e["loc"])) for e in caught.value.errors()] == places


def refusal(**spec: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        KIND.parse({"base_url": "http://e.example.org", **spec})
    return caught.value.errors()[0]["msg"].removeprefix("Value error, ")


def test_contradictions_are_told_together() -> None:
    auth = {"session": {"user": "u", "password": "env:PW"}}
    iris = refusal(
        engine="iris",
        destination="x",
        path="/x",
        auth=auth,
        moving={"within": "1m"},
        max_oldest="5m",
        down_oldest="1m",
        client_key="/k.pem",
    )
    assert iris == (
        "channel is needed, but not of generic; path belongs to generic and cloverleaf; "
        "iris tells of no destinations; iris has no sessions: write basic; "
        "max_oldest and down_oldest need oldest_s, or sent and queued; "
        "the limit of down lies below that of degraded; "
        "client_cert and client_key belong together; "
        "auth needs an https base_url: a secret is never sent in the clear; "
        "ca, client_cert and client_key need an https base_url"
    )
    openhim = refusal(
        engine="openhim",
        channel="a",
        max_queued="1",
        moving={"within": "1m"},
        drain={"within": "1m"},
    )
    assert openhim == (
        "max_queued, down_queued and rising need an engine that tells queued; "
        "moving needs an engine that tells queued, and sent or idle_s, or expect: always; "
        "drain needs queued"
    )
    iguana = refusal(engine="iguana", channel="a", moving={"within": "1m"})
    assert iguana.startswith("moving needs an engine that tells queued, and sent or idle_s")
    silent = refusal(
        engine="generic",
        read={"form": "json", "places": {"queued": "/q"}},
        moving={"within": "1m", "expect": "always"},
    )
    assert silent == "moving.expect: always needs an engine that tells a count or idle_s"
    read = refusal(
        engine="generic",
        read={"form": "xml", "places": {"queued": "/q", "sents": "a"}, "states": {"a": "started"}},
    )
    assert read == (
        "places: no such sign: sents; "
        "places.queued: write a path below the root such as channel[@name='ADT']/queue/@size; "
        "places.state and states belong together"
    )
