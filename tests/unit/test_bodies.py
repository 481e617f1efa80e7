"""Bodies: of a size, in time, and from somebody who still may when they have arrived."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from collector.access.policy import Role
from collector.api import bodies
from collector.store.store import Store
from tests.support.collectors import Collector, a_collector
from tests.support.planning import plan


@pytest.fixture
async def collector(sqlite_store: Store) -> AsyncIterator[Collector]:
    async with a_collector(sqlite_store) as opened:
        yield opened


async def post(
    collector: Collector, path: str, data: bytes, kind: str = "application/json", **headers: str
) -> tuple[int, dict[str, Any]]:
    answer = await collector.client.post(
        path, data=io.BytesIO(data), headers={"Content-Type": kind, **headers}
    )
    return answer.status, await answer.json(content_type=None)


@pytest.mark.parametrize(
    "body",
    [
        {"account": "a", "password": "b", "code": "c", "scopes": [0] * 5_600},
        {"account": "a", "password": "b", "code": "c", "more": "x" * 17_000},
    ],
)
async def test_who_is_not_known_sends_no_more_than_an_act_needs(
    collector: Collector, body: dict[str, Any]
) -> None:
    data = json.dumps(body).encode()
    assert len(data) > bodies.SMALL
    status, problem = await post(collector, "/api/v1/login", data)
    assert (status, problem["code"]) == (413, "http.413")


async def test_more_problems_than_anybody_reads_are_counted_and_not_listed(
    collector: Collector,
) -> None:
    body = {"account": "a", "password": "b", "code": "c"} | {f"k{n}": 1 for n in range(201)}
    status, problem = await post(collector, "/api/v1/login", json.dumps(body).encode())
    assert (status, problem["code"]) == (400, "api.body")
    assert problem["problems"] == [
        {"path": "", "message": "201 problems, which are too many to list"}
    ]


async def test_an_endless_body_is_refused_where_it_becomes_too_long(collector: Collector) -> None:
    host, port = collector.client.host, collector.client.port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(
        b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    for _ in range(5):
        writer.write(b"1000\r\n" + b" " * 4_096 + b"\r\n")
    await writer.drain()
    assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    writer.close()
    await writer.wait_closed()


async def test_a_body_that_does_not_come_is_not_waited_for(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, take = bodies.read_bounded.__defaults__ or ()
    monkeypatch.setattr(bodies.read_bounded, "__defaults__", (0.05, take))
    secret = await collector.token("ann", Role.OPERATOR)
    reader, writer = await asyncio.open_connection(collector.client.host, collector.client.port)
    writer.write(
        b"POST /api/v1/maintenance HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100\r\nAuthorization: Bearer " + secret.encode() + b"\r\n\r\n"
    )
    await writer.drain()
    assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 408 ")
    writer.close()
    await writer.wait_closed()


async def test_an_account_disabled_while_its_body_is_on_its_way_acts_no_more(
    collector: Collector,
) -> None:
    secret = await collector.token("ann", Role.OPERATOR)
    body = json.dumps({"windows": [plan()]}).encode()
    reader, writer = await asyncio.open_connection(collector.client.host, collector.client.port)
    writer.write(
        b"POST /api/v1/maintenance HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        + f"Content-Length: {len(body)}\r\nAuthorization: Bearer {secret}\r\n\r\n".encode()
    )
    await writer.drain()
    # What is asked here is answered after the one above was let in.
    assert (await collector.client.get("/healthz")).status == 200
    await collector.access.disable(None, "ann")
    writer.write(body)
    await writer.drain()
    assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
    writer.close()
    await writer.wait_closed()
    viewer = await collector.token("ben", Role.VIEWER)
    found = await collector.client.get(
        "/api/v1/maintenance", headers={"Authorization": f"Bearer {viewer}"}
    )
    assert (await found.json())["windows"] == []


@pytest.mark.parametrize("data", [b"account=\xff", b"a&" * 200])
async def test_a_form_that_is_none_is_a_problem(collector: Collector, data: bytes) -> None:
    status, problem = await post(
        collector,
        "/login",
        data,
        "application/x-www-form-urlencoded; charset=bogus",
        Origin=collector.origin,
    )
    assert (status, problem["code"]) == (400, "api.body")


async def test_many_occurrences_of_many_windows_are_not_looked_ahead_to(
    collector: Collector,
) -> None:
    secret = await collector.token("ann", Role.VIEWER)
    headers = {"Authorization": f"Bearer {secret}"}
    windows = [plan(id=f"w{n}", rrule="FREQ=DAILY") for n in range(101)]
    data = json.dumps({"windows": windows}).encode()
    status, problem = await post(collector, "/api/v1/maintenance/preview", data, **headers)
    assert (status, problem["problems"][0]["path"]) == (400, "next")
    data = json.dumps({"windows": [plan(systems=["zz"] * 2_001)]}).encode()
    status, problem = await post(collector, "/api/v1/maintenance/preview", data, **headers)
    assert (status, problem["problems"]) == (
        400,
        [{"path": "windows", "message": "at most 2000 systems and dates in one request"}],
    )


async def test_head_is_answered_as_get_and_another_method_learns_which_there_are(
    collector: Collector,
) -> None:
    assert (await collector.client.head("/healthz")).status == 200
    answer = await collector.client.delete("/api/v1/systems")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


async def test_a_link_is_not_made_of_a_name_that_only_the_asker_says(collector: Collector) -> None:
    secret = await collector.token("root", Role.ADMIN)
    headers = {"Authorization": f"Bearer {secret}", "Host": "evil.example.org"}
    data = json.dumps({"id": "ann", "roles": ["viewer"]}).encode()
    _, made = await post(collector, "/api/v1/accounts", data, **headers)
    assert made["link"] is None
    assert made["invitation"].startswith("wwi_")


async def test_a_former_session_ends_with_a_new_login_in_the_same_browser(
    collector: Collector,
) -> None:
    ann = await collector.person("ann", Role.VIEWER)
    ben = await collector.person("ben", Role.VIEWER)

    async def log_in(account: str, password: str, code: str) -> str:
        answer = await collector.form("/login", account=account, password=password, code=code)
        assert answer.status == 303
        return answer.headers["Set-Cookie"].partition(";")[0].partition("=")[2]

    first = await log_in("ann", ann.password, collector.code(ann))
    second = await log_in("ben", ben.password, collector.code(ben))
    assert await collector.access.actor_of_session(first) is None
    assert await collector.access.actor_of_session(second) is not None
