"""The evidence of a check by API: what goes out can be replayed to the same numbers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientPayloadError
from msgspec.structs import replace

from collector.access.actors import Actor
from collector.api.results import line, piece_ms
from collector.core.settled import Source
from collector.replay import read_results, replay
from collector.store.store import Store, StoreFault, StoreUnavailableError
from probes.config import Config
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from probes.times import rfc3339
from tests.support.known import VIEWER, Known
from tests.support.planning import Desk, a_desk
from tests.support.rounds import START, config, document, result

UP, DEGRADED, DOWN, UNKNOWN = Outcome.UP, Outcome.DEGRADED, Outcome.DOWN, Outcome.UNKNOWN
RANGE = "from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z"
NORTH = [UP, UP, DOWN, DOWN, DOWN, UP, UP, DEGRADED, DEGRADED, UNKNOWN, UP, DOWN]
SOUTH = [UP, UP, UP, DOWN, DOWN, DOWN, UP, UP, DEGRADED, UP, UP, DOWN]


def from_both(**changes: Any) -> Config:
    checks = document()["checks"]
    checks["ehr-read"] |= {"from": ["north-1", "south-1"]} | changes
    return config(checks=checks)


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    """Two minutes of two agents, one of them sending the first half again and last."""
    async with a_desk(store, from_both()) as opened:
        await opened.clock.advance(129_000)
        north = [result(1_000 + 10_000 * n, outcome) for n, outcome in enumerate(NORTH)]
        south = [
            result(1_000 + 10_000 * n, outcome, agent="south-1") for n, outcome in enumerate(SOUTH)
        ]
        await opened.send(north[6:], seq=2)
        await opened.send(south, seq=1)
        await opened.send(north[:6], seq=1)
        yield opened


async def exported(desk: Desk, query: str = RANGE, check: str = "ehr-read") -> list[bytes]:
    response = await desk.client.get(f"/api/v1/checks/{check}/results?{query}", headers=VIEWER)
    assert response.status == 200, await response.text()
    assert response.content_type == "application/x-ndjson"
    text = await response.read()
    assert text == b"" or text.endswith(b"\n")
    return text.splitlines()


async def test_results_are_lines_by_instant_and_agent(desk: Desk) -> None:
    lines = await exported(desk)
    seen = '{"check":"ehr-read","agent":"%s","at":"2026-01-01T00:00:21.000Z","outcome":"%s",'
    rest = '"reason":"%s","duration_ms":40,"received":"2026-01-01T00:02:10.000Z"}'
    assert [line.decode() for line in lines[4:6]] == [
        (seen + rest) % ("north-1", "down", "tcp.refused"),
        (seen + rest) % ("south-1", "up", "ok"),
    ]
    places = [(one["at"], one["agent"]) for one in map(json.loads, lines)]
    assert len(places) == 24
    assert places == sorted(places)


async def test_days_left_are_told_where_a_run_saw_a_certificate() -> None:
    seen = replace(result(1_000, Outcome.UP), cert_days_left=6)
    assert line(seen).decode().endswith('"received":"2026-01-01T00:00:01.040Z","cert_days_left":6}')
    assert "cert_days_left" not in line(result(1_000, Outcome.UP)).decode()


async def test_a_range_holds_its_start_and_not_its_end(desk: Desk) -> None:
    asked = "from=2026-01-01T00:00:11Z&to=2026-01-01T00:00:31Z&agent=north-1"
    assert [json.loads(line)["at"] for line in await exported(desk, asked)] == [
        rfc3339(START + 11_000),
        rfc3339(START + 21_000),
    ]
    assert await exported(desk, "from=2026-01-01T00:00:12Z&to=2026-01-01T00:00:13Z") == []


async def test_replaying_what_was_exported_gives_the_numbers_of_the_live_collector(
    desk: Desk, tmp_path: Path
) -> None:
    live = await desk.get(f"availability?{RANGE}")
    file = tmp_path / "results.jsonl"
    file.write_bytes(b"\n".join(await exported(desk)) + b"\n")
    history = History([Version(START, from_both())])
    given = read_results(file, history)
    document_ = replay(history, given, START, START + 86_400_000, desk.clock.now_ms())
    assert live["systems"]["ehr"]["down_ms"] > 0
    assert {name: document_[name] for name in live} == live
    assert (document_["ignored"], document_["conflicts"]) == (0, 0)


async def test_what_is_read_in_many_pieces_is_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await exported(desk)
    asked: list[int] = []
    evidence = desk.service.parts.evaluator.evidence
    between = evidence.between

    async def counted(
        sources: Iterable[Source], start: int, end: int
    ) -> dict[Source, list[Result]]:
        asked.append(end - start)
        return await between(sources, start, end)

    monkeypatch.setattr(evidence, "between", counted)
    monkeypatch.setattr("collector.api.results.AT_ONCE", 0)
    monkeypatch.setattr("collector.api.results.WRITTEN", 3)
    query = "from=2026-01-01T00:00:00Z&to=2026-01-01T00:10:30Z"
    assert await exported(desk, query) == whole
    assert asked == [*[60_000] * 10, 30_000]


async def test_while_nothing_is_found_empty_lines_show_that_it_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks takes a minute of silence for the end of the line."""
    evidence = desk.service.parts.evaluator.evidence
    between = evidence.between

    async def slowly(sources: Iterable[Source], start: int, end: int) -> dict[Source, list[Result]]:
        await desk.clock.advance(6_000)
        return await between(sources, start, end)

    monkeypatch.setattr(evidence, "between", slowly)
    query = "from=2026-01-01T00:00Z&to=2026-01-06T00:00Z&agent=south-1"
    lines = await exported(desk, query)
    assert [n for n, line in enumerate(lines) if not line] == [12, 13]
    assert len(lines) == 14


