"""The incident report: prefilled from what is recorded, for whoever asks, and no word too much."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from alerts.outbox import DeliveryReason, MessageState, Settlement
from collector.reporttext import markdown
from collector.store.store import Store
from tests.support.incidents import KEY, NURSE, acted, outage, recovery
from tests.support.known import VIEWER
from tests.support.planning import Desk, a_desk, hospital

UTC = {"id": "st-elsewhere", "name": "St Elsewhere Health", "timezone": "UTC"}
Capture = pytest.CaptureFixture[str]
SYSTEMS = {
    "ehr": {
        "name": "EHR",
        "impact": {
            "class": "point_of_care",
            "service": "critical_clinical",
            "workaround": {"name": "Downtime binder", "valid_for": "4h"},
        },
        "runbook": "https://intranet.example.org/runbooks/ehr",
    }
}
BAA = {"covered": True, "until": "2026-06-30", "ref": "contract 7", "verified_by": "admin-1"}
CHANNELS: dict[str, dict[str, Any]] = {
    "desk": {"kind": "webhook", "url": "http://127.0.0.1:9/", "secret": "env:X", "baa": BAA}
}
WHOLE = """\
# Incident report: EHR, availability

- Organization: St Elsewhere Health
- Incident: ehr.availability.1767225611000
- System: EHR (ehr)
- Sites: North Campus (north)
- Trouble: down
- Category: 3 of 4. Care is affected and there is no usable workaround.
- Priority: P1, most urgent
- Status: resolved
- Started: 2025-12-31 18:00:11 CST (2026-01-01 00:00:11 UTC)
- Detected: 2025-12-31 18:00:21 CST (2026-01-01 00:00:21 UTC)
- Acknowledged: 2025-12-31 18:00:32 CST (2026-01-01 00:00:32 UTC)
- Recovered: 2025-12-31 18:00:31 CST (2026-01-01 00:00:31 UTC)
- Resolved: 2025-12-31 18:01:57 CST (2026-01-01 00:01:57 UTC)
- Workaround: Downtime binder, usable until 2025-12-31 22:00:11 CST (2026-01-01 04:00:11 UTC) at most
- Runbook: https://intranet.example.org/runbooks/ehr
- Made: 2025-12-31 18:01:58 CST (2026-01-01 00:01:58 UTC)

## Durations

- Start to detection: 10s40ms
- Detection to acknowledgement: 10s960ms
- Start to recovery: 20s
- Start to resolution: 1m46s

## Category

- 2025-12-31 18:00:21 CST (2026-01-01 00:00:21 UTC): 2, by the rules
- 2025-12-31 18:00:33 CST (2026-01-01 00:00:33 UTC): 3, by ann: workaround failed, until 2025-12-31 20:00:33 CST (2026-01-01 02:00:33 UTC)

## Timeline

- 2025-12-31 18:00:21 CST (2026-01-01 00:00:21 UTC): opened, by the rules (category 2; P2; down)
- 2025-12-31 18:00:32 CST (2026-01-01 00:00:32 UTC): acknowledged, by ann (until 2025-12-31 18:30:32 CST (2026-01-01 00:30:32 UTC))
- 2025-12-31 18:00:33 CST (2026-01-01 00:00:33 UTC): category set, by ann (category 3; workaround failed; until 2025-12-31 20:00:33 CST (2026-01-01 02:00:33 UTC))
- 2025-12-31 18:00:33 CST (2026-01-01 00:00:33 UTC): liaison notice, by the rules (recorded 2025-12-31 18:01:56 CST (2026-01-01 00:01:56 UTC))
- 2025-12-31 18:00:34 CST (2026-01-01 00:00:34 UTC): noted, by bob
- 2025-12-31 18:01:31 CST (2026-01-01 00:01:31 UTC): recovered, by the rules (category 2; P2; down)
- 2025-12-31 18:01:31 CST (2026-01-01 00:01:31 UTC): resolved, by the rules (category 2; P2; down)
- 2025-12-31 18:01:57 CST (2026-01-01 00:01:57 UTC): resolved, by bob

## Outages

- 2025-12-31 18:00:11 CST (2026-01-01 00:00:11 UTC) to 2025-12-31 18:00:31 CST (2026-01-01 00:00:31 UTC); at least 10s, at most 30s

## Messages

- 2025-12-31 18:00:31 CST (2026-01-01 00:00:31 UTC): desk 1 (opened), pending, 0 attempts
- 2025-12-31 18:01:56 CST (2026-01-01 00:01:56 UTC): desk 2 (acknowledged), pending, 0 attempts
- 2025-12-31 18:01:56 CST (2026-01-01 00:01:56 UTC): desk 3 (category set), pending, 0 attempts
- 2025-12-31 18:01:56 CST (2026-01-01 00:01:56 UTC): desk 4 (recovered), pending, 0 attempts

## Receivers

- desk (webhook): agreement in force, until 2026-06-30, contract 7, verified by admin-1

## Written by people

- 2025-12-31 18:00:34 CST (2026-01-01 00:00:34 UTC): noted, by bob
  > vendor is called
  > ticket 4
- 2025-12-31 18:01:57 CST (2026-01-01 00:01:57 UTC): resolved, by bob
  > failed over

## Cause

(to be written)

## Remediation

