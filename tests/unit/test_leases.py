"""What serves one client at a time: runs of an agent's checks wait for each other."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from agent.blame import blame
from agent.pulse import Pulse
from probes.attempts import Attempts
from probes.clock import ManualClock
from probes.config_checks import Check
from probes.contract import Env, Exclusive, Kind, Observation, Outcome, Slot
from probes.leases import Leases
from probes.net import Network
from probes.reasons import Reason

START = 1_767_225_600_000


class Port:
    """How many are connected at once."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def run(self, slot: Slot) -> Observation:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.01)
        self.now -= 1
        return Observation(Outcome.UP, Reason.OK)


def attempts(
    clock: ManualClock, port: Port, leases: Leases | None, name: str, spec: Mapping[str, str]
) -> Attempts:
    @asynccontextmanager
    async def opened(_config: Mapping[str, Any], _env: Env) -> AsyncIterator[Port]:
        yield port

    def used(config: Mapping[str, Any]) -> Exclusive:
        return Exclusive(config["port"], alone="alone" in config)

    kind = Kind("fake", "for tests", dict, opened, frozenset(), exclusive=used)
    check = Check.model_validate(
        {"system": "lab", "kind": "fake", "every": "10s", "timeout": "5s", "spec": spec}
    )
    env = Env(clock, Random(1), Network(clock), 5_000, lambda _reference: b"")
    return Attempts(name, check, kind, env, blame(Pulse(clock)), leases=leases)


@pytest.mark.parametrize(
    ("specs", "most"),
    [
        ([{"port": "a", "alone": "yes"}] * 3, 1),
        ([{"port": "a", "alone": "yes"}, {"port": "b", "alone": "yes"}], 2),
        ([{"port": "a"}] * 3, 3),
    ],
)
async def test_those_that_must_be_alone_run_one_after_the_other(
    specs: list[dict[str, str]], most: int
) -> None:
    clock, port, leases = ManualClock(START), Port(), Leases()
    checks = [attempts(clock, port, leases, f"c{n}", spec) for n, spec in enumerate(specs)]
    runs = await asyncio.gather(*(check.run(Slot(check.name, START)) for check in checks))
    assert port.most == most
    assert [run.outcome for run in runs] == [Outcome.UP] * len(specs)


async def test_a_run_begins_when_it_has_its_lease_and_not_when_it_waits_for_it() -> None:
    clock, leases = ManualClock(START), Leases()
    check = attempts(clock, Port(), leases, "c", {"port": "a", "alone": "yes"})
    async with leases.of("a"):
        waiting = asyncio.create_task(check.run(Slot("c", START)))
        await asyncio.sleep(0.01)
        await clock.advance(3_000)
    run = await waiting
    assert (run.slot_ms, run.at_ms, run.outcome) == (START, START + 3_000, Outcome.UP)


async def test_a_run_that_is_cancelled_while_it_waits_leaves_the_lease_to_others() -> None:
    clock, leases = ManualClock(START), Leases()
    given = {"port": "a", "alone": "yes"}
    first, second = (attempts(clock, Port(), leases, name, given) for name in ("c", "d"))
    async with leases.of("a"):
        waiting = asyncio.create_task(first.run(Slot("c", START)))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert (await second.run(Slot("d", START))).outcome is Outcome.UP


def test_a_lease_nobody_has_any_more_is_forgotten() -> None:
    leases = Leases()
    one = leases.of("a")
    assert leases.of("a") is one
    del one
    gc.collect()
    assert not leases._known
