"""The dead-man's switch at work: any one part that is stuck stops it, and so does kill -9."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Connection

from alerts import policy
from alerts.channels.webhook import Webhook
from collector import journal
from collector.access.passwords import Passwords
from collector.commit import commit
from collector.service import Service, World
from collector.store import health, ledger, outbox
from collector.store.store import Store
from collector.store.tables import reserve
from collector.store.upsert import insert_if_absent
from probes.configfile import canonical
from probes.contract import Outcome
from tests.support.batches import seal
from tests.support.gate import Gate
from tests.support.hook import SECRET, Hook, hook
from tests.support.process import start_collector
from tests.support.rounds import KEYS, ORG, START, config, document, result

SPEED = 100
"""Seconds of the collector in a second of ours."""
A_WHILE_S = 0.4
"""Forty heartbeats."""


class QuickClock:
    def __init__(self) -> None:
        self._began = time.monotonic_ns()

    def now_ms(self) -> int:
        return START + self.monotonic_ns() // 1_000_000

    def monotonic_ns(self) -> int:
        return (time.monotonic_ns() - self._began) * SPEED

    async def sleep_ms(self, duration_ms: int) -> None:
        await asyncio.sleep(max(duration_ms, 0) / 1000 / SPEED)


@dataclass
class Working:
    """A whole collector at work, one receiver of heartbeats and one of incidents."""

    service: Service
    gate: Gate
    clock: QuickClock
    beats: Hook
    desk: Hook

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not done():
                await asyncio.sleep(0.005)

    async def beating(self) -> None:
        count = len(self.beats.posts)
        await self.until(lambda: len(self.beats.posts) >= count + 2)

    async def stopped(self, by: str) -> None:
        """This part alone is named for it, and nothing more comes."""
        await self.until(lambda: self.named() == {by})
        count = len(self.beats.posts)
        await asyncio.sleep(A_WHILE_S)
        assert (len(self.beats.posts), self.named()) == (count, {by})

    def named(self) -> set[str]:
        value = self.service.metrics.registry.get_sample_value
        parts = ("ingest", "evaluation", "timers", "outbox")
        return {p for p in parts if value("wardwatch_heartbeat_held", {"part": p}) == 1}

    async def outage(self) -> None:
        """Something to tell the desk."""
        at = self.clock.now_ms() - START - 5_000
        results = [result(at + n, Outcome.DOWN) for n in (0, 1)]
        await self.service.parts.ingest.accept(
            seal(KEYS["north-1"], ORG, "north-1", "e1", 1, results)
        )


@asynccontextmanager
async def working(store: Store) -> AsyncIterator[Working]:
    async with hook() as beats, hook() as desk:
        used = config(
            heartbeat={"url": "env:PING", "every": "1s", "secret": "env:KEY"},
            channels={
                "desk": {"kind": "webhook", "url": desk.url, "secret": "env:KEY", "timeout": "60s"}
            },
        )
        secrets = {"env:PING": beats.url.encode(), "env:KEY": SECRET}
        clock, gate = QuickClock(), Gate(store)
        quick = Passwords(time_cost=1, memory_cost=8, parallelism=1)
        world = World(clock, random.Random(1), secrets.__getitem__, "one")
        service = Service(gate, used, canonical(used), world, passwords=quick)
        await service.prepare()
        stop = asyncio.Event()
        running = asyncio.create_task(service.run(stop))
        one = Working(service, gate, clock, beats, desk)
        await one.beating()
        yield one
        gate.open()
        stop.set()
        await running


async def test_each_part_that_hangs_stops_it_though_all_others_go_on(sqlite_store: Store) -> None:
    async with working(sqlite_store) as one:
        for hangs, part in (
            ((ledger.insert_batches, health.prove), "ingest"),
            ((commit,), "evaluation"),
            ((outbox.claim,), "outbox"),
        ):
            one.gate.shut(*hangs)
            await one.stopped(part)
            one.gate.open()
            await one.beating()


async def test_a_store_that_is_full_stops_it(sqlite_store: Store) -> None:
    def no_room(conn: Connection) -> None:
        health.prove(conn, ORG)
        insert_if_absent(conn, reserve, {"org": "another", "data": health.BLOCK})
        conn.exec_driver_sql("PRAGMA max_page_count=1")  # means: as many as there are

    def room(conn: Connection) -> None:
        conn.exec_driver_sql("PRAGMA max_page_count=1000000")

    async with working(sqlite_store) as one:
        await sqlite_store.write(no_room)
        await one.stopped("ingest")
        await sqlite_store.write(room)
        await one.beating()


async def test_a_timer_that_nobody_sees_to_stops_it(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with working(sqlite_store) as one:
        await one.until(lambda: one.clock.now_ms() > START + 60_000)
        with monkeypatch.context() as broken:
            broken.setattr(policy, "dues", lambda _views, _history, _now: {"ehr": START - 1})
            evaluator = one.service.parts.evaluator
            await one.until(lambda: evaluator.due == START - 1)
            commits = evaluator.commits
            await one.stopped("timers")
            assert evaluator.commits > commits
        await one.beating()


async def test_a_stalled_outbox_stops_it_while_ingest_and_evaluation_go_on(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with working(sqlite_store) as one:
        with monkeypatch.context() as broken:
            broken.setattr(Webhook, "deliver", lambda _self, _message: asyncio.Event().wait())
            await one.outage()
            evaluator, ingest = one.service.parts.evaluator, one.service.parts.ingest
            commits = evaluator.commits
            await one.until(lambda: evaluator.commits > commits + 1)
            before = (evaluator.commits, ingest.commits)
            await one.stopped("outbox")
            ingest.prove()
            await one.until(lambda: evaluator.commits > before[0] and ingest.commits > before[1])


async def test_a_receiver_of_incidents_that_refuses_does_not_stop_it(sqlite_store: Store) -> None:
    async with working(sqlite_store) as one:
        one.desk.script = ["500", "drop"] * 100
        await one.outage()
        await one.until(lambda: len(one.desk.posts) > 3)
        await one.beating()


async def test_the_address_of_the_receiver_is_in_no_log_line_metric_or_journal_row(
    sqlite_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with working(sqlite_store) as one:
        one.beats.script = ["500", "drop", "redirect"]
        await one.until(lambda: one.beats.script == [])
        await one.beating()
        rows = await sqlite_store.read(journal.rows, ORG)
        told = one.service.metrics.exposition() + b"".join(row.data for row in rows)
    assert b"/hook" not in told.replace(one.desk.url.encode(), b"")
    assert "/hook" not in caplog.text
    assert "heartbeat.failed reason=status" in caplog.text


async def test_kill_9_stops_it_and_the_next_process_goes_on(tmp_path: Path) -> None:
    async with hook() as beats:
        path = tmp_path / "wardwatch.yaml"
        said = {"url": beats.url, "every": "1s", "secret": "env:KEY"}
        path.write_text(json.dumps(document(heartbeat=said, channels={}, routes=[])))
        database, env = f"sqlite:///{tmp_path}/wardwatch.db", {"KEY": SECRET.decode()}

        async def beaten(times: int) -> None:
            async with asyncio.timeout(20):
                while len(beats.posts) < times:
                    await asyncio.sleep(0.02)

        collector = await start_collector(path, database, env=env)
        await beaten(2)
        await collector.kill()
        count = len(beats.posts)
        await asyncio.sleep(1.6)
        assert len(beats.posts) == count
        collector = await start_collector(path, database, env=env)
        await beaten(count + 1)
        await collector.kill()
    bodies = [json.loads(post.body) for post in beats.posts]
    assert {body["organization"] for body in bodies} == {ORG}
    assert [body["at"] for body in bodies] == sorted({body["at"] for body in bodies})
