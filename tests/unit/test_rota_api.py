"""Who is on duty over HTTP, and overrides that people make: recorded, counted from then, cancelled.

The clock begins at 2026-01-01 00:00Z, which is 18:00 of the day before in Chicago.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from alerts import roster
from collector import journal
from collector.access.policy import Role
from collector.evaluate import Evaluator
from collector.store.store import Store
from tests.support.known import bearer
from tests.support.planning import HOUR, Desk, a_desk
from tests.support.rotas import CONTACTS, staffed
from tests.support.rounds import ORG, START, document

AUDITOR = bearer("auditor-1", Role.AUDITOR)


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    async with a_desk(store, staffed()) as opened:
        yield opened


@pytest.fixture
async def small(sqlite_store: Store) -> AsyncIterator[Desk]:
    async with a_desk(sqlite_store, staffed()) as opened:
        yield opened


def wanted(**changes: Any) -> dict[str, Any]:
    return {
        "schedule": "engineers",
        "start": "2026-01-01T02:00:00Z",
        "end": "2026-01-01T06:00:00Z",
        "contact": "ben",
    } | changes


async def rota(desk: Desk, query: str = "") -> dict[str, Any]:
    return await desk.get(f"rota{query}", AUDITOR)


def turns(found: dict[str, Any], schedule: str) -> list[tuple[str, str, str]]:
    """(start, end, contact), to the hour."""
    (one,) = [one for one in found["schedules"] if one["id"] == schedule]
    return [(d["start"][:13], d["end"][:13], d["contact"]) for d in one["duties"]]


DAY = "?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z"


async def test_an_override_counts_until_it_is_cancelled_and_stands_in_the_journal(
    desk: Desk,
) -> None:
    status, made = await desk.post("rota/overrides", wanted(ref="CHG7"), by="change-1")
    assert status == 200
    assert made == {
        "id": made["id"],
        "schedule": "engineers",
        "contact": "ben",
        "start": "2026-01-01T02:00:00.000Z",
        "end": "2026-01-01T06:00:00.000Z",
        "made": {"by": "change-1", "at": "2026-01-01T00:00:01.000Z", "ref": "CHG7"},
        "cancelled": None,
    }
    found = await rota(desk, DAY)
    assert turns(found, "engineers") == [
        ("2026-01-01T00", "2026-01-01T02", "anna"),
        ("2026-01-01T02", "2026-01-01T06", "ben"),
        ("2026-01-01T06", "2026-01-02T00", "anna"),
    ]
    assert found["overrides"] == [made]
    await desk.clock.advance(4 * HOUR - 2_000)
    status, ended = await desk.post(f"rota/overrides/{made['id']}/cancel", {}, by="clinical-1")
    assert (status, ended["end"]) == (200, "2026-01-01T04:00:00.000Z")
    assert ended["cancelled"] == {
        "by": "clinical-1",
        "at": "2026-01-01T04:00:00.000Z",
        "ref": None,
    }
    assert turns(await rota(desk, DAY), "engineers") == [
        ("2026-01-01T00", "2026-01-01T02", "anna"),
        ("2026-01-01T02", "2026-01-01T04", "ben"),
        ("2026-01-01T04", "2026-01-02T00", "anna"),
    ]
    rows = await desk.service.parts.store.read(journal.rows, ORG, prefix="rota.")
    assert [(row.kind, row.actor, row.recorded_at - START) for row in rows] == [
        ("rota.override", "change-1", 1_000),
        ("rota.override_cancelled", "clinical-1", 4 * HOUR),
    ]
    assert json.loads(rows[0].data) == {
        "schedule": "engineers",
        "person": "ben",
        "from": START + 2 * HOUR,
        "to": START + 6 * HOUR,
        "by": "change-1",
        "ref": "CHG7",
    }


async def test_the_same_request_under_one_key_makes_one_override(small: Desk) -> None:
    key = {"Idempotency-Key": "swap-anna-ben"}
    first = await small.post("rota/overrides", wanted(), key)
    assert await small.post("rota/overrides", wanted(), key) == first
    assert len((await rota(small, DAY))["overrides"]) == 1
    assert await small.refused("rota/overrides", wanted(contact="anna"), **key) == (
        409,
        "idempotency.reused",
    )


async def test_an_override_counts_from_when_it_is_recorded_and_wall_clock_is_the_schedules(
    small: Desk,
) -> None:
    # 17:00 of the day before in Chicago was an hour ago
    said = wanted(start="2025-12-31T17:00", end="2025-12-31T20:00")
    status, made = await small.post("rota/overrides", said)
    assert (status, made["start"], made["end"]) == (
        200,
        "2026-01-01T00:00:01.000Z",
        "2026-01-01T02:00:00.000Z",
    )


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"schedule": "surgeons"}, 409, "override.unknown_schedule"),
        ({"contact": "cleo"}, 409, "override.wrong_contact"),
        ({"contact": "nobody"}, 409, "override.wrong_contact"),
        ({"end": "2026-01-01T02:00:00Z"}, 409, "override.empty"),
        (
            {"start": "2025-12-31T01:00:00Z", "end": "2026-01-01T00:00:01Z"},
            409,
            "override.past",
        ),
        ({"start": "tomorrow"}, 400, "api.body"),
        ({"person": "ben"}, 400, "api.body"),
    ],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(
    small: Desk, changes: dict[str, str], status: int, code: str
) -> None:
    assert await small.refused("rota/overrides", wanted(**changes)) == (status, code)
    assert (await rota(small, DAY))["overrides"] == []


async def test_what_is_over_cancelled_or_never_was_cannot_be_cancelled(small: Desk) -> None:
    _, made = await small.post("rota/overrides", wanted())
    path = f"rota/overrides/{made['id']}/cancel"
    for name in ("9999", "x", "1"):
        assert await small.refused(f"rota/overrides/{name}/cancel", {}) == (404, "override.unknown")
    assert (await small.post(path, {}))[0] == 200
    assert await small.refused(path, {}) == (409, "override.cancelled")
    _, made = await small.post("rota/overrides", wanted())
    await small.clock.advance(6 * HOUR)
    assert await small.refused(f"rota/overrides/{made['id']}/cancel", {}) == (409, "override.past")


async def test_a_cancelled_override_of_time_to_come_counts_for_nothing_and_is_listed(
    small: Desk,
) -> None:
    _, made = await small.post("rota/overrides", wanted())
    await small.post(f"rota/overrides/{made['id']}/cancel", {})
    found = await rota(small, DAY)
    assert turns(found, "engineers") == [("2026-01-01T00", "2026-01-02T00", "anna")]
    (listed,) = found["overrides"]
    assert listed["start"] == listed["end"] == "2026-01-01T02:00:00.000Z"
    assert listed["cancelled"]["by"] == "change-1"


async def test_staffing_that_is_short_is_told_with_who_is_on_duty(sqlite_store: Store) -> None:
    async with a_desk(sqlite_store, staffed(nights=False)) as desk:
        found = await rota(desk, DAY)
    assert [one["now"] for one in found["schedules"]] == ["anna", "cleo"]
    assert turns(found, "specialists") == [
        ("2026-01-01T00", "2026-01-01T02", "cleo"),
        ("2026-01-01T14", "2026-01-02T00", "cleo"),
    ]
    assert found["gaps"] == [
        {
            "role": "clinical_liaison",
            "need": 1,
            "have": 0,
            "start": "2026-01-01T02:00:00.000Z",
            "end": "2026-01-01T14:00:00.000Z",
        }
    ]
    assert found["schedules"][1]["duties"][0]["name"] == "Cleo"


async def test_the_past_is_told_by_the_version_that_was_in_force_then(small: Desk) -> None:
    _, made = await small.post("rota/overrides", wanted(contact="ben"))
    await small.clock.advance(3 * HOUR)
    without_ben = {name: one for name, one in CONTACTS.items() if name != "ben"}
    turned = {"people": ["anna"], "starts": "2025-12-29T08:00", "turn": "7d"}
    alone = {"engineers": {"role": "engineering", "layers": [turned]}}
    await small.load(staffed(contacts=without_ben, on_call=alone, staffing={"engineering": 1}))
    found = await rota(small, DAY)
    # at 03:00:02 a file was loaded that has no ben: nobody stands in any more who is no contact
    assert turns(found, "engineers") == [
        ("2026-01-01T00", "2026-01-01T02", "anna"),
        ("2026-01-01T02", "2026-01-01T03", "ben"),
        ("2026-01-01T03", "2026-01-02T00", "anna"),
    ]
    assert turns(found, "specialists") == [
        ("2026-01-01T00", "2026-01-01T02", "cleo"),
        ("2026-01-01T02", "2026-01-01T03", "dora"),
    ]
    assert [(one["start"][:19], one["end"][:13]) for one in found["versions"]] == [
        ("2026-01-01T00:00:00", "2026-01-01T03"),
        ("2026-01-01T03:00:02", "2026-01-02T00"),
    ]
    assert found["overrides"] == [made]


async def test_what_is_told_of_the_past_stays_the_same_whatever_is_done_later(small: Desk) -> None:
    _, made = await small.post("rota/overrides", wanted(end="2026-01-03T00:00:00Z"))
    await small.clock.advance(24 * HOUR)
    before = await rota(small, DAY)
    assert before["overrides"] == [made]
    assert turns(before, "engineers")[-1] == ("2026-01-01T02", "2026-01-02T00", "ben")
    assert (await small.post(f"rota/overrides/{made['id']}/cancel", {}))[0] == 200
    late = wanted(start="2026-01-01T00:00:00Z", end="2026-01-04T00:00:00Z", contact="anna")
    assert (await small.post("rota/overrides", late))[0] == 200
    renamed = CONTACTS | {"ben": {"name": "Benjamin", "role": "engineering"}}
    moved = {**document()["organization"], "timezone": "Europe/Berlin"}
    await small.load(staffed(contacts=renamed, organization=moved))
    told = ("from", "to", "timezone", "schedules", "gaps", "overrides", "versions")
    after = await rota(small, DAY)
    for found in (before, after):
        for one in found["schedules"]:
            del one["now"]
    assert [after[key] for key in told] == [before[key] for key in told]
    later = await rota(small, "?from=2026-01-01T00:00:00Z&to=2026-01-03T00:00:00Z")
    assert (later["timezone"], len(later["overrides"])) == ("Europe/Berlin", 2)
    assert later["overrides"][0]["cancelled"] is not None


async def test_a_rota_asks_for_no_system_to_be_folded_anew(
    small: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Evaluator, "refold", None)
    assert turns(await rota(small, DAY), "engineers") == [
        ("2026-01-01T00", "2026-01-02T00", "anna"),
    ]


async def test_time_before_the_first_version_has_nobody_and_no_gap(small: Desk) -> None:
    found = await rota(small, "?from=2025-12-01T00:00:00Z&to=2025-12-31T00:00:00Z")
    assert (found["schedules"], found["gaps"], found["versions"]) == ([], [], [])


@pytest.mark.parametrize(
    "query",
    ["?from=2026-01-02T00:00:00Z&to=2026-01-02T00:00:00Z", "?to=2027-03-01T00:00:00Z"],
)
async def test_a_range_ends_after_it_starts_and_within_400_days(small: Desk, query: str) -> None:
    assert await small.problem(f"rota{query}", AUDITOR) == (400, "api.query")


async def test_the_evaluator_knows_who_is_on_duty_as_soon_as_it_has_read_the_override(
    small: Desk,
) -> None:
    await small.post("rota/overrides", wanted())
    await small.service.parts.evaluator.refold()
    history = small.service.parts.evaluator.history
    assert roster.on_duty(history, "engineers", START + 3 * HOUR) == "ben"
    assert roster.on_duty(history, "engineers", START + 7 * HOUR) == "anna"
    assert roster.on_duty(history, "surgeons", START + 7 * HOUR) is None
    assert roster.on_duty(history, "engineers", START - 1) is None
    # what was recorded later is not known earlier
    assert history.known(START + 500).overrides == ()
