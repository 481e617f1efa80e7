"""`GET /api/v1/audit`: every row of a range, in parts that stay small, recorded itself."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientError, web
from fhir.resources.R4B.auditevent import AuditEvent

from collector import journal
from collector.access.policy import Role
from collector.api import audit
from collector.audit import exports, trail
from collector.journal import CONFIG, Fact
from collector.store.store import Store
from tests.e2e.test_phi_canary import leaks
from tests.support.audited import AUDITOR, DAY, RANGE, kinds, read, story, to_day, typed
from tests.support.known import bearer
from tests.support.planning import Desk, a_desk
from tests.support.rounds import ORG, START

NEXT_DAY = "from=2026-01-02T00:00:00Z&to=2026-01-03T00:00:00Z"
KINDS = [
    "config.version",
    "incident.opened",
    "incident.liaison_notice",
    "incident.acknowledged",
    "incident.noted",
    "evidence.chain_broken",
    "incident.recovered",
    "window.proposed",
    "window.approved",
    "correction.requested",
    "correction.approved",
    "drill.recorded",
    "access.account.created",
    "access.login",
    "access.login.failed",
    "access.account.roles",
    "agent.approved",
    "config.version",
    "contact.changed",
]


@pytest.fixture
async def desk(sqlite_store: Store) -> AsyncIterator[Desk]:
    """Some rows of the first day; now it is the second."""
    async with a_desk(sqlite_store) as opened:
        facts = [Fact("incident.noted", START + n, b'{"n":%d}' % n) for n in range(16)]
        await sqlite_store.write(journal.append, ORG, facts, START + 31_000)
        await to_day(opened, 1)
        yield opened


def lines(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.decode().split("\n") if line]


async def test_every_row_is_told_once_in_order_and_nothing_that_was_typed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_desk(store) as desk:
        await story(desk)
        await to_day(desk, 1)
        whole = {f: await read(desk, f"?{RANGE}&format={f}") for f in ("jsonl", "syslog", "fhir")}
        found = lines(whole["jsonl"])
        assert kinds(found) == KINDS
        assert [line["id"] for line in found] == list(range(1, len(KINDS) + 1))
        stored = await store.read(journal.rows, ORG)
        assert [line["sha256"] for line in found] == [
            hashlib.sha256(row.data).hexdigest() for row in stored[: len(KINDS)]
        ]
        for line in lines(whole["fhir"]):
            AuditEvent.model_validate(line)
        assert whole["syslog"].count(b"\n<10") == len(KINDS) - 1
        assert leaks(whole) == []
        assert leaks({"typed": await typed(store)}) != []
        for rows in (1, 2, 3, len(KINDS)):
            monkeypatch.setattr(trail, "ROWS", rows)
            assert await read(desk, f"?{RANGE}") == whole["jsonl"], rows
        # opened at 21.040 s, recorded at 31 s: it is of when it was recorded
        early = "from=2026-01-01T00:00:00.001Z&to=2026-01-01T00:00:31Z"
        assert lines(await read(desk, f"?{early}")) == []
        late = "from=2026-01-01T00:00:31Z&to=2026-01-01T00:00:32Z"
        assert kinds(lines(await read(desk, f"?{late}"))) == KINDS[1:3]


async def test_a_row_that_is_recorded_late_by_an_earlier_clock_is_in_one_range_and_no_other(
    desk: Desk,
) -> None:
    store = desk.service.parts.store
    first = await read(desk, f"?{RANGE}")
    late = [Fact("incident.noted", START + DAY - 1, b"{}")]
    await store.write(journal.append, ORG, late, START + DAY - 1)
    await to_day(desk, 2)
    assert await read(desk, f"?{RANGE}") == first
    second = lines(await read(desk, f"?{NEXT_DAY}"))
    assert kinds(second) == ["audit.exported", "audit.export_ended", "incident.noted"]
    assert [line["id"] for line in (*lines(first), *second)] == list(range(1, 21))


async def test_an_export_is_of_time_that_is_over(desk: Desk) -> None:
    ahead = "from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00.001Z"
    assert await desk.problem(f"audit?{ahead}", AUDITOR) == (400, "api.query")
    assert await desk.service.parts.store.read(journal.last_id, ORG) == 17
    assert len(lines(await read(desk, f"?{RANGE}"))) == 17


async def test_an_export_is_a_row_before_and_after_with_what_was_sent(desk: Desk) -> None:
    sent = await read(desk, f"?{RANGE}&format=syslog")
    await to_day(desk, 2)
    begun, ended = lines(await read(desk, f"?{NEXT_DAY}"))
    assert (begun["kind"], begun["actor"], begun["id"]) == ("audit.exported", "auditor-1", 18)
    assert begun["data"] == {
        "by": "auditor-1",
        "credential": "auditor-1:auditor",
        "format": "syslog",
        "from": "2026-01-01T00:00:00.000Z",
        "last": 17,
        "to": "2026-01-02T00:00:00.000Z",
    }
    assert (ended["kind"], ended["actor"]) == ("audit.export_ended", "auditor-1")
    assert ended["data"] == {
        "by": "auditor-1",
        "bytes": len(sent),
        "complete": True,
        "export": 18,
        "rows": 17,
        "sha256": hashlib.sha256(sent).hexdigest(),
    }


async def test_what_is_asked_wrongly_or_by_others_leaves_no_row(desk: Desk) -> None:
    for query, status in (
        (f"{RANGE}&format=xml", 400),
        ("from=2026-01-01T00:00:00Z", 400),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", 400),
        (f"{RANGE}&more=1", 400),
    ):
        assert (await desk.problem(f"audit?{query}", AUDITOR))[0] == status, query
    for role in (Role.VIEWER, Role.OPERATOR, Role.APPROVER, Role.CLINICAL):
        denied = await desk.problem(f"audit?{RANGE}", bearer("somebody", role))
        assert denied == (403, "access.denied"), role
    assert await desk.service.parts.store.read(journal.last_id, ORG) == 17


async def test_a_large_journal_is_read_in_parts_of_bounded_size(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = desk.service.parts.store
    facts = [Fact("incident.noted", START + DAY, b'{"n":%d}' % n) for n in range(3_000)]
    await store.write(journal.append, ORG, facts, START + DAY)
    config = [Fact(CONFIG, START + DAY, b"{}")]
    await store.write(journal.append, ORG, config, START + DAY)
    largest = 0
    part = trail.part

    def watched(*args: Any) -> trail.Part:
        nonlocal largest
        found = part(*args)
        largest = max(largest, len(found.lines))
        return found

    monkeypatch.setattr(trail, "part", watched)
    await to_day(desk, 2)
    found = lines(await read(desk, f"?{NEXT_DAY}"))
    assert [line["id"] for line in found] == list(range(18, 3_019))
    assert largest == trail.ROWS == 1_000


async def test_who_takes_no_more_is_cut_off_and_that_is_recorded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stuck(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(web.StreamResponse, "write", stuck)
    monkeypatch.setattr(audit, "TAKEN_S", 0.05)
    response = await desk.client.get(f"/api/v1/audit?{RANGE}", headers=AUDITOR)
    with pytest.raises((ClientError, ConnectionError)):
        async with asyncio.timeout(20):
            await response.read()
    async with asyncio.timeout(20):
        while not (rows := await desk.service.parts.store.read(journal.rows, ORG, after=18)):
            await asyncio.sleep(0)
    assert json.loads(rows[0].data)["complete"] is False


async def test_who_may_not_any_more_gets_no_end_and_that_is_recorded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "ROWS", 5)
    real = exports.begin

    def begin(*args: Any) -> Any:
        found = real(*args)
        monkeypatch.setattr("tests.support.known._actor", lambda *_: None)
        return found

    monkeypatch.setattr(exports, "begin", begin)
    response = await desk.client.get(f"/api/v1/audit?{RANGE}", headers=AUDITOR)
    with pytest.raises((ClientError, ConnectionError)):
        await response.read()
    async with asyncio.timeout(20):
        while len(rows := await desk.service.parts.store.read(journal.rows, ORG, after=18)) < 1:
            await asyncio.sleep(0)
    assert rows[0].kind == "audit.export_ended"
    assert json.loads(rows[0].data) == {
        "by": "auditor-1",
        "bytes": 0,
        "complete": False,
        "export": 18,
        "rows": 0,
        "sha256": hashlib.sha256(b"").hexdigest(),
    }
