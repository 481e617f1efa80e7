"""Trap 8: the monitor's own fault recorded as the target's. Each test is complete in itself."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from agent.blame import blame
from agent.pulse import Pulse
from alerts.events import State
from collector.ingest import RefusedError
from collector.store import sqlite
from collector.store.incidents import read_states
from collector.store.open import open_store
from collector.store.store import Store
from probes import batch
from probes.attempts import Attempts
from probes.batch import Anchors, Place
from probes.clock import ManualClock, SystemClock
from probes.config_checks import Check
from probes.contract import Env, Kind, Observation, Outcome, Scheme, Slot
from probes.net import Deadline, Network, ReceiveTimeout
from probes.reasons import Reason
from probes.runner import Runner
from probes.segments import Run
from tests.support.batches import seal
from tests.support.hours import HOUR, MINUTE, minutely, numbers, play, replayed, spell
from tests.support.postgres import PostgresServer
from tests.support.rounds import KEYS, ORG, START, a_round

WORDS = "u" * 30


async def test_trap_8_a_locked_sqlite_takes_no_result_and_loses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_S", 0.05)
    store = await open_store(f"sqlite:///{tmp_path}/wardwatch.db")
    async with a_round(store, used=minutely()) as one:
        await play(one, spell(WORDS[:10]), 10 * MINUTE)
        locker = sqlite3.connect(tmp_path / "wardwatch.db", isolation_level=None)
        locker.execute("BEGIN IMMEDIATE")
        await one.clock.advance(10 * MINUTE)
        late = seal(
            KEYS["north-1"], ORG, "north-1", "e2", 1, spell(WORDS[10:20], start=10 * MINUTE)
        )
        with pytest.raises(RefusedError) as caught:
            await one.ingest.accept(late)
        assert (caught.value.status, caught.value.code, caught.value.retry) == (
            503,
            "store.busy",
            True,
        )
        during = (await numbers(one, 0, 20 * MINUTE))["ehr"]
        locker.execute("ROLLBACK")
        locker.close()
        await one.ingest.accept(late)
        await play(one, spell(WORDS[20:], start=20 * MINUTE), 30 * MINUTE)
        after = (await numbers(one, 0, 30 * MINUTE))["ehr"]
        kinds = {kind for kind, _ in await one.events()}
    await store.close()
    # Unknown while the results were kept out; all of it up once they were let in.
    assert (during["down_ms"], during["unknown_ms"]) == (0, 20 * MINUTE - 670_000)
    assert (after["up_ms"], after["down_ms"], after["unknown_ms"]) == (30 * MINUTE, 0, 0)
    assert after == replayed(spell(WORDS), [(0, minutely())], 0, 30 * MINUTE)["systems"]["ehr"]
    assert kinds <= {"incident.opened", "incident.recovered", "incident.resolved"}


async def test_trap_8_a_locked_postgresql_only_makes_a_batch_wait(
    postgres_server: PostgresServer,
) -> None:
    url = postgres_server.new_database()
    store = await open_store(url)
    with psycopg.connect(url.replace("@/", "@/", 1)) as locker:
        async with a_round(store, used=minutely()) as one:
            await play(one, spell(WORDS[:10]), 10 * MINUTE)
            locker.execute("LOCK TABLE batches IN EXCLUSIVE MODE")
            await one.clock.advance(10 * MINUTE)
            sending = asyncio.create_task(one.send(spell(WORDS[10:20], start=10 * MINUTE)))
            during = (await numbers(one, 0, 20 * MINUTE))["ehr"]
            assert not sending.done()
            locker.rollback()
            await sending
            await play(one, spell(WORDS[20:], start=20 * MINUTE), 30 * MINUTE)
            after = (await numbers(one, 0, 30 * MINUTE))["ehr"]
    await store.close()
    assert (during["down_ms"], during["unknown_ms"]) == (0, 20 * MINUTE - 670_000)
    assert (after["up_ms"], after["down_ms"], after["unknown_ms"]) == (30 * MINUTE, 0, 0)


@pytest.mark.parametrize(("error_ms", "expected"), [(2_000, State.DOWN), (2_001, State.UNKNOWN)])
async def test_trap_8_results_of_a_clock_that_is_not_known_are_unknown(
    sqlite_store: Store, error_ms: int, expected: State
) -> None:
    runs = [Run("ehr", "ehr-read", r.t, r.t, r.outcome, r.reason, 5_000) for r in spell("ddddd")]
    place = Place(ORG, "north-1", "e1", 1, batch.NO_PREVIOUS, "0" * 16)
    anchors = Anchors(START + 5 * MINUTE, 0, 0, error_ms)
    data = batch.seal(KEYS["north-1"], place, anchors, runs, b"sixteen secrets.")
    async with a_round(sqlite_store, used=minutely()) as one:
        await one.clock.advance(5 * MINUTE)
        await one.ingest.accept(data)
        await one.evaluator.step()
        assert (await sqlite_store.read(read_states, ORG))[0].state is expected


@pytest.mark.parametrize("offset_ms", [-7 * HOUR, 7 * HOUR])
async def test_trap_8_a_skew_that_is_known_moves_results_to_where_they_belong(
    sqlite_store: Store, offset_ms: int
) -> None:
    """An agent whose wall clock is seven hours off, and says so."""
    runs = [
        Run("ehr", "ehr-read", r.t - offset_ms, r.t - offset_ms, r.outcome, r.reason, 5_000)
        for r in spell("uuddduuuuu")
    ]
    place = Place(ORG, "north-1", "e1", 1, batch.NO_PREVIOUS, "0" * 16)
    anchors = Anchors(START + 10 * MINUTE - offset_ms, 0, offset_ms, 100)
    data = batch.seal(KEYS["north-1"], place, anchors, runs, b"sixteen secrets.")
    async with a_round(sqlite_store, used=minutely()) as one:
        await one.clock.advance(10 * MINUTE)
        await one.ingest.accept(data)
        live = await numbers(one, 0, 10 * MINUTE)
    assert live == replayed(spell("uuddduuuuu"), [(0, minutely())], 0, 10 * MINUTE)["systems"]
    assert live["ehr"]["down_ms"] == 3 * MINUTE


@pytest.mark.parametrize("step_ms", [2 * HOUR, -2 * HOUR])
async def test_trap_8_a_collector_whose_clock_jumps_finds_nothing_down(
    sqlite_store: Store, step_ms: int
) -> None:
    async with a_round(sqlite_store, used=minutely()) as one:
        await play(one, spell(WORDS), 30 * MINUTE)
        one.clock.step_wall(step_ms)
        await one.evaluator.step()
        await one.tick(1_000)
        state = (await sqlite_store.read(read_states, ORG))[0].state
        ehr = (await numbers(one, 0, 3 * HOUR))["ehr"]
        assert "down" not in {f.value for f in (state,)}
        assert ehr["down_ms"] == 0
        assert state is (State.UNKNOWN if step_ms > 0 else State.UP)


async def test_trap_8_an_agent_that_is_cut_off_leaves_unknown_time_and_one_blind_incident(
    store: Store,
) -> None:
    async with a_round(store, used=minutely()) as one:
        await play(one, spell(WORDS), 30 * MINUTE)
        await play(one, [], 60 * MINUTE)
        ehr = (await numbers(one, 0, 60 * MINUTE))["ehr"]
        events = await one.events()
    # The last result, at 29:00, holds until 31:10.
    assert (ehr["down_ms"], ehr["unknown_ms"]) == (0, 60 * MINUTE - 1_870_000)
    assert events == [("incident.opened", 41 * MINUTE + 10_000)]


class Answering:
    """A server in a thread of its own: it answers soon, whatever our loop does."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.recv(1)
            time.sleep(0.05)  # until the loop is held up
            connection.sendall(b"!")
            connection.close()

    def close(self) -> None:
        self._listener.close()