(to be written)
"""


@pytest.fixture
async def desk(sqlite_store: Store) -> AsyncIterator[Desk]:
    async with a_desk(sqlite_store, hospital(systems=SYSTEMS, channels=CHANNELS)) as opened:
        await outage(opened)
        yield opened


async def test_a_report_is_prefilled_with_all_that_is_recorded(desk: Desk, capsys: Capture) -> None:
    await acted(desk, "acknowledge", by="ann")
    await acted(desk, "category", {"category": 3, "reason": "workaround_failed"}, by="ann")
    await acted(desk, "notes", {"text": "vendor is called\nticket 4"}, by="bob")
    await recovery(desk)
    await acted(desk, "resolve", {"text": "failed over"}, by="bob")
    assert await desk.command("incident", "report", KEY, by="clinical-1") == 0
    assert capsys.readouterr().out == WHOLE
    assert await desk.command("incident", "report", KEY, by="ann") == 0
    told = capsys.readouterr().out
    assert "\n\n2 kept apart: the roles clinical and admin read them.\n\n" in told
    assert not any(text in told for text in ("vendor", "ticket 4", "failed over"))


async def test_the_answer_holds_nothing_that_was_typed_whoever_asks(desk: Desk) -> None:
    await acted(desk, "notes", {"text": "vendor is called"}, by="ann")
    for headers, may in ((VIEWER, False), (NURSE, True)):
        answer = await desk.get(f"incidents/{KEY}/report", headers)
        assert answer["may_read_typed"] is may
        assert "vendor" not in str(answer)
        assert [step["typed"] for step in answer["steps"]] == [None, 16]
        assert (answer["resolved_at"], answer["incident"]["recovered_at"]) == (None, None)
        assert answer["durations"] == {
            "detection_ms": 10_040,
            "acknowledgement_ms": None,
            "recovery_ms": None,
            "resolution_ms": None,
        }
    assert await desk.problem("incidents/none.blind.1/report") == (404, "api.unknown_incident")


async def test_as_json_the_notes_stand_beside_it(desk: Desk, capsys: Capture) -> None:
    await acted(desk, "notes", {"text": "vendor is called"}, by="ann")
    for by, texts in (("clinical-1", ["vendor is called"]), ("ann", None)):
        assert await desk.command("incident", "report", KEY, "--json", by=by) == 0
        notes = json.loads(capsys.readouterr().out)["notes"]
        assert (notes and [note["text"] for note in notes]) == texts


async def test_a_message_says_when_it_was_taken_or_why_it_was_not(desk: Desk) -> None:
    now, box = desk.clock.now_ms(), desk.service.parts.outbox
    (claimed,) = await box.claim("desk", now, now + 1, 1)
    await box.settle(claimed, Settlement(MessageState.SENT, DeliveryReason.ACCEPTED, 200, now + 7))
    await recovery(desk)
    now = desk.clock.now_ms()
    (claimed,) = await box.claim("desk", now, now + 1, 1)
    await box.settle(claimed, Settlement(MessageState.DEAD, DeliveryReason.GONE, 410, now))
    answer = await desk.get(f"incidents/{KEY}/report")
    lines = markdown({**answer, "organization": UTC}, None).split("## Messages")[1].splitlines()
    assert lines[2:5] == [
        "- 2026-01-01 00:00:31 UTC: desk 1 (opened), sent 2026-01-01 00:00:32 UTC",
        "- 2026-01-01 00:01:56 UTC: desk 2 (recovered), dead, gone",
        "- 2026-01-01 00:01:56 UTC: desk 3 (resolved), pending, 0 attempts",
    ]


@pytest.mark.parametrize(
    ("until", "in_force"), [("2025-12-30", False), ("2025-12-31", True), (None, True)]
)
async def test_an_agreement_that_ended_before_the_incident_did_is_not_in_force(
    sqlite_store: Store,
    until: str | None,
    in_force: bool,  # noqa: FBT001 - a case
) -> None:
    channels = {"desk": CHANNELS["desk"] | {"baa": BAA | {"until": until}}}
    async with a_desk(sqlite_store, hospital(systems=SYSTEMS, channels=channels)) as opened:
        await outage(opened)
        await recovery(opened)
        later = {"desk": {**CHANNELS["desk"], "baa": {"covered": False}}}
        await opened.load(hospital(systems=SYSTEMS, channels=later))
        answer = await opened.get(f"incidents/{KEY}/report")
    (receiver,) = answer["receivers"]
    assert (receiver["receiver"], receiver["kind"]) == ("desk", "webhook")
    assert receiver["agreement"]["in_force"] is in_force
    assert receiver["agreement"]["ref"] == "contract 7"


async def test_what_came_late_belongs_elsewhere_or_came_back_says_so(desk: Desk) -> None:
    answer = await desk.get(f"incidents/{KEY}/report")
    step = answer["steps"][0] | {"recorded_at": "2026-01-01T00:05:00.000Z", "causes": ["flooded"]}
    said: dict[str, Any] = {"reopened": 2, "attached_to": "net.availability.1", "sites": []}
    text = markdown(
        {
            **answer,
            "organization": UTC,
            "incident": answer["incident"] | said | {"status": "false_positive"},
            "sites": [],
            "steps": [step],
            "outages": [answer["outages"][0] | {"end": None, "min_ms": None, "max_ms": None}],
            "messages": [],
            "receivers": [],
            "system": answer["system"]
            | {"workaround": None, "workaround_until": None, "runbook": None},
        },
        None,
    )
    for line in (
        "- Sites: no single one: the whole system",
        "- Status: false positive",
        "- Reopened: 2 times",
        "- Belongs to: net.availability.1",
        "- Workaround: none documented",
        "- Runbook: none",
        "- Recovered: not",
        (
            "- 2026-01-01 00:00:21 UTC: opened, by the rules "
            "(category 2; P2; sending far more than usual; recorded 2026-01-01 00:05:00 UTC)"
        ),
        "- 2026-01-01 00:00:11 UTC to lasting; at least unknown, at most unknown",
        "None was written.",
        "Nobody was written to.",
        "Nothing.",
    ):
        assert line in text.splitlines()
