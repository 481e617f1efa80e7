"""Checks change while the agent runs: no slot of a check that stays is lost or run twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import checks as agent_checks
from agent.blame import blame
from agent.pulse import Pulse
from agent.world import World, outside
from probes.agentconfig import AgentConfig
from probes.attempts import Attempts
from probes.clock import ManualClock
from probes.config_checks import Check
from probes.contract import Env, Kind, Observation, Outcome, Slot
from probes.net import Network
from probes.reasons import Reason
from probes.runner import Runner
from probes.schedule import Schedule, first_slot_ms, offset_ms
from probes.segments import Run
from tests.support.spooling import at_once

START = 1_767_225_600_000
NAMES = ("a", "b", "c")


class Log:
    """What was opened, closed and run, of each spec."""

    def __init__(self, takes_ms: int = 0) -> None:
        self.takes_ms = takes_ms
        self.opened: Counter[str] = Counter()
        self.closed: Counter[str] = Counter()

    def kind(self) -> Kind[Mapping[str, Any]]:
        return Kind("scripted", "for tests", dict, self._open, frozenset())

    @asynccontextmanager
    async def _open(self, config: Mapping[str, Any], env: Env) -> AsyncIterator[_Probe]:
        self.opened[config["id"]] += 1
        try:
            yield _Probe(env, self.takes_ms)
        finally:
            self.closed[config["id"]] += 1


class _Probe:
    def __init__(self, env: Env, takes_ms: int) -> None:
        self._env, self._takes_ms = env, takes_ms

    async def run(self, slot: Slot) -> Observation:
        await self._env.clock.sleep_ms(self._takes_ms)
        return Observation(Outcome.UP, Reason.OK)


def check(clock: ManualClock, log: Log, name: str, spec: str, every_ms: int) -> Attempts:
    parsed = Check(system="ehr", kind="scripted", every=every_ms, timeout=1_000, spec={"id": spec})

    def no_secret(reference: str) -> bytes:
        raise KeyError(reference)

    env = Env(clock, Random(1), Network(clock), 1_000, no_secret)
    return Attempts(name, parsed, log.kind(), env, blame(Pulse(clock)))


def first(name: str, every_ms: int, after_ms: int = START) -> int:
    return first_slot_ms(offset_ms("north-1", name, every_ms), every_ms, after_ms + 1)


@asynccontextmanager
async def running(
    clock: ManualClock, checks: Sequence[Attempts]
) -> AsyncIterator[tuple[Runner, list[Run]]]:
    runs: list[Run] = []
    runner = Runner("north-1", checks, clock, runs.append)
    task = asyncio.create_task(runner.run())
    await clock.advance(0)
    try:
        yield runner, runs
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def slots(runs: list[Run], name: str) -> list[tuple[int, str]]:
    return [(run.slot_ms, run.reason) for run in runs if run.check == name]


async def test_a_check_that_stays_keeps_its_probe_and_its_slots() -> None:
    clock, log = ManualClock(START), Log()
    kept = check(clock, log, "a", "a1", 10_000)
    async with running(clock, [kept, check(clock, log, "b", "b1", 10_000)]) as (runner, runs):
        await clock.advance(25_000)
        changes: list[int] = []
        runner.change(
            [kept, check(clock, log, "b", "b2", 10_000), check(clock, log, "c", "c1", 5_000)],
            lambda: changes.append(clock.now_ms()),
        )
        await clock.advance(25_000)
        assert log.opened == {"a1": 1, "b1": 1, "b2": 1, "c1": 1}
        assert log.closed == {"b1": 1}
    for name in ("a", "b"):
        at = first(name, 10_000)
        assert slots(runs, name) == [(at + k * 10_000, "ok") for k in range(5)]
    [changed_at] = changes
    assert START + 25_000 <= changed_at <= START + 26_000
    new = slots(runs, "c")
    assert new[0] == (first("c", 5_000, changed_at), "ok")
    assert len(new) in (4, 5)
    assert log.closed == {"a1": 1, "b1": 1, "b2": 1, "c1": 1}


async def test_an_attempt_under_way_is_finished_and_recorded_then_its_probe_is_closed() -> None:
    clock, log = ManualClock(START), Log(takes_ms=3_000)
    async with running(clock, [check(clock, log, "a", "a1", 10_000)]) as (runner, runs):
        at = first("a", 10_000)
        await clock.advance(at - START + 100)
        runner.change([], lambda: None)
        await clock.advance(1_500)
        assert (runs, log.closed) == ([], {})
        await clock.advance(1_500)
        assert slots(runs, "a") == [(at, "ok")]
        assert log.closed == {"a1": 1}
        await clock.advance(60_000)
    assert slots(runs, "a") == [(at, "ok")]


async def test_a_changed_check_waits_for_the_attempt_of_the_old_one() -> None:
    clock, log = ManualClock(START), Log(takes_ms=3_000)
    async with running(clock, [check(clock, log, "a", "a1", 2_000)]) as (runner, runs):
        at = first("a", 2_000)
        await clock.advance(at - START)
        runner.change([check(clock, log, "a", "a2", 2_000)], lambda: None)
        await clock.advance(8_000)
        assert log.closed["a1"] == 1
    found = dict(slots(runs, "a"))
    assert found[at] == "ok"
    assert found[at + 2_000] == "agent.missed_slot"
    assert found[at + 4_000] == "ok"


async def test_what_waits_of_checks_that_are_gone_is_missed_and_holds_up_nobody() -> None:
    """Four times what one place can do; what is left afterwards is a fifth of it."""
    clock, log = ManualClock(START), Log(takes_ms=400)
    names = [f"x{n}" for n in range(20)]
    checks = [check(clock, log, name, name, 2_000) for name in names]
    runs: list[Run] = []
    runner = Runner("north-1", checks, clock, runs.append, concurrency=1)
    task = asyncio.create_task(runner.run())
    await clock.advance(7_000)
    changed: list[int] = []
    runner.change([*checks[-1:]], lambda: changed.append(clock.now_ms()))
    await clock.advance(9_000)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    for name in names[:-1]:
        due = range(first(name, 2_000), changed[0] + 1, 2_000)
        assert [slot for slot, _ in sorted(slots(runs, name))] == list(due)
    (kept,) = names[-1:]
    later = [said for slot, said in slots(runs, kept) if slot > changed[0]]
    assert len(later) in (4, 5)
    assert {*later[:-1]} == {"ok"}
    assert log.opened == log.closed
    under_way = [run for run in runs if run.check != kept and run.at_ms >= changed[0] + 1]
    assert [run.reason for run in under_way if run.duration_us] == []


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 40_000),
            st.dictionaries(st.sampled_from(NAMES), st.sampled_from((1_000, 3_000, 7_000))),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_the_schedule_hands_out_each_slot_of_each_span_once(
    changes: list[tuple[int, dict[str, int]]],
) -> None:
    every: dict[str, int] = {"a": 3_000, "b": 7_000}
    schedule, now, got = Schedule("north-1", every, START + 1), START, []
    since = dict.fromkeys(every, START)
    expected: list[tuple[str, int]] = []

    def end(name: str, until: int) -> None:
        at = first(name, every[name], since[name])
        expected.extend((name, slot) for slot in range(at, until + 1, every[name]))

    for wait, after in [*changes, (20_000, {})]:
        now += wait
        look = schedule.take(now)
        got += [(slot.check, slot.at_ms) for slot in (*look.missed, *look.due)]
        schedule.change(after, now)
        for name in [name for name in every if after.get(name) != every[name]]:
            end(name, now)
            del since[name]
        every = dict(after)
        for name in every:
            since.setdefault(name, now)
    assert sorted(got) == sorted(expected)


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_changes_when_each_slot_of_a_check_that_stays_has_one_result(
    seed: int,
) -> None:
    rng, clock, log = Random(seed), ManualClock(START), Log(takes_ms=150)
    kept = {name: check(clock, log, name, name, 2_000 + 700 * n) for n, name in enumerate(NAMES)}
    async with running(clock, list(kept.values())) as (runner, runs):
        for turn in range(12):
            await clock.advance(rng.randint(1, 6_000))
            others = [
                check(clock, log, f"x{k}", f"x{k}-{turn}", rng.choice((1_000, 2_500)))
                for k in range(4)
                if rng.random() < 0.5
            ]
            runner.change([*kept.values(), *others], lambda: None)
            if rng.random() < 0.3:
                runner.change([*kept.values()], lambda: None)
        await clock.advance(2_000)
        now = clock.now_ms()
    for name, attempts in kept.items():
        at = first(name, attempts.every_ms)
        due = list(range(at, now, attempts.every_ms))
        found = slots(runs, name)
        # the last one may be under way when the agent is stopped
        assert [slot for slot, _ in found] == due
        assert {reason for _, reason in found[:-1]} == {"ok"}
        assert log.opened[name] == 1
    counted = Counter((run.check, run.slot_ms) for run in runs)
    assert set(counted.values()) == {1}
    assert log.opened == log.closed


def world(clock: ManualClock) -> World:
    return World(clock, Random(1), Network(clock), lambda ref: b"", Random(1).randbytes, at_once)


def part(**checks: Mapping[str, Any]) -> AgentConfig:
    return AgentConfig("st-elsewhere", "north-1", 1, "0" * 16, 0, {"ehr": "clinical"}, checks)


HTTP = {
    "system": "ehr",
    "kind": "http",
    "every": 10_000,
    "timeout": 1_000,
    "spec": {"url": "https://ehr.example.org/"},
}


def test_what_the_agent_does_not_act_on_changes_nothing() -> None:
    before = part(a=HTTP, b=HTTP, c=HTTP)
    after = part(
        a=HTTP | {"role": "supporting", "confirm": {"down": 5}},
        b=HTTP | {"spec": {"url": "https://ehr.example.org/2"}},
        d=HTTP,
    )
    assert agent_checks.unchanged(before, after) == {"a"}


async def test_a_check_this_agent_cannot_run_is_unknown_by_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = ManualClock(START)
    opened = agent_checks.opened(
        part(
            good=HTTP,
            kind=HTTP | {"kind": "quantum"},
            spec=HTTP | {"spec": {"url": "gopher://4711"}},
            key=HTTP | {"retries": 3},
        ),
        world(clock),
        Pulse(clock),
        None,
        {},
    )
    for name in ("kind", "spec", "key"):
        run = await opened[name].run(Slot(name, START))
        assert (run.outcome, run.reason, run.system) == (Outcome.UNKNOWN, "agent.config", "ehr")
        assert opened[name].every_ms == 10_000
        assert f"config.check_unusable check={name}" in caplog.text
    assert "check=good" not in caplog.text
    assert "4711" not in caplog.text


def test_no_check_reads_the_agents_own_key(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "agent.key").write_bytes(b"k" * 32)
    (tmp_path / "link").symlink_to(state / "agent.key")
    (tmp_path / "secret").write_bytes(b"s")
    read = outside(state)
    for name in ("state/agent.key", "link", "state/../state/agent.key", "elsewhere/../link"):
        with pytest.raises(KeyError):
            read(f"file:{tmp_path}/{name}")
    assert read(f"file:{tmp_path}/secret") == b"s"


def test_checks_that_are_opened_keep_the_budget_that_one_of_them_names() -> None:
    clock = ManualClock(START)
    around, target = world(clock), ("ehr.example.org", 443)
    spec = {"base_url": "https://ehr.example.org/r4"}
    plain = HTTP | {"kind": "fhir", "spec": spec}
    named = plain | {"spec": {**spec, "budget": {"requests": "2", "per": "1m"}}}

    def may_ask() -> list[bool]:
        return [around.budgets.take(target, None, 1, 0) for _ in range(3)]

    agent_checks.opened(part(a=plain, b=named), around, Pulse(clock), None, {})
    assert may_ask() == [True, True, False]
    agent_checks.opened(part(a=plain), around, Pulse(clock), None, {})
    assert may_ask() == [True, True, True]
