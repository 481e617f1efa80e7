"""Integrations acknowledge all there is while an evaluation plans: it says what it has to, once."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from alerts.people import ActKind
from collector import evaluate, journal, saying, versions
from collector.incident_acting import Wanted, record
from collector.store.incidents import read_incidents
from collector.store.store import Store
from probes.configfile import canonical
from probes.contract import Outcome
from tests.support.meeting import Met
from tests.support.rounds import ORG, Round, a_round
from tests.support.storm import EVERY, hospital, minute, send, systems

UP, DOWN = Outcome.UP, Outcome.DOWN
COUNT = 20


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many acts each plan had taken in."""
    found: list[int] = []

    def counted(past: Any, news: Any, seen: Any, shown: Any) -> Any:
        found.append(len(news.acts))
        return saying.plan(past, news, seen, shown)

    monkeypatch.setattr(evaluate, "plan", counted)
    return found


async def storm(one: Round) -> None:
    """All are down and said to be; the look after it has something to say."""
    for number, outcome in enumerate((UP, DOWN, DOWN)):
        await send(one, minute(systems(COUNT), number, outcome))
        await one.tick(EVERY)


def acks(store: Store, one: Round) -> Any:
    async def happens() -> None:
        for row in await store.read(read_incidents, ORG, is_open=True):
            wanted = Wanted(ActKind.ACKNOWLEDGED, "svc-1", by_service=True, safety=False)
            key = row.incident.key
            await store.write(record, ORG, key, wanted, one.clock.now_ms, bytes)

    return happens


async def test_however_many_act_while_it_plans_it_is_planned_twice_at_most(
    store: Store, plans: list[int]
) -> None:
    met = Met(store)
    async with a_round(met, used=hospital(COUNT, COUNT)) as one:
        await storm(one)
        plans.clear()
        met.first = acks(store, one)
        await send(one, minute(systems(COUNT), 3, UP))
        await one.tick(EVERY)
        # the first time without them, the second with one of each: `net` and all that failed
        assert plans == [0, COUNT + 1]
        rows = await store.read(journal.rows, ORG)
        places = {kind: [r.id for r in rows if r.kind == f"incident.{kind}"] for kind in
                  ("acknowledged", "recovered")}  # fmt: skip
        assert len(places["acknowledged"]) == COUNT + 1
        met.first = None
        await one.tick(EVERY)
        assert plans[2:] == [0]
        mine = one.evaluator._past
        assert mine is not None
        assert {len(case.course.acts) for case in mine.cases.values()} == {1}


async def test_a_file_that_is_loaded_while_it_plans_is_looked_at_anew(
    sqlite_store: Store, plans: list[int]
) -> None:
    met = Met(sqlite_store)
    async with a_round(met, used=hospital(COUNT, COUNT)) as one:
        await storm(one)
        plans.clear()
        loaded = canonical(hospital(COUNT, 0))

        async def load() -> None:
            await acks(sqlite_store, one)()
            await sqlite_store.write(versions.record, ORG, loaded, one.clock.now_ms())
            met.first = None

        met.first = load
        await one.tick(EVERY)
        assert plans == [0, COUNT + 1]
        said = await sqlite_store.read(journal.rows, ORG, kind="incident.acknowledged")
        assert Counter(json.loads(row.data)["by"] for row in said) == {"svc-1": COUNT + 1}
