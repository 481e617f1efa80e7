"""What agents told by themselves, from the signed bytes to the incident it belongs to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from agent.reporting import Reporter
from agent.telling import Kind, Message
from collector import journal, told
from collector.store.store import Store
from probes import envelope, notice
from probes.envelope import BatchError
from probes.notice import CONTENT_TYPE, Notice
from tests.support.collectors import Collector, a_collector
from tests.support.incidents import KEY as INCIDENT
from tests.support.incidents import outage, recovery
from tests.support.planning import a_desk
from tests.support.rounds import KEYS, ORG, START

KEY = KEYS["north-1"]
DOWN = Notice(
    version=1,
    org=ORG,
    agent="north-1",
    id="0" * 31 + "1",
    kind="system.down",
    at=START + 60_000,
    since=START + 20_000,
    system="ehr",
    cause="tcp.refused",
    checks=["ehr-read"],
    systems=[],
    taken=["mail", "webhook"],
)


def changed(**changes: Any) -> Notice:
    return msgspec.structs.replace(DOWN, **changes)


@pytest.fixture
async def collector(store: Store) -> AsyncIterator[Collector]:
    async with a_collector(store) as opened:
        yield opened


async def posted(
    collector: Collector, data: bytes, content_type: str = CONTENT_TYPE
) -> tuple[int, dict[str, Any]]:
    headers = {"Content-Type": content_type}
    async with collector.client.post("/agent/v1/told", data=data, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def kept(collector: Collector) -> list[journal.Row]:
    parts = collector.service.parts
    return await parts.store.read(lambda conn: journal.rows(conn, ORG, kind=told.KIND))


async def test_a_notice_is_recorded_once_however_often_it_comes(collector: Collector) -> None:
    data = notice.seal(KEY, DOWN)
    for _ in range(3):
        assert await posted(collector, data) == (200, {"id": DOWN.id})
        await collector.clock.advance(1_000)
    (row,) = await kept(collector)
    assert (row.kind, row.at, row.actor) == ("agent.told", START + 60_000, "system")
    other = notice.seal(KEY, changed(id="0" * 31 + "2"))
    assert (await posted(collector, other))[0] == 200
    assert len(await kept(collector)) == 2


async def test_the_recorded_row_can_be_verified_by_anybody_with_the_key(
    collector: Collector,
) -> None:
    data = notice.seal(KEY, DOWN)
    await posted(collector, data)
    (row,) = await kept(collector)
    signed = msgspec.json.decode(row.data)["signed"]
    assert msgspec.json.decode(f'"{signed}"', type=bytes) == data


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"nonsense", (400, "notice.malformed")),
        (b"x" * 8_193, (413, "notice.too_large")),
        (notice.seal(KEY, changed(org="elsewhere")), (403, "notice.unknown_org")),
        (notice.seal(KEY, changed(agent="east-1")), (403, "notice.unknown_agent")),
        (notice.seal(KEYS["south-1"], DOWN), (400, "notice.signature")),
        (notice.seal(KEY, changed(version=2)), (400, "notice.version")),
        (notice.seal(KEY, changed(system="Jane Roe")), (400, "notice.malformed")),
        (notice.seal(KEY, changed(cause="MRN 4711")), (400, "notice.malformed")),
        (notice.seal(KEY, changed(checks=["c"] * 33)), (400, "notice.malformed")),
        (notice.seal(KEY, changed(at=-1)), (400, "notice.malformed")),
        (notice.seal(KEY, changed(at=253_402_300_800_000)), (400, "notice.malformed")),
        (notice.seal(KEY, changed(since=2**53 - 1)), (400, "notice.malformed")),
        (notice.seal(KEY, DOWN) + b"body", (400, "notice.body_hash")),
    ],
)
async def test_what_is_no_notice_of_an_agent_of_ours_is_refused(
    collector: Collector, data: bytes, expected: tuple[int, str]
) -> None:
    status, body = await posted(collector, data)
    assert (status, body["code"]) == expected
    assert await kept(collector) == []


async def test_another_content_type_is_refused(collector: Collector) -> None:
    status, body = await posted(collector, notice.seal(KEY, DOWN), "application/json")
    assert (status, body["code"]) == (415, "notice.content_type")


def test_no_other_header_passes_for_a_notice() -> None:
    header = msgspec.json.encode({"version": 1, "org": ORG, "agent": "north-1", "purpose": "x"})
    with pytest.raises(BatchError) as caught:
        notice.split(envelope.close(notice.MAGIC, KEY, header, b""))
    assert caught.value.code == "batch.malformed"


@given(data=st.binary(max_size=300))
def test_any_bytes_are_a_notice_or_a_named_fault(data: bytes) -> None:
    for bytes_ in (data, notice.MAGIC + data):
        with pytest.raises(BatchError):
            notice.split(bytes_)


async def test_what_was_told_stands_with_the_incident_of_its_time(
    sqlite_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    async with a_desk(sqlite_store) as desk:
        await outage(desk)

        async def tell(number: int, **changes: Any) -> None:
            said = changed(id=f"{number:032x}", **changes)
            headers = {"Content-Type": CONTENT_TYPE}
            data = notice.seal(KEY, said)
            async with desk.client.post("/agent/v1/told", data=data, headers=headers) as answer:
                assert answer.status == 200

        began = {"since": START + 11_000}
        await tell(1, **began)
        await tell(2, **began, kind="system.up", cause=None, at=START + 70_000, taken=[])
        await tell(3, since=START - 9_000, at=START - 1_000)  # an outage before it
        await tell(4, since=START + 11_000, system="billing")
        await tell(5, kind="uplink.lost", system=None, cause=None, checks=[])
        await recovery(desk)
        await tell(6, since=START + 500_000, at=START + 560_000)  # one after it
        found = await desk.get(f"incidents/{INCIDENT}")
        assert await desk.command("incident", "show", INCIDENT) == 0
    assert found["told"] == [
        {
            "id": found["told"][0]["id"],
            "agent": "north-1",
            "kind": "system.down",
            "cause": "tcp.refused",
            "at": "2026-01-01T00:01:00.000Z",
            "since": "2026-01-01T00:00:11.000Z",
            "recorded_at": found["told"][0]["recorded_at"],
            "checks": ["ehr-read"],
            "taken": ["mail", "webhook"],
        },
        found["told"][1] | {"kind": "system.up", "at": "2026-01-01T00:01:10.000Z", "taken": []},
    ]
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("Told by agents while their line was lost")
    assert [line.split() for line in lines[start + 2 : start + 4]] == [
        [
            "north-1",
            "2026-01-01",
            "00:01:00",
            "system.down",
            "tcp.refused",
            "2026-01-01",
            "00:00:11",
            "mail,",
            "webhook",
        ],
        ["north-1", "2026-01-01", "00:01:10", "system.up", "-", "2026-01-01", "00:00:11", "nobody"],
    ]


async def test_what_an_agent_reports_is_what_the_collector_records(collector: Collector) -> None:
    message = Message(DOWN.id, Kind.DOWN, DOWN.at, DOWN.since, "ehr", "tcp.refused", ("ehr-read",))
    async with aiohttp.ClientSession() as session:

        def reporter(org: str) -> Reporter:
            url = URL(str(collector.client.make_url("/")))
            return Reporter(session, url, org, "north-1", lambda: KEY)

        assert await reporter(ORG).report(message, ["mail", "webhook"])
        assert not await reporter("elsewhere").report(message, [])
    (row,) = await kept(collector)
    said = msgspec.json.decode(row.data)
    assert said | {"signed": ""} == {
        "agent": "north-1",
        "cause": "tcp.refused",
        "checks": ["ehr-read"],
        "id": DOWN.id,
        "kind": "system.down",
        "signed": "",
        "since": START + 20_000,
        "system": "ehr",
        "systems": [],
        "taken": ["mail", "webhook"],
    }
