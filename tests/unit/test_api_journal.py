"""The journal by API: what an auditor reads of what happened."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from collector import journal
from collector.access.policy import Role
from collector.journal import Fact
from collector.store.store import Store
from probes.configfile import canonical
from tests.support.known import bearer
from tests.support.paging import in_parts
from tests.support.planning import Desk, a_desk
from tests.support.rounds import ORG, START, config

AUDITOR = bearer("auditor-1", Role.AUDITOR)
OPENED = b'{"key":"ehr.availability.1","version":1}'
LOGIN = '{"account":"zoë","id":"s1"}'.encode()
CONFIG = canonical(config())


def entry(number: int, kind: str, data: bytes, actor: str, at_ms: int) -> dict[str, Any]:
    return {
        "id": number,
        "kind": kind,
        "at": f"2026-01-01T00:00:{at_ms // 1000:02d}.000Z",
        "recorded_at": "2026-01-01T00:00:09.000Z",
        "actor": actor,
        "data": json.loads(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "length": len(data),
    }


FIRST = {
    "id": 1,
    "kind": "config.version",
    "at": "2026-01-01T00:00:00.000Z",
    "recorded_at": "2026-01-01T00:00:00.000Z",
    "actor": "system",
    "data": None,
    "sha256": hashlib.sha256(CONFIG).hexdigest(),
    "length": len(CONFIG),
}
SECOND = entry(2, "incident.opened", OPENED, "system", 3_000)
THIRD = entry(3, "account.login", LOGIN, "zoë", 4_000)
FOURTH = entry(4, "incident.recovered", OPENED, "system", 5_000)


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    async with a_desk(store) as opened:
        facts = [
            Fact("incident.opened", START + 3_000, OPENED),
            Fact("account.login", START + 4_000, LOGIN, "zoë"),
            Fact("incident.recovered", START + 5_000, OPENED),
        ]
        await store.write(journal.append, ORG, facts, START + 9_000)
        yield opened


async def test_rows_are_told_in_order_with_the_hash_of_their_bytes(desk: Desk) -> None:
    assert await desk.get("journal", AUDITOR) == {
        "entries": [FIRST, SECOND, THIRD, FOURTH],
        "next": None,
    }


@pytest.mark.parametrize("at_once", [1, 50])
async def test_parts_of_one_are_the_whole(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("collector.api.journal.AT_ONCE", at_once)
    assert await in_parts(desk, "journal", "entries", AUDITOR) == [FIRST, SECOND, THIRD, FOURTH]
    body = await desk.get("journal?limit=3", AUDITOR)
    assert body["entries"] == [FIRST, SECOND, THIRD]
    body = await desk.get(f"journal?limit=3&cursor={body['next']}", AUDITOR)
    assert (body["entries"], body["next"]) == ([FOURTH], None)


async def test_rows_can_be_asked_for_by_kind_actor_and_id(desk: Desk) -> None:
    for query, expected in [
        ("after=2", [THIRD, FOURTH]),
        ("after=4", []),
        ("after=999999999999999", []),
        ("kind=incident", [SECOND, FOURTH]),
        ("kind=incident.opened", [SECOND]),
        ("kind=incident.&after=2", [FOURTH]),
        ("kind=INCIDENT", []),
        ("kind=inc%25", []),
        ("kind=nothing", []),
        ("actor=zo%C3%AB", [THIRD]),
        ("actor=system&kind=incident", [SECOND, FOURTH]),
        ("actor=nobody", []),
        ("actor=%ED%A0%80", []),
    ]:
        assert (await desk.get(f"journal?{query}", AUDITOR))["entries"] == expected, query


async def test_a_viewer_reads_no_journal(desk: Desk) -> None:
    assert await desk.problem("journal") == (403, "access.denied")


async def test_what_no_store_could_look_for_is_a_problem(desk: Desk) -> None:
    for query in (
        "kind=%00",
        "actor=a%00b",
        "kind=",
        "after=-1",
        "after=9999999999999999",
        "cursor=x",
        "cursor=WzFlOTld",  # [1e99]
        "cursor=Wzk5OTk5OTk5OTk5OTk5OTk5OTk5XQ",  # [99999999999999999999]
        "cursor=W3RydWVd",  # [true]
        "cursor=WyJcdTAwMDAiXQ",  # ["\\u0000"]
    ):
        status, _ = await desk.problem(f"journal?{query}", AUDITOR)
        assert status == 400, query
