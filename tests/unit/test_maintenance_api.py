"""Windows by API: proposals, approvals, cancellations, finishes, on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from collector.access.policy import Role
from collector.store.store import Store
from probes.contract import Outcome
from tests.support.batches import seal
from tests.support.known import VIEWER, bearer
from tests.support.planning import HOUR, Desk, a_desk, hospital, person, plan
from tests.support.rounds import KEYS, ORG, START, result

UP, DOWN = Outcome.UP, Outcome.DOWN


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    async with a_desk(store) as opened:
        yield opened


@pytest.fixture
async def small(sqlite_store: Store) -> AsyncIterator[Desk]:
    async with a_desk(sqlite_store) as opened:
        yield opened


def filed(**changes: Any) -> dict[str, Any]:
    return plan(proposed={"by": "change-1", "at": "2025-12-30T00:00:00Z"}, **changes)


async def test_a_window_is_proposed_approved_and_excludes(desk: Desk) -> None:
    window = await desk.propose(plan())
    assert (window["status"], window["source"], window["file"]) == ("proposed", "api", None)
    assert window["proposed"] == {"by": "change-1", "at": "2026-01-01T00:00:01.000Z"}
    (before,) = await desk.occurrences()
    assert (before["start"], before["end"], before["real_minutes"]) == (
        "2026-01-02T08:00:00.000Z",
        "2026-01-02T10:00:00.000Z",
        120,
    )
    assert before["systems"]["ehr"] == {
        "excludes": False,
        "why": "unapproved",
        "parts": [],
        "expect_down_ms": None,
    }
    approved = await desk.approve(window)
    assert approved["status"] == "approved"
    assert approved["approved"] == {
        "by": "approver-1",
        "counts_from": "2026-01-01T00:00:02.000Z",
        "ref": "CHG0031",
    }
    (after,) = await desk.occurrences()
    assert after["systems"]["ehr"]["why"] is None
    assert after["systems"]["ehr"]["parts"] == [
        ["2026-01-02T08:00:00.000Z", "2026-01-02T10:00:00.000Z"]
    ]
    assert await desk.facts() == [
        (
            "window.proposed",
            "change-1",
            1_000,
            {
                "id": "upgrade",
                "by": "change-1",
                "ref": None,
                "digest": window["digest"],
                "window": {
                    "id": "upgrade",
                    "systems": ["ehr"],
                    "start": "2026-01-02T02:00:00",
                    "end": "2026-01-02T04:00:00",
                    "timezone": "America/Chicago",
                    "rrule": None,
                    "exdate": [],
                    "expect_down": None,
                },
            },
        ),
        (
            "window.approved",
            "approver-1",
            2_000,
            {
                "id": "upgrade",
                "by": "approver-1",
                "ref": "CHG0031",
                "digest": window["digest"],
            },
        ),
    ]


async def test_an_act_is_evaluated_at_once(small: Desk) -> None:
    evaluator: Any = small.service.parts.evaluator
    await evaluator.step()
    evaluator._wake.clear()
    await small.approve(await small.propose(plan(start="2025-12-31T18:00:05")))
    assert evaluator._wake.is_set()
    await evaluator.step()
    (window,) = evaluator.folded["ehr"].view.windows
    assert window.start == START + 5_000


async def test_approved_time_leaves_the_denominator(desk: Desk) -> None:
    await desk.approve(await desk.propose(plan()))
    await desk.clock.advance(36 * HOUR)
    body = await desk.get("availability?from=2026-01-02T00:00:00Z&to=2026-01-02T12:00:00Z")
    ehr = body["systems"]["ehr"]
    assert (ehr["eligible_ms"], ehr["excluded_ms"]) == (10 * HOUR, 2 * HOUR)
    assert ehr["raw"]["eligible_ms"] == 12 * HOUR


async def test_what_was_recorded_is_read_again_by_another_process(desk: Desk) -> None:
    await desk.approve(await desk.propose(plan()))
    async with a_desk(desk.service.parts.store) as other:
        await other.clock.advance(10_000)
        (window,) = (await other.get("maintenance"))["windows"]
        assert (window["id"], window["status"]) == ("upgrade", "approved")


async def test_an_approval_of_other_content_is_refused(desk: Desk) -> None:
    window = await desk.propose(plan())
    other = {"digest": "0" * 64}
    status, body = await desk.post("maintenance/upgrade/approve", other, by="approver-1")
    assert (status, body["code"], body["digest"]) == (409, "window.changed", window["digest"])
    assert [kind for kind, *_ in await desk.facts()] == ["window.proposed"]


async def test_two_people_are_needed(small: Desk) -> None:
    window = await small.propose(plan(), by="approver-2")
    path, digest = "maintenance/upgrade/approve", window["digest"]
    refused = [
        await small.refused(path, {"digest": digest}, by=by) for by in ("approver-2", "somebody")
    ]
    assert refused == [(403, "act.own_proposal"), (403, "access.denied")]
    assert (await small.approve(window))["status"] == "approved"
    again = {"digest": digest}
    assert await small.refused(path, again, by="approver-1") == (409, "window.approved")


async def test_without_the_approver_role_nobody_approves_an_admin_neither(small: Desk) -> None:
    window = await small.propose(plan())
    path, said = "maintenance/upgrade/approve", {"digest": window["digest"]}
    every = bearer("root", *Role)
    for headers in (person("operator-1"), bearer("root", Role.ADMIN), every):
        assert await small.refused(path, said, **headers) == (403, "access.denied")
    assert [kind for kind, *_ in await small.facts()] == ["window.proposed"]


async def test_changed_content_needs_a_new_approval_that_counts_from_its_own_time(
    small: Desk,
) -> None:
    first = await small.approve(await small.propose(plan()))
    longer = plan(end="2026-01-02T05:00")
    body = {"windows": [longer]}
    assert await small.refused("maintenance", body) == (409, "window.exists")
    same = {"windows": [plan()], "replace": True}
    assert await small.refused("maintenance", same) == (409, "window.unchanged")
    status, changed = await small.post("maintenance", body | {"replace": True})
    (second,) = changed["windows"]
    assert (status, second["status"]) == (200, "proposed")
    assert second["digest"] != first["digest"]
    path, old = "maintenance/upgrade/approve", {"digest": first["digest"]}
    assert await small.refused(path, old, by="approver-1") == (409, "window.changed")
    (one,) = await small.occurrences()
    assert one["systems"]["ehr"]["why"] == "unapproved"
    await small.approve(second, by="approver-2")
    (one,) = await small.occurrences()
    assert one["systems"]["ehr"]["parts"] == [
        ["2026-01-02T08:00:00.000Z", "2026-01-02T11:00:00.000Z"]
    ]


async def test_the_content_before_comes_back_only_with_an_approval_of_its_own(small: Desk) -> None:
    await small.approve(await small.propose(plan()))
    for window in (plan(end="2026-01-02T05:00"), plan()):
        body = {"windows": [window], "replace": True}
        status, _ = await small.post("maintenance", body)
        assert status == 200
    (one,) = await small.occurrences()
    assert one["systems"]["ehr"]["why"] == "unapproved"


async def test_an_approval_at_the_start_is_late_and_before_it_in_time(small: Desk) -> None:
    for name, start in (("late", "2026-01-01T00:00:03Z"), ("early", "2026-01-01T00:00:06Z")):
        local = f"2025-12-31T18:00:{start[17:19]}"
        window = await small.propose(plan(id=name, start=local, end="2025-12-31T20:00"))
        await small.clock.advance(0 if name == "early" else 1_000)
        await small.approve(window)
    found = await small.get("maintenance?from=2026-01-01T00:00:00Z&to=2026-01-01T01:00:00Z")
    whys = {o["id"]: o["systems"]["ehr"]["why"] for o in found["occurrences"]}
    assert whys == {"late": "approved_late", "early": None}
    assert [(f[0], f[3]["id"], f[2]) for f in await small.facts()] == [
        ("window.proposed", "late", 1_000),
        ("window.approved", "late", 3_000),
        ("window.proposed", "early", 4_000),
        ("window.approved", "early", 5_000),
    ]


async def test_a_cancellation_counts_for_what_starts_from_then_on(small: Desk) -> None:
    daily = plan(rrule="FREQ=DAILY;COUNT=3")
    await small.approve(await small.propose(daily))
    await small.clock.advance(33 * HOUR)  # an hour into the first
    status, body = await small.post("maintenance/upgrade/cancel", {})
    assert (status, body["status"]) == (200, "cancelled")
    found = await small.get("maintenance?from=2026-01-02T00:00:00Z&to=2026-01-06T00:00:00Z")
    assert [o["systems"]["ehr"]["why"] for o in found["occurrences"]] == [
        None,
        "cancelled",
        "cancelled",
    ]
    assert await small.refused("maintenance/upgrade/cancel", {}) == (409, "window.cancelled")
    path, approve = "maintenance/upgrade/approve", {"digest": body["digest"]}
    assert await small.refused(path, approve, by="approver-2") == (409, "window.cancelled")
    propose = {"windows": [plan()], "replace": True}
    assert await small.refused("maintenance", propose) == (409, "window.cancelled")


async def test_a_running_occurrence_is_finished_once(small: Desk) -> None:
    await small.approve(await small.propose(plan()))
    path, said = "maintenance/upgrade/finish", {"ref": "CHG0034"}
    assert await small.refused(path, said) == (409, "window.not_running")
    await small.clock.advance(START + 33 * HOUR - small.clock.now_ms())  # an hour into it
    status, _ = await small.post(path, said)
    assert status == 200
    assert await small.refused(path, said) == (409, "window.not_running")
    found = await small.get("maintenance?from=2026-01-02T00:00:00Z&to=2026-01-03T00:00:00Z")
    (one,) = found["occurrences"]
    assert one["end"] == "2026-01-02T09:00:00.000Z"
    assert one["systems"]["ehr"]["parts"] == [
        ["2026-01-02T08:00:00.000Z", "2026-01-02T09:00:00.000Z"]
    ]


async def test_the_file_owns_its_windows_and_the_answer_names_it(sqlite_store: Store) -> None:
    signed = filed(id="signed", approval={"by": "approver-1", "at": "2025-12-31T00:00:00Z"})
    ended = filed(id="ended", cancelled={"by": "change-1", "at": "2025-12-31T00:00:00Z"})
    async with a_desk(sqlite_store, hospital(maintenance=[filed(), signed, ended])) as desk:
        status, body = await desk.post("maintenance", {"windows": [plan()]})
        assert (status, body["code"], body["about"]) == (409, "window.in_file", "upgrade")
        assert (body["file"], body["place"]) == ("/etc/wardwatch.yaml", "maintenance[0]")
        digest = (await desk.get("maintenance/signed"))["digest"]
        status, body = await desk.post(
            "maintenance/signed/approve", {"digest": digest}, by="approver-2"
        )
        assert (status, body["code"], body["place"]) == (409, "window.in_file", "maintenance[1]")
        status, body = await desk.post("maintenance/ended/cancel", {})
        assert (status, body["code"], body["place"]) == (409, "window.in_file", "maintenance[2]")
        assert await desk.facts() == []


async def test_a_window_of_the_file_can_be_approved_and_cancelled_where_the_file_is_silent(
    desk: Desk,
) -> None:
    await desk.load(hospital(maintenance=[filed()]))
    window = await desk.get("maintenance/upgrade")
    assert (window["source"], window["file"], window["place"], window["status"]) == (
        "file",
        "/etc/wardwatch.yaml",
        "maintenance[0]",
        "proposed",
    )
    await desk.approve(window)
    (one,) = await desk.occurrences()
    assert one["systems"]["ehr"]["excludes"] is True
    status, _ = await desk.post("maintenance/upgrade/cancel", {})
    assert status == 200
    (one,) = await desk.occurrences()
    assert one["systems"]["ehr"]["why"] == "cancelled"


async def test_a_changed_window_of_the_file_is_no_longer_the_approved_one(small: Desk) -> None:
    await small.load(hospital(maintenance=[filed()]))
    await small.approve(await small.get("maintenance/upgrade"))
    await small.load(hospital(maintenance=[filed(expect_down="20m")]))
    assert (await small.get("maintenance/upgrade"))["status"] == "proposed"


async def test_a_file_that_takes_the_id_of_a_proposed_window_owns_it_from_then_on(
    small: Desk,
) -> None:
    await small.propose(plan())
    await small.load(hospital(maintenance=[filed(end="2026-01-02T03:00")]))
    assert (await small.get("maintenance/upgrade"))["source"] == "file"
    await small.load(hospital())
    assert (await small.get("maintenance"))["windows"] == []


async def test_one_window_shows_its_next_occurrences_in_every_zone(sqlite_store: Store) -> None:
    sites = {
        "north": {"name": "North Campus"},
        "south": {"name": "South Campus", "timezone": "America/Phoenix"},
    }
    async with a_desk(sqlite_store, hospital(sites=sites)) as desk:
        await desk.propose(
            plan(timezone="America/New_York", start="2026-03-01T02:00", end="2026-03-01T04:00",
                 rrule="FREQ=WEEKLY")
        )  # fmt: skip
        body = await desk.get("maintenance/upgrade?next=2")
    assert [(o["real_minutes"], o["notes"]) for o in body["next"]] == [
        (120, []),
        (60, ["shorter", "start_skipped"]),
    ]
    assert body["next"][1]["local"] == {
        "America/New_York": ["2026-03-08T03:00-04:00", "2026-03-08T04:00-04:00"],
        "America/Chicago": ["2026-03-08T01:00-06:00", "2026-03-08T03:00-05:00"],
        "America/Phoenix": ["2026-03-08T00:00-07:00", "2026-03-08T01:00-07:00"],
        "UTC": ["2026-03-08T07:00+00:00", "2026-03-08T08:00+00:00"],
    }
    assert body["tzdata"].startswith("20")


async def test_a_preview_records_nothing(small: Desk) -> None:
    status, body = await small.post("maintenance/preview?next=1", {"windows": [plan()]})
    assert status == 200
    assert [o["start"] for o in body["windows"][0]["next"]] == ["2026-01-02T08:00:00.000Z"]
    assert await small.facts() == []
    status, body = await small.post("maintenance/preview", {"windows": [plan(systems=[])]})
    assert (status, [p["path"] for p in body["problems"]]) == (400, ["windows[0].systems"])


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("from=2026-01-02T00:00&to=2026-01-02T00:00", "to"),
        ("from=2026-01-01T00:00&to=2027-03-01T00:00", "to"),
        ("from=x", "from"),
        ("colour=red", "query"),
    ],
)
async def test_a_range_that_is_none_is_refused(small: Desk, query: str, parameter: str) -> None:
    response = await small.client.get(f"/api/v1/maintenance?{query}", headers=VIEWER)
    body = await response.json(content_type=None)
    assert (response.status, body["code"]) == (400, "api.query")
    assert [p["path"] for p in body["problems"]] == [parameter]


async def test_an_approval_inside_an_open_outage_excludes_none_of_it(small: Desk) -> None:
    window = await small.propose(
        plan(start="2025-12-31T18:02", end="2025-12-31T19:00")
    )  # 00:02Z to 01:00Z
    results = [result(2_000, DOWN), result(12_000, DOWN), result(22_000, DOWN)]
    await small.clock.advance(30_000)
    parts = small.service.parts
    await parts.ingest.accept(seal(KEYS["north-1"], ORG, "north-1", "e1", 1, results))
    await small.approve(window)
    await small.clock.advance(HOUR)
    found = await small.get("maintenance?from=2026-01-01T00:00:00Z&to=2026-01-01T02:00:00Z")
    (one,) = found["occurrences"]
    assert one["systems"]["ehr"]["why"] == "during_outage"
    assert one["systems"]["ehr"]["excludes"] is False


async def test_of_two_replicas_asked_at_once_one_records_and_both_show_it(store: Store) -> None:
    async with a_desk(store) as one, a_desk(store) as two:
        body = {"windows": [plan()]}
        answers = await asyncio.gather(*(d.post("maintenance", body) for d in (one, two)))
        assert sorted((s, b.get("code")) for s, b in answers) == [
            (200, None),
            (409, "window.unchanged"),
        ]
        digest = next(b["windows"][0]["digest"] for s, b in answers if s == 200)
        said = {"digest": digest}
        answers = await asyncio.gather(
            *(d.post("maintenance/upgrade/approve", said, by="approver-1") for d in (one, two))
        )
        assert sorted((s, b.get("code")) for s, b in answers) == [
            (200, None),
            (409, "window.approved"),
        ]
        for desk in (one, two):
            (shown,) = await desk.occurrences()
            assert shown["systems"]["ehr"]["excludes"]
        assert len(await two.facts()) == 2
