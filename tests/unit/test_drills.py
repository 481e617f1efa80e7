"""Drills that were held: recorded once, of systems there are, by who may; a row of the trail."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from collector import journal
from collector.core import drills
from collector.store.store import Store
from tests.support.known import VIEWER
from tests.support.planning import Desk, a_desk
from tests.support.rounds import ORG, START

Capture = pytest.CaptureFixture[str]
HELD = {"kind": "failover", "systems": ["ehr"], "at": "2025-12-14T09:00:00Z"}
DONE = HELD | {"outcome": "partial", "ref": "CHG0031"}


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    async with a_desk(store) as opened:
        yield opened


async def recorded(desk: Desk) -> list[tuple[str, dict[str, Any]]]:
    rows = await desk.service.parts.store.read(journal.rows, ORG, kind=drills.KIND)
    return [(row.actor, json.loads(row.data)) for row in rows]


async def test_a_drill_is_a_row_with_who_recorded_it(desk: Desk) -> None:
    status, shown = await desk.post("drills", DONE | {"systems": ["ehr", "ehr"]})
    assert status == 200
    assert shown == {
        "row": 2,
        "recorded_at": shown["recorded_at"],
        "kind": "failover",
        "systems": ["ehr"],
        "at": "2025-12-14T09:00:00.000Z",
        "outcome": "partial",
        "ref": "CHG0031",
        "by": "change-1",
    }
    held_at = START - 17 * 86_400_000 - 15 * 3_600_000
    data = {"drill": "failover", "systems": ["ehr"], "held_at": held_at, "outcome": "partial"}
    assert await recorded(desk) == [("change-1", data | {"ref": "CHG0031"})]


async def test_the_same_request_again_records_it_once(desk: Desk) -> None:
    key = {"Idempotency-Key": "drill-0001"}
    first = await desk.post("drills", DONE, key)
    assert await desk.post("drills", DONE, key) == first
    assert len(await recorded(desk)) == 1


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"kind": "fire"}, "kind"),
        ({"systems": []}, "systems"),
        ({"systems": ["ehr", "nothing"]}, "systems.1"),
        ({"at": "2026-01-02T00:00:00Z"}, "at"),
        ({"at": "yesterday"}, "at"),
        ({"outcome": "good"}, "outcome"),
        ({"ref": "seen by John Doe"}, "ref"),
        ({"note": "typed"}, "note"),
    ],
)
async def test_what_is_no_drill_that_was_held_is_refused_with_its_place(
    desk: Desk, change: dict[str, Any], path: str
) -> None:
    status, body = await desk.post("drills", DONE | change)
    assert status in (400, 422)
    assert [one["path"] for one in body["problems"]] == [path]
    assert await recorded(desk) == []


async def test_every_problem_is_told_at_once(desk: Desk) -> None:
    status, body = await desk.post("drills", DONE | {"systems": ["ris", "ehr", "lab"]})
    assert status in (400, 422)
    assert [one["path"] for one in body["problems"]] == ["systems.0", "systems.2"]


async def test_whoever_may_not_propose_maintenance_records_none(desk: Desk) -> None:
    assert await desk.refused("drills", DONE, **VIEWER) == (403, "access.denied")
    assert await recorded(desk) == []


async def test_a_drill_is_recorded_from_a_shell(desk: Desk, capsys: Capture) -> None:
    words = ["audit", "drill", "--kind", "tabletop", "--systems", "ehr", "--ref", "BCP-7"]
    words += ["--at", "2025-12-14T09:00:00Z", "--outcome", "failed"]
    assert await desk.command(*words) == 0
    told = "Row 2: tabletop of ehr, 2025-12-14 09:00 UTC, failed.\n"
    assert capsys.readouterr().out == told
    assert await desk.command(*words, "--json") == 0
    assert json.loads(capsys.readouterr().out)["row"] == 3
    assert await desk.command(*words[:4], "--systems", "x", *words[6:]) == 2
    assert capsys.readouterr().err == "systems.0: no system of this id in any config version\n"
