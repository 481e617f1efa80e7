"""Corrections: requested by one person, approved by another, printed beside the measured number."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from collector.store.store import Store
from probes.contract import Outcome
from tests.support.batches import seal
from tests.support.known import VIEWER
from tests.support.planning import HOUR, Desk, a_desk, hospital
from tests.support.rounds import KEYS, ORG, document, result

UP, DOWN = Outcome.UP, Outcome.DOWN
PROMISED = {"ehr": document()["systems"]["ehr"] | {"slo": {"target": "99.95"}}}
PERIOD = "availability?from=2026-01-01T00:00:00Z&to=2026-01-01T00:01:00Z"


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    async with a_desk(store, hospital(systems=PROMISED)) as opened:
        await watched(opened)
        yield opened


@pytest.fixture
async def small(sqlite_store: Store) -> AsyncIterator[Desk]:
    async with a_desk(sqlite_store) as opened:
        await watched(opened)
        yield opened


async def watched(desk: Desk) -> None:
    """Up from 0 s, down from 20 s, up from 50 s to the end of the minute; looked at an hour on."""
    results = [
        result(t, UP if t < 20_000 or t >= 50_000 else DOWN) for t in range(0, 60_000, 10_000)
    ]
    await desk.clock.advance(60_000)
    data = seal(KEYS["north-1"], ORG, "north-1", "e1", 1, results)
    await desk.service.parts.ingest.accept(data)
    await desk.clock.advance(HOUR)


def wanted(**changes: Any) -> dict[str, Any]:
    return {
        "id": "c1",
        "system": "ehr",
        "from": "2026-01-01T00:00:20Z",
        "to": "2026-01-01T00:00:50Z",
        "as": "excluded",
        "reason": "customer_power",
        "ref": "CHG0032",
    } | changes


async def number(desk: Desk) -> dict[str, Any]:
    await desk.clock.advance(5_000)  # an answer is shared for a moment
    found: dict[str, Any] = (await desk.get(PERIOD))["systems"]["ehr"]
    return found


async def test_both_numbers_are_printed_once_two_people_agree(desk: Desk) -> None:
    status, body = await desk.post("corrections", wanted(), by="csm-1")
    assert (status, body["status"], body["approved"]) == (200, "requested", None)
    measured = await number(desk)
    assert (measured["down_ms"], measured["min"], measured["corrected"]) == (
        30_000,
        "50.0000",
        None,
    )
    said = {"ref": "CHG0033"}
    status, body = await desk.post("corrections/c1/approve", said, by="approver-1")
    assert (status, body["status"]) == (200, "approved")
    assert body["approved"]["by"] == "approver-1"
    found = await number(desk)
    corrected = found.pop("corrected")
    measured.pop("corrected")
    assert found == measured
    assert (corrected["eligible_ms"], corrected["excluded_ms"], corrected["down_ms"]) == (
        30_000,
        30_000,
        0,
    )
    assert (corrected["min"], corrected["verdict"], corrected["corrections"]) == (
        "100.0000",
        "met",
        ["c1"],
    )
    assert found["verdict"] == "breached"
    assert [(kind, actor) for kind, actor, *_ in await desk.facts()] == [
        ("correction.requested", "csm-1"),
        ("correction.approved", "approver-1"),
    ]
    (listed,) = (await desk.get("corrections"))["corrections"]
    assert (listed["id"], listed["from"], listed["as"], listed["reason"]) == (
        "c1",
        "2026-01-01T00:00:20.000Z",
        "excluded",
        "customer_power",
    )
    unknown = await desk.client.get("/api/v1/corrections?system=other", headers=VIEWER)
    assert unknown.status == 400


async def test_whoever_requested_cannot_approve_and_only_approvers_can(small: Desk) -> None:
    await small.post("corrections", wanted(), by="approver-2")
    path = "corrections/c1/approve"
    assert await small.refused(path, {}, by="approver-2") == (403, "act.own_request")
    assert await small.refused(path, {}, by="csm-1") == (403, "access.denied")
    assert (await small.post(path, {}, by="approver-1"))[0] == 200
    assert await small.refused(path, {}, by="approver-1") == (409, "correction.approved")


async def test_a_system_that_was_removed_can_still_be_corrected(sqlite_store: Store) -> None:
    systems = {"ehr": {"name": "EHR", "impact": {"class": "clinical"}}}
    two = systems | {"old": {"name": "Old", "impact": {"class": "clinical"}}}
    async with a_desk(sqlite_store, hospital(systems=two)) as desk:
        await desk.load(hospital(systems=systems))
        assert (await desk.post("corrections", wanted(system="old", to="2026-01-01T00:00:01Z",
                                                      **{"from": "2026-01-01T00:00:00Z"})))[0] == 200  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"system": "none"}, 409, "correction.unknown_system"),
        ({"to": "2026-01-01T00:00:20Z"}, 409, "correction.empty"),
        ({"to": "2027-01-01T00:00:20Z"}, 409, "correction.not_past"),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused(
    small: Desk, changes: dict[str, Any], status: int, code: str
) -> None:
    assert await small.refused("corrections", wanted(**changes)) == (status, code)
    assert await small.facts() == []


async def test_an_id_is_requested_once_and_an_unknown_one_not_approved(small: Desk) -> None:
    assert (await small.post("corrections", wanted()))[0] == 200
    assert await small.refused("corrections", wanted()) == (409, "correction.exists")
    refused = await small.refused("corrections/c2/approve", {}, by="approver-1")
    assert refused == (404, "correction.unknown")


async def test_every_field_of_a_bad_request_is_named(small: Desk) -> None:
    bad = wanted(reason="because", to="soon", ref="Jane Roe", **{"as": "good"})
    status, body = await small.post("corrections", bad)
    assert (status, body["code"]) == (400, "api.body")
    assert [p["path"] for p in body["problems"]] == ["to", "as", "reason", "ref"]
    assert "because" not in str(body)
    status, body = await small.post("corrections", wanted(id="ssn-123", ref="mrn-1"))
    assert [p["path"] for p in body["problems"]] == ["id", "ref"]
