"""The HTTP side: what agents, people and programs get, errors included."""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request
from prometheus_client.parser import text_string_to_metric_families

from collector.api.agents import BATCH, LARGEST_BATCH
from collector.api.app import build_app
from collector.service import DefectError, Service, World
from collector.store.store import Store, StoreFault
from probes.clock import ManualClock
from probes.configfile import canonical
from probes.contract import Outcome
from probes.metrics import METRICS
from tests.support.batches import seal
from tests.support.known import VIEWER, Known
from tests.support.promises import checked
from tests.support.rounds import KEYS, ORG, START, config, result

UP, DOWN = Outcome.UP, Outcome.DOWN
KEY = f"ehr.availability.{START + 11_000}"
Client = TestClient[Request, Application]


class Collector:
    """A whole collector without its own loops: the test looks when it wants to."""

    def __init__(self, service: Service, clock: ManualClock, client: Client) -> None:
        self.service = service
        self.parts = service.parts
        self.clock = clock
        self.client = client

    async def get(self, path: str) -> tuple[int, dict[str, Any]]:
        response = await self.client.get(path, headers=VIEWER)
        body = await response.json(content_type=None)
        expected = "application/json" if response.status == 200 else "application/problem+json"
        assert response.content_type == expected
        return response.status, body

    async def post(self, data: bytes, content_type: str = BATCH) -> tuple[int, dict[str, Any]]:
        response = await self.client.post(
            "/agent/v1/batches", data=io.BytesIO(data), headers={"Content-Type": content_type}
        )
        return response.status, await response.json(content_type=None)

    async def outage(self) -> None:
        """Up at 1 s, down at 11 s and 21 s; looked at 30 s after the start."""
        results = [result(1_000, UP), result(11_000, DOWN), result(21_000, DOWN)]
        await self.clock.advance(30_000)
        status, _ = await self.post(seal(KEYS["north-1"], ORG, "north-1", "e1", 1, results))
        assert status == 200
        await self.parts.evaluator.step()


@pytest.fixture
async def collector(sqlite_store: Store) -> AsyncIterator[Collector]:
    clock = ManualClock(START)
    used = config()
    world = World(clock, random.Random(1), lambda _ref: b"secret", "one")
    service = Service(sqlite_store, used, canonical(used), world)
    await service.prepare()
    ingesting = asyncio.create_task(service.parts.ingest.run())
    async with TestClient(TestServer(checked(build_app(service.parts, Known())))) as client:
        yield Collector(service, clock, client)
    ingesting.cancel()
    await asyncio.gather(ingesting, return_exceptions=True)


async def test_a_batch_is_answered_with_what_its_epoch_holds(collector: Collector) -> None:
    data = seal(KEYS["north-1"], ORG, "north-1", "e1", 7, [result(1, UP)])
    assert await collector.post(data) == (
        200,
        {"epoch": "e1", "stored": [[7, 7]], "now": "2026-01-01T00:00:00.000Z"},
    )
    await collector.clock.advance(1_234)
    expected = {"status": "ok", "now": "2026-01-01T00:00:01.234Z"}
    assert await collector.get("/healthz") == (200, expected)


async def test_a_refused_batch_is_a_problem_with_a_code(collector: Collector) -> None:
    assert await collector.post(b"nonsense") == (
        400,
        {
            "type": "about:blank",
            "title": "Bad Request",
            "status": 400,
            "code": "batch.malformed",
        },
    )


async def test_another_content_type_is_refused(collector: Collector) -> None:
    status, body = await collector.post(b"{}", "application/json")
    assert (status, body["code"]) == (415, "batch.content_type")


async def test_too_large_an_upload_is_refused(collector: Collector) -> None:
    status, body = await collector.post(bytes(LARGEST_BATCH + 1))
    assert (status, body["code"]) == (413, "batch.too_large")


