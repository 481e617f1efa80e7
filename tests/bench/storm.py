"""What it costs to see that everything has failed at once: one look of the live collector."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence

from sqlalchemy import Connection

from alerts.people import Act, ActKind
from collector import journal, memory
from collector.incident_acts import fact_of
from collector.journal import Fact
from collector.store.incidents import link_events, read_incidents
from collector.store.open import open_store
from probes.contract import Outcome
from tests.support.meeting import Met
from tests.support.rounds import ORG, a_round
from tests.support.storm import EVERY, hospital, minute, send, systems

OUTCOMES = [*[Outcome.UP] * 5, *[Outcome.DOWN] * 2]
"""Of every system, minute by minute; the last confirms what the one before was the first of."""
LIMIT_S = 5
"""How long a storm of 2 000 systems may take."""


def look_us(count: int) -> float:
    """CPU microseconds of the look that finds `count` systems down, store and all; of a process
    set up as the collector's is.
    """
    memory.look_seldom()
    return asyncio.run(_look_us(count))


async def _look_us(count: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        store = await open_store(f"sqlite:///{folder}/w.db")
        async with a_round(store, used=hospital(count, count // 10)) as one:
            for number, outcome in enumerate(OUTCOMES):
                await send(one, minute(systems(count), number, outcome))
                await one.clock.advance(EVERY)
                if number < len(OUTCOMES) - 1:
                    await one.evaluator.step()
            begun = time.process_time()
            await one.evaluator.step()
            took = time.process_time() - begun
            past = one.evaluator._past
            if past is None or len(past.incidents) != count + 1:
                raise AssertionError("it was meant to see every system down")
        await store.close()
    return took * 1e6


def acknowledged_us(count: int) -> float:
    """CPU microseconds of the look after it, while it plans `count` incidents are acknowledged by
    an integration: what these acts cost themselves is not in it.
    """
    memory.look_seldom()
    return asyncio.run(_acknowledged_us(count))


async def _acknowledged_us(count: int) -> float:
    acting = 0.0
    with tempfile.TemporaryDirectory() as folder:
        store = Met(await open_store(f"sqlite:///{folder}/w.db"))
        async with a_round(store, used=hospital(count, count // 10)) as one:
            for number, outcome in enumerate(OUTCOMES):
                await send(one, minute(systems(count), number, outcome))
                await one.clock.advance(EVERY)
                await one.evaluator.step()
            rows = await store.read(read_incidents, ORG, is_open=True)
            now = one.clock.now_ms()
            facts = [
                (row.incident.key, fact_of(row.incident.key, row.version, _ack(now)))
                for row in rows
            ]

            async def all_at_once() -> None:
                nonlocal acting
                begun = time.process_time()
                await store.inner.write(_acknowledge, facts, now)
                acting += time.process_time() - begun

            store.first = all_at_once
            await one.clock.advance(1_000)
            one.evaluator.prove()
            begun = time.process_time()
            await one.evaluator.step()
            took = time.process_time() - begun - acting
            past = one.evaluator._past
            if past is None or any(len(case.course.acts) != 1 for case in past.cases.values()):
                raise AssertionError("it was meant to take in every acknowledgement, once")
        await store.close()
    return took * 1e6


def _ack(now: int) -> Act:
    return Act(ActKind.ACKNOWLEDGED, "svc-1", now, by_service=True)


def _acknowledge(conn: Connection, facts: Sequence[tuple[str, Fact]], now: int) -> None:
    ids = journal.append(conn, ORG, [fact for _, fact in facts], now)
    link_events(conn, ORG, zip((key for key, _ in facts), ids, strict=True))
