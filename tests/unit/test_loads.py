"""The load our checks add, counted from the evidence."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from collector.store.store import Store
from probes.contract import Outcome
from tests.support.planning import Desk, a_desk
from tests.support.rounds import config, document, result

UP = Outcome.UP
RANGE = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T00:01:00Z")
QUERY = "from=2026-01-01T00:00:00Z&to=2026-01-01T00:01:00Z"


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    """Two checks; one tells what it asked, by two agents, once outside the minute."""
    checks = document()["checks"]
    checks["ehr-read"]["from"] = ["north-1", "south-1"]
    checks["ehr-page"] = {**checks["ehr-read"], "kind": "http", "role": "supporting"}
    async with a_desk(store, config(checks=checks)) as opened:
        await opened.clock.advance(90_000)
        north = [result(1_000, UP, check="ehr-page"), result(2_000, UP)]
        asked = {"requests": 3, "answer_bytes": 1_000}
        await opened.send(north, seq=1, facts=asked)
        await opened.send([result(3_000, UP)], seq=2, facts={"requests": 0, "answer_bytes": 0})
        await opened.send([result(60_000, UP)], seq=3, facts=asked)
        south = [result(59_999, UP, agent="south-1")]
        await opened.send(south, seq=1, facts={"requests": 2, "answer_bytes": 500})
        yield opened


async def test_it_adds_up_what_the_runs_of_a_period_tell(desk: Desk) -> None:
    found = await desk.get(f"load?{QUERY}")
    assert found == {
        "start": "2026-01-01T00:00:00.000Z",
        "end": "2026-01-01T00:01:00.000Z",
        "checks": [
            {
                "check": "ehr-page",
                "system": "ehr",
                "kind": "http",
                "runs": 1,
                "requests": None,
                "answer_bytes": None,
                "per_day": None,
            },
            {
                "check": "ehr-read",
                "system": "ehr",
                "kind": "http",
                "runs": 3,
                "requests": 5,
                "answer_bytes": 1_500,
                "per_day": None,
            },
        ],
    }
    empty = await desk.get("load?from=2025-01-01T00:00:00Z&to=2025-01-02T00:00:00Z")
    assert empty["checks"] == []
    longest = "load?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00.001Z"
    assert await desk.problem(longest) == (400, "api.query")


async def test_the_command_prints_text_in_a_pipe_and_json(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await desk.command("load", *RANGE) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Load from 2026-01-01 00:00 to 2026-01-01 00:01 UTC",
        "SYSTEM  CHECK     KIND  RUNS  REQUESTS  PER HOUR  BYTES",
        "ehr     ehr-page  http  1     -         60.0      -",
        "ehr     ehr-read  http  3     5         300.0     1500",
        "ehr     all             4     6         360.0     1500",
    ]
    assert await desk.command("load", "--system", "lab", *RANGE) == 0
    assert capsys.readouterr().out == (
        "Load from 2026-01-01 00:00 to 2026-01-01 00:01 UTC: none.\n"
    )
    assert await desk.command("load", "--json", *RANGE) == 0
    assert len(json.loads(capsys.readouterr().out)["checks"]) == 2


async def test_checks_that_cost_money_are_shown_with_their_cap(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = document()["checks"]
    checks["ehr-page"] = {**checks["ehr-read"], "role": "supporting"}
    checks["ehr-read"]["cost"] = {"per_day": 9_000}
    async with a_desk(store, config(checks=checks)) as desk:
        await desk.clock.advance(90_000)
        await desk.send([result(1_000, UP), result(2_000, UP, check="ehr-page")], seq=1)
        assert await desk.command("load", *RANGE) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "SYSTEM  CHECK     KIND  RUNS  REQUESTS  PER HOUR  BYTES  RUNS A DAY  CAP",
        "ehr     ehr-page  http  1     -         60.0      -",
        "ehr     ehr-read  http  1     -         60.0      -      1440.0      9000",
        "ehr     all             2     2         120.0     0",
    ]
