"""What every route has in common: limits, headers, ETags, repeated acts, who asks from where."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from yarl import URL

from collector.access.door import Door
from collector.access.policy import Role
from collector.access.throttle import Buckets
from collector.api.app import build_app
from collector.api.dispatch import Limits
from collector.store.store import Store
from tests.support.collectors import DAY_MS, Collector, a_collector
from tests.support.planning import plan
from tests.support.rounds import config


@pytest.fixture
async def collector(store: Store) -> AsyncIterator[Collector]:
    async with a_collector(store) as opened:
        yield opened


@pytest.fixture
async def small(sqlite_store: Store) -> AsyncIterator[Collector]:
    async with a_collector(sqlite_store) as opened:
        yield opened


def bearer(secret: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}", **more}


async def test_who_asks_too_often_waits_as_long_as_the_answer_says(small: Collector) -> None:
    secret = await small.token("ann", Role.VIEWER)
    other = await small.token("ben", Role.VIEWER)
    limited = Limits(Buckets(1, 3, 100), *(Buckets(1, 2, 100) for _ in range(4)))
    server = TestServer(build_app(small.service.parts, limited=limited))
    async with TestClient(server) as client:

        async def me(headers: dict[str, str]) -> tuple[int, str | None]:
            answer = await client.get("/api/v1/me", headers=headers)
            return answer.status, answer.headers.get("Retry-After")

        assert [await me(bearer(secret)) for _ in range(4)] == [(200, None)] * 3 + [(429, "1")]
        assert await me(bearer(other)) == (200, None)
        assert [await me({}) for _ in range(3)] == [(401, None)] * 2 + [(429, "1")]
        await small.clock.advance(1_000)
        assert await me(bearer(secret)) == (200, None)
        health = [(await client.get("/healthz")).status for _ in range(9)]
        assert health == [200] * 9


async def test_every_answer_has_the_headers_that_keep_browsers_from_guessing(
    small: Collector,
) -> None:
    secret = await small.token("ann", Role.VIEWER)
    for path in ("/api/v1/me", "/api/v1/none", "/healthz", "/metrics", "/login"):
        answer = await small.client.get(path, headers=bearer(secret))
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        policy = "same-origin" if path == "/login" else "no-referrer"
        assert answer.headers["Referrer-Policy"] == policy
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Server"] == "wardwatch"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "Strict-Transport-Security" not in answer.headers
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert (await small.client.get("/login")).headers["Cache-Control"] == "no-store"


async def test_behind_tls_browsers_are_told_to_stay_there_and_the_cookie_is_for_tls_alone(
    sqlite_store: Store,
) -> None:
    used = config(access={"public_url": "https://wardwatch.example.org"})
    async with a_collector(sqlite_store, used) as collector:
        answer = await collector.client.get("/healthz")
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        person = await collector.person("ann", Role.VIEWER)
        fields = {"account": "ann", "password": person.password, "code": collector.code(person)}
        answer = await collector.form("/login", origin="https://wardwatch.example.org", **fields)
        name, *attributes = answer.headers["Set-Cookie"].split("; ")
        assert name.startswith("__Host-wardwatch=wws_")
        assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]


async def test_an_answer_that_did_not_change_is_not_sent_again(small: Collector) -> None:
    secret = await small.token("ann", Role.VIEWER)
    first = await small.client.get("/api/v1/me", headers=bearer(secret))
    tag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "no-cache, private"
    again = await small.client.get("/api/v1/me", headers=bearer(secret, **{"If-None-Match": tag}))
    assert (again.status, await again.read(), again.headers["ETag"]) == (304, b"", tag)
    other = await small.client.get("/api/v1/me", headers=bearer(secret, **{"If-None-Match": '"x"'}))
    assert other.status == 200


async def test_an_act_with_a_key_is_done_once_and_answers_the_same_again(
    collector: Collector,
) -> None:
    secret = await collector.token("ann", Role.OPERATOR)
    other = await collector.token("ben", Role.OPERATOR)
    key = {"Idempotency-Key": "key-1-of-ann"}

    async def propose(who: str, headers: dict[str, str], **changes: Any) -> tuple[int, Any]:
        answer = await collector.client.post(
            "/api/v1/maintenance",
            json={"windows": [plan(**changes)]},
            headers=bearer(who, **headers),
        )
        return answer.status, await answer.json(content_type=None)

    status, first = await propose(secret, key)
    assert status == 200
    await collector.clock.advance(60_000)
    assert await propose(secret, key) == (200, first)
    assert (await propose(secret, {}))[1]["code"] == "window.unchanged"
    reused = await propose(secret, key, id="another")
    assert (reused[0], reused[1]["code"]) == (409, "idempotency.reused")
    assert (await propose(other, key, id="another"))[0] == 200
    wrong = await propose(secret, {"Idempotency-Key": "no blanks"}, id="third")
    assert (wrong[0], wrong[1]["code"]) == (400, "idempotency.key")
    await collector.clock.advance(DAY_MS)
    secret = await collector.token("cat", Role.OPERATOR)
    forgotten = await propose(secret, key, id="fourth")
    assert forgotten[0] == 200


async def test_of_two_at_once_with_one_key_one_acts_and_both_get_its_answer(
    collector: Collector,
) -> None:
    secret = await collector.token("ann", Role.OPERATOR)

    async def propose() -> tuple[int, Any]:
        answer = await collector.client.post(
            "/api/v1/maintenance",
            json={"windows": [plan()]},
            headers=bearer(secret, **{"Idempotency-Key": "one-for-both"}),
        )
        return answer.status, await answer.json(content_type=None)

    one, two = await asyncio.gather(propose(), propose())
    assert one == two
    assert one[0] == 200


async def test_a_refused_act_keeps_no_answer_so_that_it_can_be_tried_again(
    small: Collector,
) -> None:
    secret = await small.token("ann", Role.OPERATOR)
    headers = bearer(secret, **{"Idempotency-Key": "tried-again"})
    path = "/api/v1/maintenance/upgrade/cancel"
    refused = await small.client.post(path, json={}, headers=headers)
    assert refused.status == 404
    await small.client.post(
        "/api/v1/maintenance", json={"windows": [plan()]}, headers=bearer(secret)
    )
    assert (await small.client.post(path, json={}, headers=headers)).status == 200


PROXIED = Door(proxies=Door.networks("10.0.0.0/24", "::1/128"))


@pytest.mark.parametrize(
    ("remote", "forwarded", "peer"),
    [
        ("192.0.2.7", None, "192.0.2.7"),
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),
        ("10.0.0.5", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.5", "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.5", "203.0.113.9, 198.51.100.1, 10.0.0.6", "198.51.100.1"),
        ("10.0.0.5", "x\r\nlog: forged", "unknown"),
        ("10.0.0.5", None, "10.0.0.5"),
        ("::1", "2001:db8::1", "2001:db8::1"),
    ],
)
def test_a_proxy_of_ours_is_believed_about_whom_it_asks_for_and_nobody_else(
    remote: str, forwarded: str | None, peer: str
) -> None:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    request = make_mocked_request("GET", "/", headers={"Host": "x"})
    request = request.clone(headers={"Host": "x", **headers}, remote=remote)
    assert PROXIED.peer(request) == peer


def test_the_origin_is_the_public_one_or_the_one_asked_at() -> None:
    request = make_mocked_request("GET", "/", headers={"Host": "127.0.0.1:8460"})
    assert Door().origin(request) == "http://127.0.0.1:8460"
    assert Door(tls=True).origin(request) == "https://127.0.0.1:8460"
    public = Door(URL("https://wardwatch.example.org"))
    assert public.origin(request) == "https://wardwatch.example.org"


async def test_what_is_refused_is_logged_by_code_and_id_without_a_word_that_was_sent(
    small: Collector, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    # the test server's own; the collector listens without one
    monkeypatch.setattr(logging.getLogger("aiohttp.access"), "disabled", True)
    secret = await small.token("ann", Role.VIEWER)
    canary = "JANE-DOE%0AMRN-12345"
    await small.client.post(
        f"/api/v1/maintenance/{canary}/approve",
        json={"digest": canary},
        headers=bearer(secret, **{"User-Agent": canary, "X-Forwarded-For": canary}),
    )
    await small.client.get(f"/api/v1/{canary}?{canary}={canary}", headers=bearer(canary))
    await small.client.post(
        "/api/v1/login", json={"account": canary, "password": canary, "code": "1"}
    )
    assert (
        "access.refused code=access.denied account=ann peer=127.0.0.1 method=POST "
        "route=/api/v1/maintenance/{id}/approve"
    ) in caplog.text
    assert "access.refused code=access.login_failed account=nobody" in caplog.text
    assert "JANE" not in caplog.text
    assert "MRN" not in caplog.text


async def test_both_a_token_and_a_cookie_are_judged_by_the_token(small: Collector) -> None:
    person = await small.person("ann", Role.VIEWER)
    fields = {"account": "ann", "password": person.password, "code": small.code(person)}
    assert (await small.form("/login", **fields)).status == 303
    assert (await small.client.get("/api/v1/me")).status == 200
    answer = await small.client.get("/api/v1/me", headers=bearer("wwt_wrong"))
    assert answer.status == 401
    answer = await small.client.get("/api/v1/me", headers={"Authorization": "Basic YTpi"})
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (
        401,
        'Bearer realm="wardwatch"',
    )


async def test_a_body_that_is_too_large_is_refused(small: Collector) -> None:
    secret = await small.token("ann", Role.OPERATOR)
    url = small.client.make_url("/api/v1/corrections")
    async with ClientSession() as session:
        answer = await session.post(
            url,
            data=io.BytesIO(json.dumps({"id": "x" * 5_000_000}).encode()),
            headers=bearer(secret, **{"Content-Type": "application/json"}),
        )
        assert answer.status == 413