async def test_systems_show_state_month_and_open_incidents(collector: Collector) -> None:
    await collector.outage()
    status, body = await collector.get("/api/v1/systems")
    assert status == 200
    assert body["organization"] == {
        "id": ORG,
        "name": "St Elsewhere Health",
        "timezone": "America/Chicago",
    }
    assert body["as_of"] == "2026-01-01T00:00:30.000Z"
    # in Chicago it is still December
    assert body["period"]["start"] == "2025-12-01T06:00:00.000Z"
    (ehr,) = body["systems"]
    assert (ehr["id"], ehr["name"], ehr["class"]) == ("ehr", "EHR", "point_of_care")
    assert (ehr["state"], ehr["since"]) == ("down", "2026-01-01T00:00:11.000Z")
    assert ehr["sites"] == [
        {
            "id": "north",
            "name": "North Campus",
            "state": "down",
            "since": "2026-01-01T00:00:11.000Z",
        },
        {
            "id": "south",
            "name": "South Campus",
            "state": "not_monitored",
            "since": "2026-01-01T00:00:00.000Z",
        },
    ]
    assert (ehr["month"]["up_ms"], ehr["month"]["down_ms"], ehr["month"]["unknown_ms"]) == (
        10_000,
        19_000,
        1_000,
    )
    assert [i["key"] for i in ehr["open_incidents"]] == [KEY]


async def test_before_the_first_evaluation_a_system_is_not_monitored(collector: Collector) -> None:
    status, body = await collector.get("/api/v1/systems")
    assert status == 200
    assert body["as_of"] is None
    assert [(s["state"], s["since"]) for s in body["systems"]] == [("not_monitored", None)]


async def test_one_system_shows_its_checks_and_changes(collector: Collector) -> None:
    await collector.outage()
    status, body = await collector.get("/api/v1/systems/ehr")
    assert status == 200
    assert body["checks"] == [
        {
            "id": "ehr-read",
            "system": "ehr",
            "kind": "http",
            "every_ms": 10_000,
            "role": "critical",
            "last": [
                {
                    "agent": "north-1",
                    "at": "2026-01-01T00:00:21.000Z",
                    "outcome": "down",
                    "reason": "tcp.refused",
                    "duration_ms": 40,
                }
            ],
        }
    ]
    assert [c["state"] for c in body["changes"]] == ["unknown", "up", "down"]


async def test_incidents_can_be_asked_for_by_state_and_number(collector: Collector) -> None:
    await collector.outage()
    _, body = await collector.get("/api/v1/incidents?open=true&limit=5")
    (incident,) = body["incidents"]
    assert incident == {
        "key": KEY,
        "system": "ehr",
        "family": "availability",
        "causes": ["down"],
        "sites": ["north"],
        "category": 3,
        "rules_category": 3,
        "priority": "P1",
        "status": "open",
        "started_at": "2026-01-01T00:00:11.000Z",
        "detected_at": "2026-01-01T00:00:21.040Z",
        "recovered_at": None,
        "next_due": incident["next_due"],
        "response": {
            "warn_at": "2026-01-01T01:00:21.040Z",
            "due_at": "2026-01-01T02:00:21.040Z",
            "by": "service",
            "overdue": False,
        },
        "attached_to": None,
        "quiet": False,
        "reopened": 0,
        "flapping": False,
        "version": 1,
        "acknowledged": None,
        "category_set": None,
        "resolved": None,
        "closed": None,
        "false_positive": None,
        "ruled": None,
        "merged_into": None,
        "notes": 0,
        "feeds": [],
    }
    assert (await collector.get("/api/v1/incidents?open=false"))[1] == {
        "incidents": [],
        "next": None,
    }


async def test_one_incident_shows_its_events(collector: Collector) -> None:
    await collector.outage()
    _, body = await collector.get(f"/api/v1/incidents/{KEY}")
    event, notice = body["events"]
    assert (notice["kind"], notice["at"]) == (
        "incident.liaison_notice",
        "2026-01-01T00:00:21.040Z",
    )
    assert (event["kind"], event["at"], event["recorded_at"], event["actor"]) == (
        "incident.opened",
        "2026-01-01T00:00:21.040Z",
        "2026-01-01T00:00:30.000Z",
        "system",
    )


async def test_an_answer_is_overdue_by_the_collectors_now(collector: Collector) -> None:
    await collector.outage()
    due = START + 21_040 + 2 * 3_600_000
    await collector.clock.advance(due - collector.clock.now_ms())
    for path in (f"/api/v1/incidents/{KEY}", "/api/v1/systems/ehr"):
        _, body = await collector.get(path)
        (incident,) = body.get("open_incidents", [body])
        assert incident["response"]["overdue"] is False
    await collector.clock.advance(1)
    for path in (f"/api/v1/incidents/{KEY}", "/api/v1/systems/ehr"):
        _, body = await collector.get(path)
        (incident,) = body.get("open_incidents", [body])
        assert incident["response"]["overdue"] is True


