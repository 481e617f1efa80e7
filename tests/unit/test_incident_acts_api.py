"""What people do to incidents, over HTTP: recorded once, shown everywhere, undone by nothing."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from collector import journal
from collector.store import typed
from collector.store.incidents import read_incidents
from collector.store.store import Store
from tests.support.incidents import (
    ADMIN,
    DOWN,
    KEY,
    NURSE,
    SERVICE,
    acted,
    outage,
    recovery,
    refused,
)
from tests.support.known import VIEWER
from tests.support.planning import Desk, a_desk, hospital
from tests.support.rounds import ORG, START, result

HOLDS = {"category": 2, "reason": "workaround_works"}
HARM = {"category": 4, "reason": "patient_harmed", "aware_on": "2025-12-31"}
HALF_AN_HOUR, TWO_HOURS = 1_800_000, 7_200_000


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    async with a_desk(store) as opened:
        await outage(opened)
        yield opened


@pytest.fixture
async def small(sqlite_store: Store) -> AsyncIterator[Desk]:
    async with a_desk(sqlite_store) as opened:
        await outage(opened)
        yield opened


async def shown(desk: Desk) -> dict[str, Any]:
    return await desk.get(f"incidents/{KEY}")


async def people(desk: Desk) -> list[tuple[str, str, dict[str, Any]]]:
    """(kind, actor, data) of what people did."""
    rows = await desk.service.parts.store.read(journal.rows, ORG, prefix="incident.")
    return [(r.kind, r.actor, json.loads(r.data)) for r in rows if r.actor != "system"]


async def test_an_incident_goes_from_open_to_closed_with_everybodys_name(desk: Desk) -> None:
    found = await acted(desk, "acknowledge", by="ann")
    assert (found["status"], found["version"]) == ("acknowledged", 1)
    assert found["acknowledged"] == {
        "by": "ann",
        "at": "2026-01-01T00:00:32.000Z",
        "until": "2026-01-01T00:30:32.000Z",
        "by_service": False,
    }
    await acted(desk, "notes", {"text": "vendor is called"}, by="bob")
    await recovery(desk)
    assert (await shown(desk))["status"] == "recovered"
    found = await acted(desk, "resolve", {"text": "failed over"}, by="bob")
    assert (found["status"], found["resolved"]["by"]) == ("resolved", "bob")
    found = await acted(desk, "close", {"text": "a certificate had expired"}, by="ann")
    assert (found["status"], found["closed"]["by"], found["notes"]) == ("closed", "ann", 1)
    events = (await shown(desk))["events"]
    assert [(e["kind"], e["actor"], e["version"]) for e in events] == [
        ("incident.opened", "system", 1),
        ("incident.liaison_notice", "system", 1),
        ("incident.acknowledged", "ann", 1),
        ("incident.noted", "bob", 1),
        ("incident.recovered", "system", 2),
        ("incident.resolved", "bob", 2),
        ("incident.closed", "ann", 2),
    ]
    notes = (await desk.get(f"incidents/{KEY}/notes", NURSE))["notes"]
    assert [(n["kind"], n["by"], n["text"]) for n in notes] == [
        ("incident.noted", "bob", "vendor is called"),
        ("incident.resolved", "bob", "failed over"),
        ("incident.closed", "ann", "a certificate had expired"),
    ]


async def test_the_journal_holds_what_proves_a_text_and_not_the_text(desk: Desk) -> None:
    await acted(desk, "notes", {"text": "two\nlines"})
    ((kind, actor, data),) = await people(desk)
    (row,) = await desk.service.parts.store.read(journal.rows, ORG, kind="incident.noted")
    salts = await desk.service.parts.store.read(typed.salts, ORG, [row.id])
    assert len(salts[row.id]) == 32
    assert (kind, actor, data) == (
        "incident.noted",
        "ann",
        {
            "key": KEY,
            "version": 1,
            "by": "ann",
            "typed": {
                "sha256": hashlib.sha256(salts[row.id] + b"two\nlines").hexdigest(),
                "length": 9,
            },
        },
    )


async def test_of_two_who_acknowledge_at_once_one_is_told_of_the_other(desk: Desk) -> None:
    path = f"incidents/{KEY}/acknowledge"
    answers = await asyncio.gather(*(desk.post(path, {}, by=name) for name in ("ann", "bob")))
    assert sorted(status for status, _ in answers) == [200, 409]
    (problem,) = [body for status, body in answers if status == 409]
    assert (problem["code"], problem["state"]) == ("incident.acknowledged", "acknowledged")
    assert [kind for kind, *_ in await people(desk)] == ["incident.acknowledged"]


async def test_of_two_replicas_asked_at_once_one_records_and_both_show_it(store: Store) -> None:
    async with a_desk(store) as one, a_desk(store) as two:
        await outage(one)
        await two.clock.advance(31_000)
        path = f"incidents/{KEY}/acknowledge"
        answers = await asyncio.gather(
            *(d.post(path, {}, by=name) for d, name in ((one, "ann"), (two, "bob")))
        )
        assert sorted((status, body.get("code")) for status, body in answers) == [
            (200, None),
            (409, "incident.acknowledged"),
        ]
        assert await shown(one) == await shown(two)
        assert (await shown(two))["status"] == "acknowledged"
        again = {"Idempotency-Key": "note-0001"}
        said = f"incidents/{KEY}/notes", {"text": "called"}, again
        first, second = await asyncio.gather(*(d.post(*said) for d in (one, two)))
        assert first == second
        assert (await shown(one))["notes"] == 1
        await recovery(one)
        await two.clock.advance(90_000)
        await two.service.parts.evaluator.step()
        assert (await acted(two, "resolve"))["status"] == "resolved"
        assert (await shown(one))["status"] == "resolved"


async def test_of_two_who_merge_each_into_the_other_at_once_one_does(store: Store) -> None:
    two = {name: {"name": name.upper(), "impact": {"class": "clinical"}} for name in ("ehr", "lab")}
    check = {
        "kind": "http",
        "every": "10s",
        "timeout": "5s",
        "from": ["north-1"],
        "spec": {"url": "https://ehr.example.org/"},
    }
    checks = {"ehr-read": {**check, "system": "ehr"}, "lab-read": {**check, "system": "lab"}}
    async with a_desk(store, hospital(systems=two, checks=checks)) as desk:
        await desk.clock.advance(30_000)
        await desk.send([result(t, DOWN, check=c) for t in (11_000, 21_000) for c in checks], seq=1)
        await desk.service.parts.evaluator.step()
        keys = [one["key"] for one in (await desk.get("incidents"))["incidents"]]
        assert len(keys) == 2
        answers = await asyncio.gather(
            *(
                desk.post(f"incidents/{key}/merge", {"into": into})
                for key, into in (keys, reversed(keys))
            )
        )
        assert sorted((status, body.get("code")) for status, body in answers) == [
            (200, None),
            (409, "incident.target_not_open"),
        ]
        (merged,) = (await desk.get("incidents?status=merged"))["incidents"]
        assert {merged["key"], merged["merged_into"]} == set(keys)
        assert await refused(desk, "merge", {"into": merged["key"]}, key=merged["key"]) == (
            409,
            "incident.state",
            "merged",
        )
        (left,) = (await desk.get("incidents?status=open"))["incidents"]
        assert await refused(desk, "merge", {"into": left["key"]}, key=left["key"]) == (
            409,
            "incident.itself",
            "open",
        )
        assert await refused(desk, "merge", {"into": "none"}, key=left["key"]) == (
            409,
            "incident.unknown_target",
            "open",
        )


async def test_an_act_sent_twice_under_one_key_is_done_once(desk: Desk) -> None:
    again = {"Idempotency-Key": "note-0001"}
    path, body = f"incidents/{KEY}/notes", {"text": "called"}
    first = await desk.post(path, body, again)
    assert await desk.post(path, body, again) == first
    assert first[0] == 200
    status, answer = await desk.post(path, {"text": "called twice"}, again)
    assert (status, answer["code"]) == (409, "idempotency.reused")
    assert (await shown(desk))["notes"] == 1


async def test_the_evaluation_goes_on_as_if_nobody_had_acted(desk: Desk) -> None:
    store = desk.service.parts.store
    before = await store.read(read_incidents, ORG)
    for path, body in (("acknowledge", {}), ("category", HOLDS), ("notes", {"text": "x"})):
        await acted(desk, path, body)
    assert await store.read(read_incidents, ORG) == before
    await recovery(desk)
    (row,) = await store.read(read_incidents, ORG)
    assert (row.version, row.status, row.incident.category) == (2, "recovered", 3)
    assert await refused(desk, "acknowledge") == (409, "incident.state", "recovered")


async def test_an_acknowledgement_runs_out_after_ack_timeout(small: Desk) -> None:
    await acted(small, "acknowledge")
    await small.clock.advance(HALF_AN_HOUR - 1_000)
    assert (await shown(small))["status"] == "acknowledged"
    await small.clock.advance(1)
    found = await shown(small)
    assert (found["status"], found["acknowledged"]) == ("open", None)
    assert (await acted(small, "acknowledge", by="bob"))["acknowledged"]["by"] == "bob"


async def test_ack_timeout_is_the_one_in_force_at_the_incidents_start(sqlite_store: Store) -> None:
    used = hospital(policy={"recover_for": "60s", "ack_timeout": "5m"})
    async with a_desk(sqlite_store, used) as desk:
        await outage(desk)
        await desk.load(hospital())
        found = await acted(desk, "acknowledge")
        assert found["acknowledged"]["until"] == "2026-01-01T00:05:33.000Z"


async def test_a_services_acknowledgement_is_shown_as_one_and_changes_no_state(
    small: Desk,
) -> None:
    found = await acted(small, "acknowledge", by=SERVICE)
    assert found["status"] == "open"
    assert found["acknowledged"] == {
        "by": "svc-1",
        "at": "2026-01-01T00:00:32.000Z",
        "until": None,
        "by_service": True,
    }
    for path, body in (
        ("notes", {"text": "x"}),
        ("category", HOLDS),
        ("resolve", {}),
        ("close", {}),
        ("false-positive", {}),
        ("merge", {"into": KEY}),
    ):
        assert await refused(small, path, body, by=SERVICE) == (403, "act.people_only", "open")


async def test_a_category_set_by_a_person_holds_for_two_hours(small: Desk) -> None:
    found = await acted(small, "category", HOLDS)
    assert (found["category"], found["priority"], found["rules_category"]) == (2, "P2", 3)
    assert found["category_set"] == {
        "by": "ann",
        "at": "2026-01-01T00:00:32.000Z",
        "category": 2,
        "reason": "workaround_works",
        "review_by": "2026-01-01T02:00:32.000Z",
        "aware_on": None,
    }
    await small.clock.advance(TWO_HOURS - 1_000)
    assert (await shown(small))["category"] == 2
    await small.clock.advance(1)
    found = await shown(small)
    assert (found["category"], found["priority"], found["category_set"]["category"]) == (3, "P1", 2)


async def test_a_category_never_holds_past_the_workarounds_valid_for(sqlite_store: Store) -> None:
    workaround = {"name": "Paper charts", "valid_for": "1h"}
    impact = {"class": "clinical", "workaround": workaround}
    used = hospital(systems={"ehr": {"name": "EHR", "impact": impact}})
    async with a_desk(sqlite_store, used) as desk:
        await outage(desk)
        found = await acted(desk, "category", {"category": 1, "reason": "narrower_impact"})
        assert found["category_set"]["review_by"] == "2026-01-01T01:00:11.000Z"
        assert (found["category"], found["rules_category"]) == (1, 2)


async def test_category_4_is_the_clinical_roles_and_waits_for_it(desk: Desk) -> None:
    assert await refused(desk, "category", HARM, by="ann") == (403, "act.patient_safety", "open")
    found = await acted(desk, "category", HARM, by=NURSE)
    assert (found["category"], found["priority"], found["rules_category"]) == (4, "P1", 3)
    assert (found["category_set"]["reason"], found["category_set"]["aware_on"]) == (
        "patient_harmed",
        "2025-12-31",
    )
    for path, body in (("category", HOLDS), ("false-positive", {})):
        assert await refused(desk, path, body) == (403, "act.patient_safety", "open")
    await recovery(desk)
    assert await refused(desk, "resolve") == (403, "act.patient_safety", "recovered")
    assert (await acted(desk, "resolve", by=NURSE))["status"] == "resolved"


async def test_harm_that_shows_after_the_closure_is_resolved_anew(small: Desk) -> None:
    await recovery(small)
    await acted(small, "resolve")
    await acted(small, "close")
    found = await acted(small, "category", HARM, by=NURSE)
    assert (found["status"], found["category"], found["closed"]) == ("recovered", 4, None)
    assert await refused(small, "close") == (409, "incident.state", "recovered")


async def test_a_false_positive_stays_one_when_it_recovers_and_changes_no_number(
    small: Desk,
) -> None:
    period = "availability?from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:30Z"
    before = (await small.get(period))["systems"]["ehr"]
    found = await acted(small, "false-positive", {"text": "a drill"})
    assert (found["status"], found["false_positive"]["by"]) == ("false_positive", "ann")
    await small.clock.advance(5_000)  # an answer is shared for a moment
    assert (await small.get(period))["systems"]["ehr"] == before
    await recovery(small)
    assert (await shown(small))["status"] == "false_positive"


async def test_what_reopens_is_open_whatever_people_said(small: Desk) -> None:
    await acted(small, "acknowledge")
    await recovery(small)
    await acted(small, "resolve")
    elapsed = small.clock.now_ms() - START
    again = (elapsed // 10_000 + 1) * 10_000 + 1_000
    await small.clock.advance(60_000)
    await small.send([result(again, DOWN), result(again + 10_000, DOWN)], seq=3)
    await small.service.parts.evaluator.step()
    found = await shown(small)
    assert (found["status"], found["reopened"], found["resolved"], found["acknowledged"]) == (
        "open",
        1,
        None,
        None,
    )


async def test_incidents_are_listed_by_status_in_parts(small: Desk) -> None:
    await acted(small, "acknowledge")
    (one,) = (await small.get("incidents?status=acknowledged&limit=1"))["incidents"]
    assert one["key"] == KEY
    assert (await small.get("incidents?status=open"))["incidents"] == []
    page = await small.client.get("/", headers=VIEWER)
    assert "UTC, acknowledged</li>" in await page.text()
    systems = (await small.get("systems"))["systems"]
    assert systems[0]["open_incidents"] == [one]
    assert await small.problem("incidents?status=asleep") == (400, "api.query")


@pytest.mark.parametrize(
    ("path", "body", "paths"),
    [
        ("notes", {}, ["text"]),
        ("notes", {"text": ""}, ["text"]),
        ("notes", {"text": " \n "}, ["text"]),
        ("notes", {"text": "x" * 2_001}, ["text"]),
        ("notes", {"text": "a\tb"}, ["text"]),
        ("notes", {"text": "\x00"}, ["text"]),
        ("notes", {"text": "\ud800"}, ["text"]),
        ("resolve", {"text": 5}, ["text"]),
        ("acknowledge", {"by": "bob"}, ["by"]),
        ("category", {}, ["category", "reason"]),
        ("category", {"category": 5, "reason": "because"}, ["category", "reason"]),
        ("category", {"category": True, "reason": "wider_impact"}, ["category"]),
        ("category", {"category": 4, "reason": "wider_impact"}, ["reason", "aware_on"]),
        ("category", {"category": 3, "reason": "patient_harmed"}, ["reason"]),
        ("category", {**HOLDS, "aware_on": "2025-12-31"}, ["aware_on"]),
        # in Chicago it is still the year before
        ("category", {**HARM, "aware_on": "2026-01-01"}, ["aware_on"]),
        ("category", {**HARM, "aware_on": "yesterday"}, ["aware_on"]),
        ("merge", {}, ["into"]),
    ],
)
async def test_a_body_that_is_wrong_names_each_field_and_does_nothing(
    small: Desk, path: str, body: dict[str, Any], paths: list[str]
) -> None:
    status, answer = await small.post(f"incidents/{KEY}/{path}", body, NURSE)
    assert (status, answer["code"]) == (400, "api.body"), answer
    assert [p["path"] for p in answer["problems"]] == paths
    assert await people(small) == []


@pytest.mark.parametrize("path", ["acknowledge", "resolve", "close", "false-positive"])
async def test_an_act_on_an_unknown_incident_is_404(small: Desk, path: str) -> None:
    assert await refused(small, path, key="none.blind.1") == (404, "api.unknown_incident", None)
    assert await small.problem("incidents/none.blind.1/notes", NURSE) == (
        404,
        "api.unknown_incident",
    )


async def test_the_longest_note_is_kept_whole_and_notes_come_in_parts(small: Desk) -> None:
    await acted(small, "notes", {"text": "\N{AMBULANCE}" * 2_000})
    await acted(small, "notes", {"text": "second"})
    first = await small.get(f"incidents/{KEY}/notes?limit=1", ADMIN)
    assert [len(n["text"]) for n in first["notes"]] == [2_000]
    rest = await small.get(f"incidents/{KEY}/notes?cursor={first['next']}", ADMIN)
    assert ([n["text"] for n in rest["notes"]], rest["next"]) == (["second"], None)


async def test_who_listens_hears_of_what_people_do(small: Desk) -> None:
    async with small.client.get("/api/v1/events", headers=VIEWER) as response:
        await response.content.readuntil(b"\n\n")
        await acted(small, "acknowledge")
        text = ""
        while "event: incident" not in text:
            text = (await response.content.readuntil(b"\n\n")).decode()
        found = json.loads(text.partition("data: ")[2])
        assert (found["status"], found["acknowledged"]["by"]) == ("acknowledged", "ann")


async def test_who_writes_a_note_does_not_read_it(small: Desk) -> None:
    await acted(small, "notes", {"text": "x"})
    for headers in (VIEWER, SERVICE):
        assert await small.problem(f"incidents/{KEY}/notes", headers) == (403, "access.denied")
