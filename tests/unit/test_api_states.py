"""States and outages over a range, as the truth is known when they are asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from collector.store.store import Store
from collector.truths import Live
from probes.contract import Outcome
from probes.times import rfc3339
from tests.support.paging import in_parts
from tests.support.planning import Desk, a_desk
from tests.support.rounds import START, config, document, result

UP, DOWN = Outcome.UP, Outcome.DOWN
RANGE = "from=2025-12-31T23:59:00Z&to=2026-01-01T01:00:00Z"


def two_systems() -> Any:
    made = document()
    systems, checks = made["systems"], made["checks"]
    systems["lab"] = systems["ehr"] | {"name": "Laboratory"}
    checks["lab-read"] = checks["ehr-read"] | {"system": "lab"}
    return config(systems=systems, checks=checks)


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    """`ehr` is down from 11 s to 31 s and from 41 s on, `lab` from 11 s on; it is 50 s now."""
    async with a_desk(store, two_systems()) as opened:
        await opened.clock.advance(49_000)
        ehr = [UP, DOWN, DOWN, UP, DOWN]
        lab = [UP, DOWN, DOWN, DOWN, DOWN]
        results = [
            result(1_000 + 10_000 * slot, outcome, check=check)
            for slot, both in enumerate(zip(ehr, lab, strict=True))
            for check, outcome in zip(("ehr-read", "lab-read"), both, strict=True)
        ]
        more = [result(45_000, DOWN), result(45_000, DOWN, check="lab-read")]
        await opened.send([*results, *more], seq=1)
        yield opened


def at(ms: int) -> str:
    return rfc3339(START + ms)


def span(start: int, end: int, state: str) -> dict[str, str]:
    return {"start": at(start), "end": at(end), "state": state}


async def test_states_cover_the_range_up_to_now(desk: Desk) -> None:
    assert await desk.get(f"systems/ehr/states?{RANGE}") == {
        "system": "ehr",
        "site": None,
        "now": at(50_000),
        "states": [
            span(-60_000, 0, "not_monitored"),
            span(0, 1_000, "unknown"),
            span(1_000, 11_000, "up"),
            span(11_000, 31_000, "down"),
            span(31_000, 41_000, "up"),
            span(41_000, 50_000, "down"),
        ],
        "next": None,
    }


async def test_a_range_cuts_off_what_reaches_out_of_it(desk: Desk) -> None:
    body = await desk.get("systems/ehr/states?from=2026-01-01T00:00:05Z&to=2026-01-01T00:00:20Z")
    assert body["states"] == [span(5_000, 11_000, "up"), span(11_000, 20_000, "down")]


async def test_a_site_has_its_own_states(desk: Desk) -> None:
    body = await desk.get(f"systems/lab/states?{RANGE}&site=north")
    assert body["site"] == "north"
    assert body["states"] == [
        span(-60_000, 0, "not_monitored"),
        span(0, 1_000, "unknown"),
        span(1_000, 11_000, "up"),
        span(11_000, 50_000, "down"),
    ]
    body = await desk.get(f"systems/lab/states?{RANGE}&site=south")
    assert body["states"] == [span(-60_000, 50_000, "not_monitored")]


async def test_nothing_is_said_of_the_future(desk: Desk) -> None:
    body = await desk.get("systems/ehr/states?from=2026-01-02T00:00:00Z&to=2026-01-03T00:00:00Z")
    assert (body["states"], body["next"]) == ([], None)


async def test_outages_of_all_systems_are_in_order_and_whole(desk: Desk) -> None:
    ehr = {"system": "ehr", "start": at(11_000), "end": at(31_000)}
    assert await desk.get(f"outages?{RANGE}") == {
        "now": at(50_000),
        "outages": [
            ehr | {"min_ms": 10_000, "max_ms": 30_000},
            {"system": "lab", "start": at(11_000), "end": None, "min_ms": None, "max_ms": None},
            {"system": "ehr", "start": at(41_000), "end": None, "min_ms": None, "max_ms": None},
        ],
        "next": None,
    }


async def test_outages_of_one_system_that_overlap_the_range_keep_their_instants(
    desk: Desk,
) -> None:
    asked = "outages?from=2026-01-01T00:00:20Z&to=2026-01-01T00:00:21Z&system=ehr"
    assert [(o["start"], o["end"]) for o in (await desk.get(asked))["outages"]] == [
        (at(11_000), at(31_000))
    ]
    asked = "outages?from=2026-01-01T00:00:31Z&to=2026-01-01T00:00:41Z&system=ehr"
    assert (await desk.get(asked))["outages"] == []


async def test_parts_of_one_are_the_whole(desk: Desk) -> None:
    states = await in_parts(desk, f"systems/ehr/states?{RANGE}", "states")
    assert states == (await desk.get(f"systems/ehr/states?{RANGE}"))["states"]
    assert len(states) == 6
    outages = await in_parts(desk, f"outages?{RANGE}", "outages")
    assert outages == (await desk.get(f"outages?{RANGE}"))["outages"]
    assert len(outages) == 3


async def test_what_came_since_the_last_evaluation_counts(desk: Desk) -> None:
    await desk.clock.advance(5_000)
    await desk.send([result(51_000, UP)], seq=2)
    body = await desk.get(f"systems/ehr/states?{RANGE}")
    assert body["states"][-2:] == [span(41_000, 51_000, "down"), span(51_000, 55_000, "up")]


async def test_a_removed_system_keeps_its_past(desk: Desk) -> None:
    checks = document()["checks"]
    await desk.load(config(checks=checks))
    body = await desk.get(f"systems/lab/states?{RANGE}")
    assert body["states"][-2:] == [
        span(11_000, 50_000, "down"),
        span(50_000, 51_000, "not_monitored"),
    ]
    outages = await desk.get(f"outages?{RANGE}&system=lab")
    assert [(o["start"], o["end"]) for o in outages["outages"]] == [(at(11_000), at(50_000))]


async def test_evidence_is_folded_anew_once_in_two_seconds(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluator = desk.service.parts.evaluator
    refold, folds = evaluator.refold, []

    async def counted() -> None:
        folds.append(desk.clock.now_ms() - START)
        await refold()

    monkeypatch.setattr(evaluator, "refold", counted)
    for _ in range(3):
        await desk.get(f"systems/ehr/states?{RANGE}")
        await desk.get(f"outages?{RANGE}")
    await desk.clock.advance(1_999)
    await desk.get(f"outages?{RANGE}")
    await desk.clock.advance(1)
    await desk.get(f"outages?{RANGE}")
    assert folds == [50_000, 52_000]
    # a system that a version has just brought is not waited for
    evaluator._follower.lives["new"] = Live("new")
    await desk.get(f"outages?{RANGE}&system=new")
    assert folds == [50_000, 52_000, 52_000]


REFUSED = [
    (f"systems/none/states?{RANGE}", 404, "history.unknown_system"),
    (f"systems/ehr/states?{RANGE}&site=none", 400, "api.query"),
    (f"systems/ehr/states?{RANGE}&site=%00", 400, "api.query"),
    (f"systems/ehr/states?{RANGE}&cursor=x", 400, "api.query"),
    ("systems/ehr/states?to=2026-01-01T00:00:00Z", 400, "api.query"),
    ("outages?from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", 400, "api.query"),
    (f"outages?{RANGE}&system=none", 400, "api.query"),
]


async def test_what_cannot_be_answered_is_a_problem(desk: Desk) -> None:
    for path, status, code in REFUSED:
        assert await desk.problem(path) == (status, code), path