async def test_availability_of_a_period_has_the_fields_of_the_replay_contract(
    collector: Collector,
) -> None:
    await collector.outage()
    status, body = await collector.get(
        "/api/v1/availability?from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:20Z"
    )
    assert status == 200
    assert body["period"] == {
        "start": "2026-01-01T00:00:00.000Z",
        "end": "2026-01-01T00:00:20.000Z",
        "now": "2026-01-01T00:00:30.000Z",
        "finished": True,
    }
    assert body["systems"]["ehr"]["down_ms"] == 9_000
    assert body["tzdata"] == version("tzdata")
    _, month = await collector.get("/api/v1/availability?period=month")
    assert month["period"]["end"] == "2026-01-01T06:00:00.000Z"
    assert month["period"]["finished"] is False


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        # in Chicago it is still December
        ("quarter", "2025-10-01T05:00:00.000Z", "2026-01-01T06:00:00.000Z"),
        ("year", "2025-01-01T06:00:00.000Z", "2026-01-01T06:00:00.000Z"),
        ("week", "2025-12-29T06:00:00.000Z", "2026-01-05T06:00:00.000Z"),
        ("30d", "2025-12-02T00:00:30.000Z", "2026-01-01T00:00:30.000Z"),
        ("2026-01", "2026-01-01T06:00:00.000Z", "2026-02-01T06:00:00.000Z"),
        ("2025-Q4", "2025-10-01T05:00:00.000Z", "2026-01-01T06:00:00.000Z"),
        ("2026", "2026-01-01T06:00:00.000Z", "2027-01-01T06:00:00.000Z"),
        ("2026-W31", "2026-07-27T05:00:00.000Z", "2026-08-03T05:00:00.000Z"),
    ],
)
async def test_a_period_is_named_or_written_out(
    collector: Collector, period: str, start: str, end: str
) -> None:
    await collector.outage()
    status, body = await collector.get(f"/api/v1/availability?period={period}")
    assert (status, body["period"]["start"], body["period"]["end"]) == (200, start, end)


async def test_the_rolling_period_is_finished_and_answered_once_for_a_moment(
    collector: Collector,
) -> None:
    await collector.outage()
    _, first = await collector.get("/api/v1/availability?period=30d")
    assert (first["period"]["finished"], first["systems"]["ehr"]["down_ms"]) == (True, 19_000)
    await collector.clock.advance(1_999)
    assert (await collector.get("/api/v1/availability?period=30d"))[1] == first
    await collector.clock.advance(1)
    _, second = await collector.get("/api/v1/availability?period=30d")
    assert second["period"]["end"] == "2026-01-01T00:00:32.000Z"


async def test_agents_show_their_newest_batch(collector: Collector) -> None:
    await collector.outage()
    _, body = await collector.get("/api/v1/agents")
    north, south = body["agents"]
    assert (north["id"], north["site"], north["key_pinned"]) == ("north-1", "north", True)
    assert (north["last_batch"]["seq"], north["last_batch"]["received_at"]) == (
        1,
        "2026-01-01T00:00:30.000Z",
    )
    assert (south["id"], south["last_batch"]) == ("south-1", None)


@pytest.mark.parametrize(
    ("path", "status", "code", "parameter"),
    [
        ("/api/v1/systems/none", 404, "api.unknown_system", None),
        ("/api/v1/incidents/none", 404, "api.unknown_incident", None),
        ("/api/v1/nothing", 404, "http.404", None),
        ("/agent/v1/batches", 405, "http.405", None),
        ("/api/v1/incidents?open=yes", 400, "api.query", "open"),
        ("/api/v1/incidents?limit=0", 400, "api.query", "limit"),
        ("/api/v1/incidents?limit=1001", 400, "api.query", "limit"),
        ("/api/v1/incidents?limit=٣", 400, "api.query", "limit"),
        ("/api/v1/incidents?open=true&open=true", 400, "api.query", "open"),
        ("/api/v1/incidents?colour=red", 400, "api.query", "query"),
        ("/api/v1/availability", 400, "api.query", "from"),
        ("/api/v1/availability?from=2026-01-01T00:00&to=x", 400, "api.query", "to"),
        (
            "/api/v1/availability?from=0001-01-01T00:00:00Z&to=2026-01-02T00:00",
            400,
            "api.query",
            "from",
        ),
        (
            "/api/v1/availability?from=2026-01-01T00:00&to=9999-12-31T23:00:00Z",
            400,
            "api.query",
            "to",
        ),
        (
            "/api/v1/availability?from=2026-01-02T00:00&to=2026-01-02T00:00",
            400,
            "api.query",
            "to",
        ),
        ("/api/v1/availability?period=day", 400, "api.query", "period"),
        ("/api/v1/availability?period=8999", 400, "api.query", "period"),
        (
            "/api/v1/availability?from=2026-01-01T00:00&to=8999-01-01T00:00",
            400,
            "api.query",
            "to",
        ),
        ("/api/v1/availability?period=", 400, "api.query", "period"),
        ("/api/v1/availability?period=2026-W54", 400, "api.query", "period"),
        ("/api/v1/availability?period=month&to=2026-01-02T00:00", 400, "api.query", "period"),
    ],
)
async def test_errors_are_problems_that_never_repeat_what_was_sent(
    collector: Collector, path: str, status: int, code: str, parameter: str | None
) -> None:
    got, body = await collector.get(path)
    assert (got, body["status"], body["code"]) == (status, status, code)
    assert [p["path"] for p in body.get("problems", ())] == ([parameter] if parameter else [])
    assert "colour" not in str(body)


