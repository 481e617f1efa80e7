"""Runs that cost money: counted on disk before they begin, and never more than the cap a day."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import checks
from agent.blame import blame
from agent.examining import look_at_checks
from agent.keptfile import KeptFile
from agent.ledger import NAME, KeptLedger
from agent.pulse import Pulse
from agent.world import World
from probes.agentconfig import part_of
from probes.attempts import Attempts
from probes.clock import ManualClock, SystemClock
from probes.config import Config
from probes.config_checks import Check
from probes.contract import Env, Observation, Outcome, Slot
from probes.ledger import DAY_MS, Ledger, NoLedger
from probes.net import Network
from probes.reasons import Reason
from probes.segments import Run
from tests.support.rounds import document
from tests.support.spooling import at_once
from tests.unit.test_runner import Scripted, no_secret

MIDNIGHT = 1_767_225_600_000  # 2026-01-01T00:00Z
CAPPED, UNCOUNTED = Reason.AGENT_DAILY_CAP, Reason.AGENT_UNCOUNTED


def a_ledger(clock: ManualClock, folder: Path) -> KeptLedger:
    return KeptLedger(KeptFile(folder / NAME), clock, at_once)


async def spent(ledger: Ledger, times_: int, check: str = "payer", cap: int = 3) -> list[Any]:
    return [await ledger.spend(check, cap) for _ in range(times_)]


async def test_a_day_has_so_many_runs_and_the_next_utc_day_as_many_again(tmp_path: Path) -> None:
    clock = ManualClock(MIDNIGHT + DAY_MS - 2)
    ledger = a_ledger(clock, tmp_path)
    assert await spent(ledger, 4) == [None, None, None, CAPPED]
    assert await spent(ledger, 1, "claims") == [None]
    await clock.advance(1)
    assert await spent(ledger, 1) == [CAPPED]
    await clock.advance(1)
    assert await spent(ledger, 4) == [None, None, None, CAPPED]


async def test_a_start_goes_on_from_what_was_spent(tmp_path: Path) -> None:
    clock = ManualClock(MIDNIGHT)
    assert await spent(a_ledger(clock, tmp_path), 2) == [None, None]
    assert await spent(a_ledger(clock, tmp_path), 2) == [None, CAPPED]
    assert await spent(a_ledger(clock, tmp_path), 1, cap=4) == [None]
    assert await spent(a_ledger(clock, tmp_path), 1, cap=3) == [CAPPED]


@pytest.mark.parametrize(
    "torn",
    [
        b"",
        b"{",
        b'{"version":1,"spent":{"payer":{"2026-01-01":1}',
        b'{"version":2,"spent":{}}',
        b'{"version":1,"spent":{"payer":{"2026-01-01":-1}}}',
        b'{"version":1,"spent":{"payer":{"today":1}}}',
        b'{"version":1}',
        b"\xff\x00" * 99,
    ],
)
async def test_a_file_that_is_no_count_spends_nothing_until_the_next_day(
    tmp_path: Path, torn: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / NAME).write_bytes(torn)
    clock = ManualClock(MIDNIGHT + 1_000)
    assert await spent(a_ledger(clock, tmp_path), 2) == [UNCOUNTED, UNCOUNTED]
    assert caplog.text.count("ledger.unreadable") == 1
    # Nor does a restart, or a clock that was set back, make today's count known.
    assert await spent(a_ledger(clock, tmp_path), 1) == [UNCOUNTED]
    clock.step_wall(-DAY_MS)
    assert await spent(a_ledger(clock, tmp_path), 1) == [UNCOUNTED]
    clock.step_wall(2 * DAY_MS - 1_000)
    assert await spent(a_ledger(clock, tmp_path), 4) == [None, None, None, CAPPED]


async def test_a_disk_that_cannot_be_written_spends_nothing_and_goes_on_when_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, folder = ManualClock(MIDNIGHT), tmp_path / "state"
    ledger = a_ledger(clock, folder)
    assert await spent(ledger, 2) == [UNCOUNTED, UNCOUNTED]
    assert "ledger.not_written errno=2" in caplog.text
    folder.mkdir()
    assert await spent(ledger, 2) == [None, None]
    (folder / NAME).rename(folder / "aside")
    (folder / NAME).mkdir()  # root writes wherever a mode forbids it, but not over a folder
    assert await spent(ledger, 2) == [UNCOUNTED, UNCOUNTED]
    assert await spent(a_ledger(clock, folder), 1) == [UNCOUNTED]
    (folder / NAME).rmdir()
    (folder / "aside").rename(folder / NAME)
    assert await spent(ledger, 2) == [None, CAPPED]


async def test_where_nothing_is_counted_nothing_is_spent() -> None:
    assert await spent(NoLedger(), 2) == [UNCOUNTED, UNCOUNTED]


class Frail(KeptFile):
    """Bytes that outlive a process, on a disk that refuses, or damages them."""

    def __init__(self) -> None:
        self.data: bytes | None = None
        self.refuses = False

    def read(self) -> bytes | None:
        return self.data

    def write(self, data: bytes) -> None:
        if self.refuses:
            raise OSError(30, "")
        self.data = data


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("spend"), st.integers(1, 4)),
        st.tuples(st.just("jump"), st.integers(-2, 2)),
        st.tuples(st.sampled_from(["restart", "refuse", "take", "damage"]), st.just(0)),
    ),
    max_size=40,
)


@given(st.integers(1, 5), ACTS)
def test_no_day_has_more_runs_than_the_cap_whatever_happens_to_process_disk_and_clock(
    cap: int, acts: list[tuple[str, int]]
) -> None:
    clock, file, runs = ManualClock(MIDNIGHT), Frail(), Counter[int]()
    ledger, day, furthest = KeptLedger(file, clock, at_once), 0, 0
    for act, amount in acts:
        if act == "spend":
            for _ in range(amount):
                runs[day] += asyncio.run(ledger.spend("payer", cap)) is None
        elif act == "jump" and -3 <= day + amount <= 3:
            clock.step_wall(amount * DAY_MS)
            day += amount
            furthest = max(furthest, day)
        elif act == "damage" and day == furthest:
            file.data = None if file.data is None else file.data[:-1]
        elif act in ("refuse", "take"):
            file.refuses = act == "refuse"
        if act in ("restart", "damage"):
            ledger = KeptLedger(file, clock, at_once)
    assert max(runs.values(), default=0) <= cap


def attempts(clock: ManualClock, script: Scripted, ledger: Ledger, **more: Any) -> Attempts:
    told = {"system": "billing", "kind": "scripted", "every": "8h", "timeout": "5s"}
    check = Check.model_validate({**told, "cost": {"per_day": "3"}, **more})
    env = Env(clock, Random(1), Network(clock), 5_000, no_secret, ledger=ledger)
    return Attempts("payer", check, script.kind(), env, blame(Pulse(clock)), grace_ms=-4_950)


def said(run: Run) -> tuple[str, str]:
    return run.outcome.value, run.reason


async def up(_env: Env) -> Observation:
    return Observation(Outcome.UP, Reason.OK)


async def test_a_run_over_the_cap_is_unknown_and_asks_nothing(tmp_path: Path) -> None:
    clock, asked = ManualClock(MIDNIGHT), []

    async def ask(env: Env) -> Observation:
        asked.append(env.clock.now_ms())
        return Observation(Outcome.DOWN, Reason.TCP_REFUSED)

    one = attempts(clock, Scripted(ask), a_ledger(clock, tmp_path))
    told = [said(await one.run(Slot("payer", MIDNIGHT))) for _ in range(5)]
    assert told == [("down", "tcp.refused")] * 3 + [("unknown", "agent.daily_cap")] * 2
    assert len(asked) == 3


async def test_a_run_that_cannot_be_counted_opens_nothing(tmp_path: Path) -> None:
    clock, script = ManualClock(MIDNIGHT), Scripted(up)

    class Stuck:
        async def spend(self, check: str, per_day: int) -> Reason | None:
            await asyncio.Event().wait()
            return None

    for ledger in (a_ledger(clock, tmp_path / "none"), NoLedger(), Stuck()):
        run = await attempts(clock, script, ledger).run(Slot("payer", MIDNIGHT))
        assert said(run) == ("unknown", "agent.uncounted")
    assert script.opened == 0


async def test_what_costs_nothing_is_not_counted(tmp_path: Path) -> None:
    clock = ManualClock(MIDNIGHT)
    one = attempts(clock, Scripted(up), NoLedger(), cost=None)
    assert said(await one.run(Slot("payer", MIDNIGHT))) == ("up", "ok")
    assert list(tmp_path.iterdir()) == []


async def test_another_config_of_the_check_goes_on_with_its_count(tmp_path: Path) -> None:
    clock = ManualClock(MIDNIGHT)
    ledger = a_ledger(clock, tmp_path)
    before, after = ({"http": one} for one in (capped(6), capped(4)))
    world = World(
        clock, Random(1), Network(clock), no_secret, Random(1).randbytes, at_once, ledger=ledger
    )
    parts = [part_of(Config.model_validate(document(checks=c)), "north-1") for c in (before, after)]
    assert checks.unchanged(parts[0], parts[1]) == frozenset()
    assert checks.unchanged(parts[0], parts[0]) == {"http"}
    assert await spent(ledger, 2, "http") == [None, None]
    changed = checks.opened(parts[1], world, Pulse(clock), None, {})["http"]
    assert said(await changed.run(Slot("http", MIDNIGHT))) == ("unknown", "agent.daily_cap")


async def test_doctor_looks_at_a_check_that_costs_and_spends_nothing(tmp_path: Path) -> None:
    clock = SystemClock()
    ledger = KeptLedger(KeptFile(tmp_path / NAME), clock, at_once)
    world = World(
        clock, Random(1), Network(clock), no_secret, Random(1).randbytes, at_once, ledger=ledger
    )
    part = part_of(Config.model_validate(document(checks={"http": capped(2)})), "north-1")
    (facts,) = await look_at_checks(part, None, (), world)
    assert (facts.reason, facts.place) == (None, "http 127.0.0.1:9")
    assert not (tmp_path / NAME).exists()


def capped(per_day: int, **more: Any) -> dict[str, Any]:
    told = {"system": "ehr", "kind": "http", "every": "1d", "timeout": "5s"}
    spec = {"url": "http://127.0.0.1:9/"}
    return {**told, "spec": spec, "cost": {"per_day": str(per_day)}, **more}


def test_each_agent_is_told_its_even_share_of_the_cap() -> None:
    every = capped(7)
    one = capped(7, **{"from": ["south-1"]})
    config = Config.model_validate(document(checks={"every": every, "one": one}))
    shares = {
        agent: {name: check["cost"] for name, check in part_of(config, agent).checks.items()}
        for agent in ("north-1", "south-1")
    }
    assert shares == {
        "north-1": {"every": {"per_day": 3}},
        "south-1": {"every": {"per_day": 3}, "one": {"per_day": 7}},
    }
