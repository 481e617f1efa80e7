"""The runner: every slot ends in one recorded run, whatever the probe or the clock does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from agent.blame import blame
from agent.pulse import Pulse
from probes.attempts import Attempts
from probes.clock import ManualClock
from probes.config_checks import Check
from probes.contract import Env, Fact, Kind, Observation, Outcome, Phase, Slot, Step, StepName
from probes.net import NetFailure, Network
from probes.reasons import Reason
from probes.runner import Runner
from probes.schedule import first_slot_ms, offset_ms
from probes.segments import Run, RunStep

UP = Observation(Outcome.UP, Reason.OK)
EVERY = 10_000
START = 1_767_225_600_000
FIRST = first_slot_ms(offset_ms("north-1", "c", EVERY), EVERY, START + 1)

Act = Callable[[Env], Awaitable[Observation]]


class Scripted:
    """A probe that does what the test says; `opened` and `closed` count."""

    def __init__(self, act: Act) -> None:
        self.act = act
        self.opened = self.closed = 0

    def kind(self) -> Kind[Mapping[str, Any]]:
        return Kind("scripted", "for tests", dict, self._open, frozenset())

    @asynccontextmanager
    async def _open(self, config: Mapping[str, Any], env: Env) -> AsyncIterator[_Probe]:
        self.opened += 1
        if "secret" in config:
            env.read_secret(config["secret"])
        try:
            yield _Probe(self, env)
        finally:
            self.closed += 1


class _Probe:
    def __init__(self, script: Scripted, env: Env) -> None:
        self._script, self._env = script, env

    async def run(self, slot: Slot) -> Observation:
        return await self._script.act(self._env)


def no_secret(reference: str) -> bytes:
    raise KeyError(reference)


def attempts(
    clock: ManualClock, script: Scripted, name: str = "c", spec: Mapping[str, Any] | None = None
) -> Attempts:
    check = Check.model_validate(
        {"system": "ehr", "kind": "scripted", "every": "10s", "timeout": "5s", "spec": spec or {}}
    )
    env = Env(clock, Random(1), Network(clock), 5_000, no_secret)
    return Attempts(name, check, script.kind(), env, blame(Pulse(clock)), grace_ms=-4_950)


@asynccontextmanager
async def running(
    clock: ManualClock, *checks: Attempts, concurrency: int = 8
) -> AsyncIterator[list[Run]]:
    runs: list[Run] = []
    runner = Runner("north-1", checks, clock, runs.append, concurrency=concurrency)
    task = asyncio.create_task(runner.run())
    await clock.advance(0)
    try:
        yield runs
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def said(runs: list[Run]) -> list[tuple[int, str, str]]:
    return [(run.slot_ms - FIRST, run.outcome.value, run.reason) for run in runs]


@pytest.mark.parametrize("value", [2**53, -(2**53), 10**30])
async def test_a_fact_too_far_for_evidence_is_the_probes_own_defect(value: int) -> None:
    """A number of the far side that a kind passed on unseen must not stop the spool."""

    async def act(_env: Env) -> Observation:
        return Observation(Outcome.UP, Reason.OK, facts={Fact.FREE_SLOTS: value})

    clock = ManualClock(START)
    run = await attempts(clock, Scripted(act)).run(Slot("c", START))
    assert (run.outcome, run.reason, run.facts) == (Outcome.UNKNOWN, "agent.crash", {})


async def test_each_slot_is_attempted_on_the_grid_with_one_opened_probe() -> None:
    async def act(env: Env) -> Observation:
        await env.clock.sleep_ms(40)
        return Observation(
            Outcome.UP,
            Reason.OK,
            {Phase.CONNECT: 7},
            {Fact.HTTP_STATUS: 200},
            (Step(StepName.CONNECT, Outcome.UP, Reason.OK, 7),),
        )

    clock, script = ManualClock(START), Scripted(act)
    async with running(clock, attempts(clock, script)) as runs:
        await clock.advance(2 * EVERY)
    assert runs == [
        Run(
            "ehr",
            "c",
            at,
            at,
            Outcome.UP,
            "ok",
            40_000,
            {"connect": 7},
            {"http_status": 200},
            (RunStep("connect", Outcome.UP, "ok", 7),),
        )
        for at in (FIRST, FIRST + EVERY)
    ]
    assert (script.opened, script.closed) == (1, 1)


async def test_a_probe_that_fails_is_a_crash_without_its_text_and_is_opened_anew(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def act(env: Env) -> Observation:
        raise ValueError("MRN 4711 John Doe")

    clock, script = ManualClock(START), Scripted(act)
    with caplog.at_level(logging.DEBUG):
        async with running(clock, attempts(clock, script)) as runs:
            await clock.advance(2 * EVERY)
    assert said(runs) == [(0, "unknown", "agent.crash"), (EVERY, "unknown", "agent.crash")]
    assert (script.opened, script.closed) == (2, 2)
    assert [record.getMessage() for record in caplog.records if record.name == "wardwatch.agent"]
    assert "4711" not in caplog.text


async def test_a_failure_of_the_network_keeps_its_verdict() -> None:
    async def act(env: Env) -> Observation:
        raise NetFailure(Outcome.DOWN, Reason.TCP_REFUSED)

    clock, script = ManualClock(START), Scripted(act)
    async with running(clock, attempts(clock, script)) as runs:
        await clock.advance(EVERY)
    assert said(runs) == [(0, "down", "tcp.refused")]


async def test_a_probe_that_hangs_beyond_its_own_deadline_is_a_crash() -> None:
    async def act(env: Env) -> Observation:
        await asyncio.Event().wait()
        return UP

    clock, script = ManualClock(START), Scripted(act)
    run = await attempts(clock, script).run(Slot("c", START))
    assert (run.outcome, run.reason) == (Outcome.UNKNOWN, "agent.crash")


async def test_a_missing_secret_is_named_and_looked_for_again() -> None:
    async def act(env: Env) -> Observation:
        return UP

    clock, script = ManualClock(START), Scripted(act)
    async with running(clock, attempts(clock, script, spec={"secret": "env:NONE"})) as runs:
        await clock.advance(2 * EVERY)
    assert said(runs) == [(0, "unknown", "agent.secret"), (EVERY, "unknown", "agent.secret")]
    assert script.opened == 2


async def test_a_slot_whose_predecessor_still_runs_is_missed() -> None:
    async def act(env: Env) -> Observation:
        await env.clock.sleep_ms(EVERY + 1)
        return UP

    clock, script = ManualClock(START), Scripted(act)
    async with running(clock, attempts(clock, script)) as runs:
        await clock.advance(3 * EVERY)
    assert said(runs) == [
        (EVERY, "unknown", "agent.missed_slot"),
        (0, "up", "ok"),
        (2 * EVERY, "unknown", "agent.missed_slot"),
    ]


async def test_no_more_attempts_run_at_once_than_there_is_room_for() -> None:
    now_running, most = 0, 0

    async def act(env: Env) -> Observation:
        nonlocal now_running, most
        now_running += 1
        most = max(most, now_running)
        await env.clock.sleep_ms(8_000)
        now_running -= 1
        return UP

    clock, script = ManualClock(START), Scripted(act)
    checks = [attempts(clock, script, f"c{n}") for n in range(6)]
    async with running(clock, *checks, concurrency=2) as runs:
        await clock.advance(EVERY)
        await clock.advance(3 * EVERY)
    assert most == 2
    assert sum(run.reason == "ok" for run in runs) >= 6


@pytest.mark.parametrize("step_ms", [3_000, -3_000, -86_400_000, 86_400_000])
async def test_a_step_of_the_clock_is_said_and_slots_go_on_by_the_new_time(step_ms: int) -> None:
    async def act(env: Env) -> Observation:
        return UP

    clock, script = ManualClock(START), Scripted(act)
    async with running(clock, attempts(clock, script)) as runs:
        clock.step_wall(step_ms)
        await clock.advance(2 * EVERY)
    assert runs[0].reason == "agent.clock"
    assert [run.reason for run in runs[1:]] in (["ok"], ["ok", "ok"])
    assert all((run.slot_ms - FIRST) % EVERY == 0 for run in runs[1:])
    assert all(0 < run.slot_ms - START - step_ms <= 2 * EVERY for run in runs[1:])


async def test_an_attempt_the_clock_stepped_under_is_unknown() -> None:
    clock = ManualClock(START)

    async def act(env: Env) -> Observation:
        clock.step_wall(2_001)
        return UP

    run = await attempts(clock, Scripted(act)).run(Slot("c", START))
    assert (run.outcome, run.reason) == (Outcome.UNKNOWN, "agent.clock")


async def test_a_small_correction_of_the_clock_is_none() -> None:
    clock = ManualClock(START)

    async def act(env: Env) -> Observation:
        clock.step_wall(2_000)
        return UP

    run = await attempts(clock, Scripted(act)).run(Slot("c", START))
    assert (run.outcome, run.reason) == (Outcome.UP, "ok")


async def test_what_is_under_way_at_the_end_is_a_missed_slot() -> None:
    async def act(env: Env) -> Observation:
        await env.clock.sleep_ms(5_000)
        return UP

    clock, script = ManualClock(START), Scripted(act)
    async with running(clock, attempts(clock, script)) as runs:
        await clock.advance(FIRST - START + 10)
        assert runs == []
    assert said(runs) == [(0, "unknown", "agent.missed_slot")]
    assert script.closed == 1


async def test_a_slot_that_cannot_start_gives_way_to_its_successor() -> None:
    async def act(env: Env) -> Observation:
        await env.clock.sleep_ms(25_000)
        return UP

    clock = ManualClock(START)
    first, second = attempts(clock, Scripted(act), "c"), attempts(clock, Scripted(act), "d")
    first._limit_s = second._limit_s = 60
    async with running(clock, first, second, concurrency=1) as runs:
        await clock.advance(60_000)
    told = sorted((run.check, run.slot_ms, run.at_ms - run.slot_ms, run.reason) for run in runs)
    measured = [(check, late) for check, _, late, reason in told if reason == "ok"]
    # Two checks every 10 s that take 25 s each, in one place: two can end within the minute.
    assert len(measured) == 2
    assert all(0 <= late < EVERY for _, late in measured)
    # Not one slot is without a run, and none has two.
    for name in ("c", "d"):
        slots = [slot for check, slot, _, _ in told if check == name]
        assert slots == list(range(slots[0], slots[0] + 6 * EVERY, EVERY))


async def test_told_to_stop_what_was_just_given_to_an_idle_place_is_missed() -> None:
    async def act(env: Env) -> Observation:
        return UP

    clock, runs = ManualClock(START), list[Run]()
    check = attempts(clock, Scripted(act))
    runner = Runner("north-1", [check], clock, runs.append)
    task = asyncio.create_task(runner.run())
    await clock.advance(FIRST - START)
    assert said(runs) == [(0, "up", "ok")]
    task.cancel()
    runner._idle.pop().set_result((check, Slot("c", FIRST + EVERY)))
    await asyncio.gather(task, return_exceptions=True)
    assert said(runs)[1:] == [(EVERY, "unknown", "agent.missed_slot")]
