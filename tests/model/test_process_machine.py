"""A hospital in which anything happens in any order, and processes die between any two writes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence

from hypothesis import HealthCheck, example, given, settings

from alerts.people import ActKind
from collector.process_facts import DEADLINES
from collector.store.open import open_store
from collector.store.store import Store
from collector.store.tables import counters, metadata
from probes.contract import Outcome
from probes.times import rfc3339
from tests.model import laws
from tests.model.hospital import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Action,
    Acts,
    Dies,
    Loads,
    Passes,
    Sees,
    Steps,
    Takes,
    TakesOver,
    scripts,
)
from tests.model.world import Breaker, Told, World
from tests.support.memory_store import MemoryStore
from tests.support.soak import SOAKING, longer

UP, DOWN = Outcome.UP, Outcome.DOWN
ESCALATED = "incident.escalated"


def does(kind: ActKind, which: int = 0, category: int = 1) -> Acts:
    return Acts(kind, which, "ann", safety=True, category=category, into=0, meets=False)


ANSWERS = does(ActKind.ACKNOWLEDGED)
LOADED_WHILE_IT_WRITES = [Sees("core", DOWN), Loads(1, meets=True), Passes(31 * MINUTE)]
LOADED_AFTER_AN_ACT = [Sees("bill", DOWN), Passes(31 * MINUTE), ANSWERS, Loads(2, meets=False)]
LOADED_BEFORE_IT_IS_SAID = [Sees("core", DOWN), Passes(HOUR), Loads(1, meets=True), ANSWERS]
SILENCE_THAT_WAS_NONE = [
    Passes(14 * MINUTE),
    Steps(2 * HOUR),
    Passes(MINUTE),
    Sees("ehr", Outcome.MISCONFIGURED),
    TakesOver(),
    Passes(4 * MINUTE),
]
EVERY_LOOK_DIES: list[Action] = [
    Sees("core", DOWN),
    Dies(7),
    Passes(31 * MINUTE),
    Dies(3),
    does(ActKind.RAISED, category=4),
    Passes(SECOND),
    Takes("liaison", "takes"),
    Takes("chief", "takes"),
    Dies(5),
    Passes(17 * HOUR),
    Sees("core", UP),
    Dies(11),
    Passes(31 * MINUTE),
    Dies(2),
    does(ActKind.RESOLVED),
    TakesOver(),
    Dies(6),
    Passes(3 * DAY),
    Sees("ehr", DOWN),
    Dies(9),
    Passes(HOUR),
    Steps(-HOUR),
    Dies(13),
    Passes(3 * DAY),
    Dies(4),
    Passes(2 * DAY),
]


BETWEEN_RUNGS: list[Action] = [
    Sees("core", DOWN),
    Dies(4),
    Passes(31 * MINUTE),
    TakesOver(),
    Passes(9 * MINUTE),
    Dies(2),
    Passes(31 * MINUTE),
    TakesOver(),
    Dies(6),
    Passes(HOUR),
    ANSWERS,
    TakesOver(),
    Passes(HOUR),
    Dies(3),
    Passes(3 * HOUR),
]


async def lived(store: Store, script: Sequence[Action], *, crashes: bool) -> tuple[Told, int]:
    """What is recorded, and how often a process died."""
    try:
        world = World(Breaker(store), crashes=crashes)
        return await world.run(list(script)), world.died
    finally:
        await store.close()


def in_memory() -> Store:
    return MemoryStore(*(table for table in metadata.sorted_tables if table is not counters))


@settings(
    max_examples=longer(12), derandomize=not SOAKING, suppress_health_check=[HealthCheck.too_slow]
)
@example(LOADED_WHILE_IT_WRITES)
@example(LOADED_AFTER_AN_ACT)
@example(LOADED_BEFORE_IT_IS_SAID)
@example(SILENCE_THAT_WAS_NONE)
@given(scripts)
def test_whatever_happens_the_sequence_is_whole(script: list[Action]) -> None:
    died, _ = asyncio.run(lived(in_memory(), script, crashes=True))
    laws.everything(died)
    whole, _ = asyncio.run(lived(in_memory(), script, crashes=False))
    assert laws.events(died) == laws.events(whole)
    assert laws.steps(died) == laws.steps(whole)


async def test_a_story_in_which_every_look_dies_once(databases: Callable[[], str]) -> None:
    died, times = await lived(await open_store(databases()), EVERY_LOOK_DIES, crashes=True)
    whole, _ = await lived(await open_store(databases()), EVERY_LOOK_DIES, crashes=False)
    assert times == 9
    laws.everything(died)
    assert laws.events(died) == laws.events(whole)
    assert laws.steps(died) == laws.steps(whole)
    # Nina has the nights, from 18:00 in Chicago on: by day her rung is told to the commander's.
    assert rungs(died) == [
        ("core", "2026-03-06T23:00:00.040Z", 1, 1, 1, ("desk",)),
        ("core", "2026-03-06T23:02:00.001Z", 1, 1, 1, ("desk",)),
        ("core", "2026-03-06T23:22:00.001Z", 1, 2, 3, ("chief", "desk")),
        ("core", "2026-03-07T01:22:00.001Z", 1, 3, 3, ("chief", "desk")),
        ("core", "2026-03-07T04:22:00.001Z", 2, 1, 1, ("desk",)),
        ("core", "2026-03-07T04:42:00.001Z", 2, 2, 2, ("night",)),
        ("core", "2026-03-07T06:42:00.001Z", 2, 3, 3, ("chief", "desk")),
        ("ehr", "2026-03-10T17:00:00.040Z", 1, 1, 1, ("desk",)),
        ("ehr", "2026-03-10T17:20:00.040Z", 1, 2, 3, ("chief", "desk")),
        ("ehr", "2026-03-10T19:20:00.040Z", 1, 3, 3, ("chief", "desk")),
        ("ehr", "2026-03-10T20:33:01.002Z", 1, 1, 1, ("desk",)),
        ("ehr", "2026-03-10T20:53:01.002Z", 1, 2, 3, ("chief", "desk")),
        ("ehr", "2026-03-10T22:53:01.002Z", 1, 3, 3, ("chief", "desk")),
        ("ehr", "2026-03-11T01:53:01.002Z", 2, 1, 1, ("desk",)),
        ("ehr", "2026-03-11T02:13:01.002Z", 2, 2, 2, ("night",)),
        ("ehr", "2026-03-11T04:13:01.002Z", 2, 3, 3, ("chief", "desk")),
    ]
    # Chicago is 6 h behind UTC on the 6th and 7th, 5 h from the 8th on.
    assert came_due(died) == [
        ("core", "liaison_notice", "", "2026-03-06T23:00:00.040Z"),
        ("core", "leadership_notice", "", "2026-03-06T23:02:00.001Z"),
        ("core", "legal_notice", "", "2026-03-06T23:02:00.001Z"),
        ("core", "notice_breached", "legal_notice", "2026-03-06T23:17:00.001Z"),
        ("core", "response_warned", "", "2026-03-07T00:00:00.040Z"),
        ("core", "response_breached", "", "2026-03-07T01:00:00.040Z"),
        ("core", "review_due", "", "2026-03-07T01:02:00.001Z"),
        ("core", "report_due", "", "2026-03-09T16:33:01.001Z"),
        ("core", "report_overdue", "", "2026-03-10T16:33:01.001Z"),
        ("ehr", "workaround_notice", "", "2026-03-10T20:03:01.001Z"),
        ("ehr", "notice_breached", "workaround_notice", "2026-03-10T20:33:01.001Z"),
        ("ehr", "liaison_notice", "", "2026-03-10T20:33:01.002Z"),
        ("ehr", "response_warned", "", "2026-03-10T20:33:01.002Z"),
        ("ehr", "response_breached", "", "2026-03-10T21:00:00.040Z"),
        ("ehr", "notice_breached", "liaison_notice", "2026-03-10T21:33:01.002Z"),
        ("core", "mdr_soon", "manufacturer_5_work_days", "2026-03-12T05:00:00.000Z"),
        ("core", "mdr_due", "manufacturer_5_work_days", "2026-03-14T05:00:00.000Z"),
    ]


async def test_a_ladder_goes_on_from_rung_to_rung_whoever_leads_and_whoever_dies(
    databases: Callable[[], str],
) -> None:
    """A second collector leads, the first one finds out; each dies at a write of a look."""
    died, times = await lived(await open_store(databases()), BETWEEN_RUNGS, crashes=True)
    whole, _ = await lived(await open_store(databases()), BETWEEN_RUNGS, crashes=False)
    assert times == 4
    laws.everything(died)
    assert laws.steps(died) == laws.steps(whole)
    assert rungs(died) == rungs(whole)
    # taken on at 00:12 for an hour; from 00:00 on Nina is on duty
    assert rungs(died) == [
        ("core", "2026-03-06T23:00:00.040Z", 1, 1, 1, ("desk",)),
        ("core", "2026-03-06T23:20:00.040Z", 1, 2, 3, ("chief", "desk")),
        ("core", "2026-03-07T01:12:00.001Z", 1, 2, 2, ("night",)),
        ("core", "2026-03-07T03:12:00.001Z", 1, 3, 3, ("chief", "desk")),
    ]


def rungs(told: Told) -> list[tuple[str, str, int, int, int | None, tuple[str, ...]]]:
    """(system, instant, round, rung, the rung whose people heard it, receivers)."""
    found = []
    for row in told.rows:
        if row.kind == ESCALATED:
            data = json.loads(row.data)
            system, at = data["key"].partition(".")[0], rfc3339(row.at)
            told_to = (data["by_rung"], tuple(data["receivers"]))
            found.append((system, at, data["round"], data["rung"], *told_to))
    return sorted(found, key=lambda one: one[1])


def came_due(told: Told) -> list[tuple[str, str, str, str]]:
    """(system, kind, of, instant) in the order of the instants, but for the rungs of ladders."""
    found = []
    for row in told.rows:
        if row.kind in DEADLINES and row.kind != ESCALATED:
            data = json.loads(row.data)
            kind = row.kind.removeprefix("incident.")
            found.append((data["key"].partition(".")[0], kind, data["of"], rfc3339(row.at)))
    return sorted(found, key=lambda one: one[3])