@pytest.mark.parametrize(
    ("every", "agents", "piece"),
    [("10s", 1, 86_400_000), ("10s", 4, 50_000_000), ("1s", 2, 10_000_000), ("1ms", 20, 60_000)],
)
def test_the_more_is_seen_the_less_time_is_read_at_once(
    every: str, agents: int, piece: int
) -> None:
    history = History([Version(START, from_both(every=every, timeout=every))])
    assert piece_ms("ehr-read", history, agents) == piece


async def test_a_removed_check_can_still_be_read(desk: Desk) -> None:
    other = document()["checks"]["ehr-read"]
    await desk.load(config(checks={"ehr-search": other}))
    await desk.service.parts.evaluator.step()
    assert len(await exported(desk)) == 24
    assert await exported(desk, check="ehr-search") == []


async def test_what_cannot_be_answered_is_a_problem(desk: Desk) -> None:
    path = "checks/ehr-read/results"
    for asked, expected in [
        (f"checks/none/results?{RANGE}", (404, "history.unknown_check")),
        (f"{path}?{RANGE}&agent=none", (400, "api.query")),
        (f"{path}?{RANGE}&agent=%00", (400, "api.query")),
        (f"{path}?from=2026-01-01T00:00Z", (400, "api.query")),
        (f"{path}?from=2026-01-01T00:00Z&to=2026-01-01T00:00Z", (400, "api.query")),
        (f"{path}?from=2025-01-01T00:00Z&to=2026-02-05T00:00:00.001Z", (400, "api.query")),
    ]:
        assert await desk.problem(asked) == expected, asked
    assert len(await exported(desk, "from=2025-01-01T00:00Z&to=2026-02-05T00:00Z")) == 24


@pytest.mark.parametrize(
    "error", [StoreUnavailableError(StoreFault.IO), RuntimeError("Jane Doe, MRN 12345")]
)
async def test_a_stream_that_fails_midway_is_cut_and_said(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    evidence = desk.service.parts.evaluator.evidence
    between = evidence.between
    pieces: list[int] = []

    async def failing(
        sources: Iterable[Source], start: int, end: int
    ) -> dict[Source, list[Result]]:
        pieces.append(start)
        if len(pieces) == 3:
            raise error
        return await between(sources, start, end)

    monkeypatch.setattr(evidence, "between", failing)
    monkeypatch.setattr("collector.api.results.AT_ONCE", 0)
    response = await desk.client.get(f"/api/v1/checks/ehr-read/results?{RANGE}", headers=VIEWER)
    with pytest.raises(ClientPayloadError):
        await response.read()
    assert f"api.stream_cut type={type(error).__name__}" in caplog.text
    assert "Jane" not in caplog.text


async def test_a_client_that_cannot_see_a_cut_gets_nothing(desk: Desk) -> None:
    url = desk.client.make_url("/")
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = f"GET /api/v1/checks/ehr-read/results?{RANGE} HTTP/1.0\r\nHost: x\r\n"
    writer.write(f"{head}Authorization: {VIEWER['Authorization']}\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.0 505 ")
    assert b'"code": "api.http_1_0"' in answer


async def test_an_export_ends_with_the_right_to_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    believed, asked = Known.actor_of_token, 0

    async def losing(known: Known, secret: str) -> Actor | None:
        nonlocal asked
        asked += 1
        return await believed(known, secret) if asked < 4 else None

    monkeypatch.setattr(Known, "actor_of_token", losing)
    monkeypatch.setattr("collector.api.results.AT_ONCE", 0)
    response = await desk.client.get(f"/api/v1/checks/ehr-read/results?{RANGE}", headers=VIEWER)
    with pytest.raises(ClientPayloadError):
        await response.read()
    assert "api.stream_cut type=GoneError" in caplog.text
