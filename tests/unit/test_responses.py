"""By when somebody answers an incident, from the store to the API, the stream and the page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientResponse
from sqlalchemy import Connection

from alerts.events import Incident, Priority
from alerts.transitions import Transition, TransitionKind
from collector import journal
from collector.api.events import look
from collector.changes import event
from collector.store.incidents import link_events, read_incidents, read_priorities
from collector.store.store import Store
from probes.contract import Outcome
from tests.support.known import VIEWER
from tests.support.planning import Desk, a_desk
from tests.support.rounds import ORG, START, config, document, result

UP, DOWN = Outcome.UP, Outcome.DOWN
KEY = f"ehr.availability.{START + 11_000}"
MINUTE = 60_000


def hospital(service: str = "general", **respond: Any) -> dict[str, Any]:
    """`ehr` without a workaround: down is P1."""
    system = document()["systems"]["ehr"] | {"impact": {"class": "clinical", "service": service}}
    return {"systems": {"ehr": system}, "policy": {"recover_for": "60s", "respond": respond}}


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    used = config(**hospital(P1={"warn": "30m", "breach": "50m"}, P3={"breach": "40m"}))
    async with a_desk(store, used) as opened:
        yield opened


async def outage(desk: Desk) -> None:
    """Up at 1 s, down at 11 s and 21 s; looked at 31 s after the start."""
    await desk.clock.advance(30_000)
    await desk.send([result(1_000, UP), result(11_000, DOWN), result(21_000, DOWN)], seq=1)
    await desk.service.parts.evaluator.step()


async def response(desk: Desk) -> dict[str, Any]:
    found: dict[str, Any] = (await desk.get(f"incidents/{KEY}"))["response"]
    return found


def told(conn: Connection, org: str, steps: Sequence[tuple[TransitionKind, Incident]]) -> None:
    """Events as an evaluation would write them."""
    facts = [event(Transition(kind, one), START, 1) for kind, one in steps]
    ids = journal.append(conn, org, facts, START)
    link_events(conn, org, [(one.key, n) for (_, one), n in zip(steps, ids, strict=True)])


async def test_a_priority_it_once_had_keeps_its_clock(desk: Desk) -> None:
    await outage(desk)
    store = desk.service.parts.store
    assert await response(desk) == {
        "warn_at": "2026-01-01T00:30:21.040Z",
        "due_at": "2026-01-01T00:50:21.040Z",
        "by": "priority",
        "overdue": False,
    }
    (row,) = await store.read(read_incidents, ORG)
    before = replace(row.incident, category=1, priority=Priority.P3)
    await store.write(told, ORG, [(TransitionKind.CAUSE_ADDED, before)])
    assert await store.read(read_priorities, ORG, [KEY, "another"]) == {
        KEY: {Priority.P1, Priority.P3}
    }
    assert await response(desk) == {
        "warn_at": "2026-01-01T00:30:21.040Z",
        "due_at": "2026-01-01T00:40:21.040Z",
        "by": "priority",
        "overdue": False,
    }


async def test_every_answer_tells_the_same_clock(desk: Desk) -> None:
    await outage(desk)
    expected = await response(desk)
    (listed,) = (await desk.get("incidents"))["incidents"]
    (of_all,) = (await desk.get("systems"))["systems"][0]["open_incidents"]
    (of_one,) = (await desk.get("systems/ehr"))["open_incidents"]
    assert [one["response"] for one in (listed, of_all, of_one)] == [expected] * 3
    found = await desk.service.parts.store.read(look, ORG, START, None)
    assert [(one.row.incident.key, one.reached) for one in found.incidents] == [
        (KEY, frozenset({Priority.P1}))
    ]


async def test_what_was_in_force_at_its_start_sets_its_clocks(desk: Desk) -> None:
    await outage(desk)
    before = await response(desk)
    await desk.load(config(**hospital("critical_clinical", critical_clinical="1m")))
    assert await response(desk) == before


async def test_the_clock_stops_at_recovery(desk: Desk) -> None:
    await outage(desk)
    await desk.clock.advance(90_000)
    await desk.send([result(31_000 + 10_000 * n, UP) for n in range(9)], seq=2)
    await desk.service.parts.evaluator.step()
    before = await response(desk)
    await desk.clock.advance(3 * 60 * MINUTE)
    assert (await response(desk)) == before
    assert before["overdue"] is False


async def test_who_listens_hears_that_an_answer_is_overdue(desk: Desk) -> None:
    await outage(desk)
    async with desk.client.get("/api/v1/events", headers=VIEWER) as stream:
        first = await next_event(stream)
        assert first["incidents"][0]["response"]["overdue"] is False
        await desk.clock.advance(50 * MINUTE)
        incident = await next_event(stream)
        assert (incident["key"], incident["response"]["overdue"]) == (KEY, True)


async def next_event(stream: ClientResponse) -> dict[str, Any]:
    """The data of the next event; comments are passed over."""
    async with asyncio.timeout(20):
        while True:
            block = (await stream.content.readuntil(b"\n\n")).decode()
            _, found, data = block.partition("\ndata: ")
            if found:
                told: dict[str, Any] = json.loads(data)
                return told


async def test_the_page_says_by_when_and_since_when(desk: Desk) -> None:
    await outage(desk)
    page = await (await desk.client.get("/", headers=VIEWER)).text()
    assert '<span data-response="due">answer by 2026-01-01 00:50 UTC</span>' in page
    await desk.clock.advance(60 * MINUTE)
    page = await (await desk.client.get("/", headers=VIEWER)).text()
    assert '<span data-response="overdue">overdue since 2026-01-01 00:50 UTC</span>' in page


async def test_somebody_who_acknowledges_has_answered_for_good(desk: Desk) -> None:
    await outage(desk)
    before = await response(desk)
    path = f"incidents/{KEY}/acknowledge"
    assert (await desk.post(path, {}, by="svc-pager"))[0] == 200
    assert await response(desk) == before
    assert (await desk.post(path, {}))[0] == 200
    assert await response(desk) is None
    await desk.clock.advance(1_800_001)
    assert await response(desk) is None


async def test_a_parent_has_the_earliest_clock_of_all_that_hang_on_it(store: Store) -> None:
    slow = {"name": "Network", "impact": {"class": "administrative"}}
    written = hospital("critical_clinical", critical_clinical="45m")
    written["systems"] = {"ehr": written["systems"]["ehr"] | {"depends_on": ["net"]}, "net": slow}
    checks = document()["checks"]
    checks["net-ping"] = checks["ehr-read"] | {"system": "net"}
    async with a_desk(store, config(**written, checks=checks)) as desk:
        await desk.clock.advance(30_000)
        down = [(t, check) for t in (11_000, 21_000) for check in ("ehr-read", "net-ping")]
        await desk.send([result(t, DOWN, check=check) for t, check in down], seq=1)
        await desk.service.parts.evaluator.step()
        found = {one["system"]: one for one in (await desk.get("incidents"))["incidents"]}
        net, ehr = found["net"], found["ehr"]
        assert (ehr["attached_to"], net["attached_to"]) == ("net", None)
        expected = {
            "warn_at": None,
            "due_at": "2026-01-01T00:45:21.040Z",
            "by": "service",
            "overdue": False,
        }
        assert ehr["response"] == expected
        assert net["response"] == expected
        assert (await desk.get("systems/net"))["open_incidents"][0]["response"] == expected
        # What is coming is the parent's to tell: the clock of its child, and not its own later one.
        breach = {"kind": "response_breached", "at": expected["due_at"], "rung": None}
        assert (await desk.get(f"incidents/{net['key']}"))["next"] == breach
        assert (await desk.get(f"incidents/{ehr['key']}"))["next"] != breach
        path = f"incidents/{ehr['key']}/acknowledge"
        assert (await desk.post(path, {}))[0] == 200
        alone = (await desk.get(f"incidents/{net['key']}"))["response"]
        assert (alone["due_at"], alone["by"]) == ("2026-01-01T04:00:21.040Z", "priority")
