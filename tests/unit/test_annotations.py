"""Changes of servers behind checks: from a batch to the journal, once, and beside incidents."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from collector import journal
from collector.annotations import BEFORE_MS, around
from collector.sightings import KIND
from collector.store.store import Store
from probes.contract import Outcome
from tests.support.incidents import KEY
from tests.support.known import VIEWER
from tests.support.planning import Desk, a_desk
from tests.support.rounds import ORG, START, Round, a_round, config, document, result

UP, DOWN = Outcome.UP, Outcome.DOWN
OLD = {"statement_digest": 10, "software_digest": 11}
NEW = {"statement_digest": 20, "software_digest": 21}


def from_both() -> Any:
    checks = document()["checks"]
    checks["ehr-read"]["from"] = ["north-1", "south-1"]
    return config(checks=checks)


async def rows(store: Store) -> list[tuple[int, dict[str, Any]]]:
    found = await store.read(journal.rows, ORG, kind=KIND)
    return [(row.at - START, json.loads(row.data)) for row in found]


async def upgraded(one: Round) -> None:
    """Both agents see the old server, then the new one."""
    for t, facts in ((1_000, OLD), (11_000, NEW), (21_000, NEW)):
        for agent in ("north-1", "south-1"):
            await one.send([result(t, UP, agent=agent)], facts=facts)
        await one.tick(11_000)


CHANGE = {
    "after": {"software": 21, "statement": 20},
    "agent": "north-1",
    "before": {"software": 11, "statement": 10},
    "check": "ehr-read",
    "system": "ehr",
}


async def test_one_change_that_several_agents_see_is_one_row(store: Store) -> None:
    async with a_round(store, used=from_both()) as one:
        await upgraded(one)
        assert await rows(store) == [(11_000, CHANGE)]
        for _ in range(3):
            await one.tick(20_000)
        assert await rows(store) == [(11_000, CHANGE)]


async def test_another_process_that_reads_it_all_again_says_nothing_again(store: Store) -> None:
    async with a_round(store, used=from_both()) as one:
        await upgraded(one)
    async with a_round(store, holder="two", used=from_both(), now=START + 60_000) as two:
        await two.take_over()
        await two.tick(20_000)
        assert await rows(store) == [(11_000, CHANGE)]


async def test_a_process_that_dies_before_it_has_said_it_leaves_it_to_the_next(
    store: Store,
) -> None:
    async with a_round(store, used=from_both()) as one:
        await one.send([result(1_000, UP)], facts=OLD)
        await one.tick(11_000)
        await one.send([result(11_000, UP)], facts=NEW)  # stored, and never evaluated
    async with a_round(store, holder="two", used=from_both(), now=START + 60_000) as two:
        await two.take_over()
        await two.tick(1_000)
        assert await rows(store) == [(11_000, CHANGE)]


async def test_a_process_that_read_it_while_another_led_says_it_when_it_leads(
    store: Store,
) -> None:
    async with a_round(store, used=from_both()) as one:
        await one.send([result(1_000, UP)], facts=OLD)
        await one.tick(11_000)
        async with a_round(store, holder="two", used=from_both(), now=START + 12_000) as two:
            await one.send([result(11_000, UP)], facts=NEW)
            await two.evaluator._follower.catch_up()  # as a follower does at each look
            assert await rows(store) == []
            await two.take_over()
            await two.tick(1_000)
            assert await rows(store) == [(11_000, CHANGE)]


async def test_an_agent_that_starts_again_and_evidence_of_no_check_say_nothing(
    store: Store,
) -> None:
    async with a_round(store, used=from_both()) as one:
        await upgraded(one)
        await one.send([result(31_000, UP)], epoch="e2", facts=NEW)
        await one.send([result(32_000, UP, check="unknown")], epoch="e2", facts=OLD)
        await one.tick(20_000)
        assert await rows(store) == [(11_000, CHANGE)]


# --- where people see it ---


@pytest.fixture
async def desk(sqlite_store: Store) -> AsyncIterator[Desk]:
    """The server changes at 6 s and the system is down from 11 s on."""
    async with a_desk(sqlite_store) as opened:
        await opened.clock.advance(30_000)
        await opened.send([result(1_000, UP)], seq=1, facts=OLD)
        await opened.send([result(6_000, UP)], seq=2, facts=NEW)
        await opened.send([result(11_000, DOWN), result(21_000, DOWN)], seq=3)
        await opened.service.parts.evaluator.step()
        await opened.clock.advance(1_000)
        yield opened


async def test_it_stands_beside_the_system_and_the_incident(desk: Desk) -> None:
    shown = {
        "at": "2026-01-01T00:00:06.000Z",
        "recorded_at": "2026-01-01T00:00:31.000Z",
        "check": "ehr-read",
        "agent": "north-1",
        "what": ["software", "statement"],
    }
    system = await desk.get("systems/ehr")
    (told,) = system["annotations"]
    assert {**told, "id": 0} == {**shown, "id": 0}
    incident = await desk.get(f"incidents/{KEY}")
    assert incident["annotations"] == [told]


async def test_the_command_and_the_first_page_show_it_near_the_incident(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await desk.command("incident", "show", KEY, by="ann") == 0
    out = [line.split() for line in capsys.readouterr().out.splitlines()]
    at = out.index(["Changes", "of", "its", "servers,", "from", "a", "day", "before"])
    assert out[at + 1] == ["AT", "(UTC)", "CHECK", "WHAT", "SEEN", "BY"]
    assert out[at + 2] == [
        "2026-01-01", "00:00:06", "ehr-read", "software,", "statement", "north-1",
    ]  # fmt: skip
    page = await (await desk.client.get("/", headers=VIEWER)).text()
    said = "software and statement of the server behind ehr-read changed at 2026-01-01 00:00 UTC"
    assert said in page


async def test_a_change_more_than_a_day_before_an_incident_is_not_shown_with_it(
    store: Store,
) -> None:
    async with a_round(store) as one:
        await one.send([result(1_000, UP)], facts=OLD)
        await one.send([result(6_000, UP)], facts=NEW)
        await one.tick(10_000)
        t = START + 6_000
        for start, end, expected in (
            (t + BEFORE_MS, None, 1),
            (t + BEFORE_MS + 1, None, 0),
            (t - 5_000, t, 1),
            (t - 5_000, t - 1, 0),
        ):
            found = await store.read(around, ORG, "ehr", start, end)
            assert len(found) == expected
        assert await store.read(around, ORG, "lab", t, None) == []
