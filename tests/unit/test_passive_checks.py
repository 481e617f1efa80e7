"""A passive check is opened when its agent takes it up, and its successor before it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from agent.blame import blame
from agent.pulse import Pulse
from probes.attempts import Attempts
from probes.clock import ManualClock
from probes.config_checks import Check
from probes.contract import Env, Kind, Observation, Outcome, Slot
from probes.net import Network
from probes.reasons import Reason
from probes.runner import Runner
from probes.schedule import first_slot_ms, offset_ms
from probes.segments import Run

EVERY = 600_000


class Listening:
    """Its log: what was opened, run and closed, in order."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.broken = False

    def kind(self, *, passive: bool) -> Kind[Mapping[str, Any]]:
        return Kind("listening", "for tests", dict, self._open, frozenset(), passive=passive)

    @asynccontextmanager
    async def _open(self, config: Mapping[str, Any], _env: Env) -> AsyncIterator[_Probe]:
        await asyncio.sleep(0)
        if self.broken:
            raise ValueError
        self.log.append(f"open {config['n']}")
        try:
            yield _Probe(self, config["n"])
        finally:
            self.log.append(f"close {config['n']}")


class _Probe:
    def __init__(self, script: Listening, n: str) -> None:
        self._script, self._n = script, n

    async def run(self, _slot: Slot) -> Observation:
        self._script.log.append(f"run {self._n}")
        return Observation(Outcome.UP, Reason.OK)


def attempts(clock: ManualClock, script: Listening, n: str, *, passive: bool = True) -> Attempts:
    check = Check.model_validate(
        {"system": "ehr", "kind": "listening", "every": "10m", "timeout": "5s", "spec": {"n": n}}
    )
    env = Env(clock, Random(1), Network(clock), 5_000, lambda _ref: b"")
    return Attempts("c", check, script.kind(passive=passive), env, blame(Pulse(clock)))


@asynccontextmanager
async def running(clock: ManualClock, *checks: Attempts) -> AsyncIterator[tuple[Runner, list[Run]]]:
    runs: list[Run] = []
    runner = Runner("north-1", checks, clock, runs.append)
    task = asyncio.create_task(runner.run())
    await clock.advance(0)
    try:
        yield runner, runs
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_is_open_before_its_first_slot_and_an_active_one_is_not() -> None:
    clock, script = ManualClock(), Listening()
    async with running(clock, attempts(clock, script, "1")):
        assert script.log == ["open 1"]
        await clock.advance(EVERY)
        assert script.log == ["open 1", "run 1"]
    other = Listening()
    async with running(clock, attempts(clock, other, "1", passive=False)):
        assert other.log == []


async def test_a_changed_one_is_open_before_the_old_one_is_closed() -> None:
    clock, script = ManualClock(), Listening()
    async with running(clock, attempts(clock, script, "1")) as (runner, _):
        runner.change([attempts(clock, script, "2")], lambda: None)
        await clock.advance(2_000)
        assert script.log == ["open 1", "open 2", "close 1"]
    assert script.log[-1] == "close 2"


async def test_that_holds_when_the_old_ones_slot_falls_on_the_change() -> None:
    clock, script = ManualClock(), Listening()
    async with running(clock, attempts(clock, script, "1")) as (runner, _):
        start = clock.now_ms()
        slot = first_slot_ms(offset_ms("north-1", "c", EVERY), EVERY, start + 1)
        await clock.advance(slot - start - 1)
        runner.change([attempts(clock, script, "2")], lambda: None)
        await clock.advance(1)
        assert script.log == ["open 1", "run 1", "open 2", "close 1"]


async def test_one_that_cannot_be_opened_ahead_is_tried_at_its_slot() -> None:
    clock, script = ManualClock(), Listening()
    script.broken = True
    async with running(clock, attempts(clock, script, "1")) as (_, runs):
        assert script.log == []
        script.broken = False
        await clock.advance(EVERY)
        assert script.log == ["open 1", "run 1"]
        assert [run.reason for run in runs] == ["ok"]


async def test_a_slot_during_the_opening_opens_nothing_twice() -> None:
    clock, script = ManualClock(), Listening()
    check = attempts(clock, script, "1")
    await asyncio.gather(check.begin(), check.run(Slot("c", 0)), check.begin())
    assert script.log == ["open 1", "run 1"]
    await check.close()