TIMEOUT_MS = 250


class Knock:
    """Sends a byte and waits for one; `before` runs while the answer is under way."""

    def __init__(self, port: int, before: Any) -> None:
        self._port, self._before = port, before

    def kind(self) -> Kind[Mapping[str, Any]]:
        return Kind("knock", "for tests", dict, self._open, frozenset())

    @asynccontextmanager
    async def _open(self, config: Mapping[str, Any], env: Env) -> AsyncIterator[Knock]:
        self._env = env
        yield self

    async def run(self, slot: Slot) -> Observation:
        deadline = Deadline(self._env.clock, self._env.timeout_ms)
        connection = await self._env.network.connect(
            "127.0.0.1", self._port, deadline, None, Scheme.HTTP
        )
        try:
            await connection.send(b"?")
            asyncio.get_running_loop().call_soon(self._before)
            await connection.receive()
        except ReceiveTimeout:
            return Observation(Outcome.DOWN, Reason.HTTP_TIMEOUT)
        finally:
            await connection.close()
        return Observation(Outcome.UP, Reason.OK)


async def knock(before: Any, port: int | None = None) -> Run:
    clock = SystemClock()
    pulse = Pulse(clock)
    server = Answering()
    check = Check.model_validate(
        {"system": "ehr", "kind": "knock", "every": "10s", "timeout": f"{TIMEOUT_MS}ms"}
    )
    env = Env(clock, Random(1), Network(clock), TIMEOUT_MS, lambda _ref: b"")
    knocking = Knock(server.port if port is None else port, before)
    attempts = Attempts("c", check, knocking.kind(), env, blame(pulse))
    beating = asyncio.create_task(pulse.run())
    await asyncio.sleep(0)
    try:
        return await attempts.run(Slot("c", 0))
    finally:
        beating.cancel()
        await attempts.close()
        server.close()