async def test_a_defect_is_a_500_that_says_nothing(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> dict[str, Any]:
        raise RuntimeError("Jane Doe, MRN 12345")

    monkeypatch.setattr(collector.parts.numbers, "this_month", broken)
    status, body = await collector.get("/api/v1/systems")
    assert (status, body["code"]) == (500, "api.defect")
    assert "Jane" not in str(body)


async def test_readiness_follows_the_store(collector: Collector) -> None:
    assert (await collector.get("/readyz"))[0] == 200
    store: Any = collector.parts.store
    store.fault = StoreFault.FULL
    response = await collector.client.get("/readyz")
    assert (response.status, response.headers["Retry-After"]) == (503, "5")
    assert (await response.json(content_type=None))["code"] == "store.full"
    assert (await collector.get("/healthz"))[0] == 200
    store.fault = StoreFault.IO
    status, body = await collector.get("/healthz")
    assert (status, body["code"]) == (503, "store.io")
    store.fault = None


async def test_metrics_show_systems_and_are_those_of_the_catalogue(collector: Collector) -> None:
    await collector.outage()
    text = await (await collector.client.get("/metrics", headers=VIEWER)).text()
    families = {f.name: f for f in text_string_to_metric_families(text)}
    shown = {f.name + ("_total" if f.type == "counter" else ""): f.type for f in families.values()}
    assert shown == {m.name: m.type for m in METRICS if m.where == "collector"}
    states = {s.labels["state"]: s.value for s in families["wardwatch_system_state"].samples}
    assert states == {"up": 0, "degraded": 0, "down": 1, "unknown": 0, "not_monitored": 0}
    (is_open,) = families["wardwatch_incidents_open"].samples
    assert (is_open.labels, is_open.value) == ({"system": "ehr", "family": "availability"}, 1)


async def test_a_started_service_listens_works_and_stops(
    sqlite_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock(START)
    used = config(channels={}, routes=[])
    world = World(clock, random.Random(1), lambda _ref: b"secret", "one")
    service = Service(sqlite_store, used, canonical(used), world)
    await service.prepare()
    port = await service.listen("127.0.0.1", 0)
    stop = asyncio.Event()
    running = asyncio.create_task(service.run(stop))
    async with ClientSession() as session:
        data = seal(KEYS["north-1"], ORG, "north-1", "e1", 1, [result(-1_000, UP)])
        url = f"http://127.0.0.1:{port}"
        async with session.post(
            f"{url}/agent/v1/batches", data=data, headers={"Content-Type": BATCH}
        ) as response:
            assert response.status == 200
        async with session.get(f"{url}/readyz") as response:
            assert response.status == 200
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"JANE-DOE-MRN-12345 / HTTP/9.9\r\nJANE-DOE\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.0 400")
    writer.close()
    await writer.wait_closed()
    assert "JANE" not in caplog.text
    stop.set()
    await running
    assert service.parts.evaluator.leads is False


async def test_a_defect_of_a_part_ends_the_service_without_its_text(sqlite_store: Store) -> None:
    clock = ManualClock(START)
    used = config(channels={}, routes=[])
    service = Service(
        sqlite_store, used, canonical(used), World(clock, random.Random(1), lambda _r: b"", "one")
    )
    await service.prepare()
    evaluator: Any = service.parts.evaluator

    async def broken() -> None:
        raise KeyError("Jane Doe")

    evaluator.step = broken
    with pytest.raises(DefectError, match=r"^KeyError at test_api\.py:\d+$"):
        await service.run(asyncio.Event())