async def test_trap_8_a_starved_loop_blames_nobody_for_the_answer_it_did_not_read() -> None:
    run = await knock(lambda: time.sleep(1.0))
    assert (run.outcome, run.reason) == (Outcome.UNKNOWN, "agent.stalled")


async def test_trap_8_without_a_stall_silence_is_the_targets() -> None:
    run = await knock(lambda: None)
    assert (run.outcome, run.reason) == (Outcome.UP, "ok")


class Starved:
    """A clock whose next sleeper wakes 25 s late."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._lost_ms = 0
        self.is_held = False

    def now_ms(self) -> int:
        return self._clock.now_ms() + self._lost_ms

    def monotonic_ns(self) -> int:
        return self._clock.monotonic_ns() + self._lost_ms * 1_000_000

    async def sleep_ms(self, duration_ms: int) -> None:
        await self._clock.sleep_ms(duration_ms)
        if self.is_held:
            self.is_held = False
            self._lost_ms += 25_000


async def test_trap_8_slots_that_a_starved_agent_let_pass_are_unknown() -> None:
    inner = ManualClock(START)
    clock = Starved(inner)
    runs: list[Run] = []

    class Up(Knock):
        async def run(self, slot: Slot) -> Observation:
            return Observation(Outcome.UP, Reason.OK)

    check = Check.model_validate(
        {"system": "ehr", "kind": "knock", "every": "10s", "timeout": "5s"}
    )
    env = Env(clock, Random(1), Network(clock), 5_000, lambda _ref: b"")
    attempts = Attempts("c", check, Up(0, None).kind(), env, blame(Pulse(clock)))
    runner = Runner("north-1", [attempts], clock, runs.append)
    task = asyncio.create_task(runner.run())
    await inner.advance(0)
    await inner.advance(20_000)
    clock.is_held = True
    await inner.advance(20_000)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    runs.sort(key=lambda run: run.slot_ms)
    # Two slots before the hole; two pass in it, the third is attempted at its end.
    assert [(run.outcome.value, run.reason) for run in runs] == [
        ("up", "ok"),
        ("up", "ok"),
        ("unknown", "agent.missed_slot"),
        ("unknown", "agent.missed_slot"),
        ("up", "ok"),
        ("up", "ok"),
    ]
    assert [run.slot_ms - runs[0].slot_ms for run in runs] == [
        0,
        10_000,
        20_000,
        30_000,
        40_000,
        50_000,
    ]
