"""Login with a provider, as a browser goes: there, back, in. The provider is simulated here; the
real one is in `tests/e2e/test_oidc_provider.py`.
"""

from __future__ import annotations

import logging

import pytest

from collector.store.store import Store
from tests.support.collectors import a_collector
from tests.support.openid import CANARY, simulated_provider
from tests.support.openid_pages import a_collector_with, go
from tests.support.rounds import START


async def test_a_person_goes_to_the_provider_and_comes_back_logged_in(sqlite_store: Store) -> None:
    async with (
        simulated_provider(START) as provider,
        a_collector_with(sqlite_store, provider.issuer, START) as collector,
    ):
        page = await (await go(collector, "/login")).text()
        assert 'href="/oidc/start">Log in with 127.0.0.1<' in page
        there = await go(collector, "/oidc/start")
        assert there.status == 303
        cookie = there.headers["Set-Cookie"].split("; ")
        assert cookie[0].startswith("wardwatch-oidc=")
        assert {"HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=600"} <= set(cookie)
        back = await go(collector, "/oidc/callback", **provider.visit(there.headers["Location"]))
        assert (back.status, back.headers["Location"]) == (303, "/")
        me = await (await collector.client.get("/api/v1/me")).json()
        assert (me["account"], me["roles"], me["by"]) == ("cora", ["operator"], "session")
        assert "cora (operator)" in await (await go(collector, "/")).text()


async def test_who_has_no_role_is_told_so_and_counted(
    sqlite_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with (
        simulated_provider(START) as provider,
        a_collector_with(sqlite_store, provider.issuer, START) as collector,
    ):
        provider.claims["groups"] = [CANARY]
        there = await go(collector, "/oidc/start")
        back = await go(collector, "/oidc/callback", **provider.visit(there.headers["Location"]))
        text = await back.text()
        assert back.status == 401
        assert "none of the person&#39;s groups has a role here (oidc.no_role)" in text
        assert "Set-Cookie" not in back.headers
        counted = collector.service.metrics.registry.get_sample_value(
            "wardwatch_access_refused_total", {"code": "oidc.no_role"}
        )
        assert counted == 1
    assert CANARY not in text + caplog.text
    assert "access.refused code=oidc.no_role account=nobody peer=127.0.0.1" in caplog.text


async def test_another_browser_cannot_finish_a_login(sqlite_store: Store) -> None:
    async with (
        simulated_provider(START) as provider,
        a_collector_with(sqlite_store, provider.issuer, START) as collector,
    ):
        there = await go(collector, "/oidc/start")
        query = provider.visit(there.headers["Location"])
        collector.client.session.cookie_jar.clear()
        back = await go(collector, "/oidc/callback", **query)
        assert (back.status, "oidc.state" in await back.text()) == (401, True)
        assert (await collector.client.get("/api/v1/me")).status == 401


async def test_without_a_provider_there_is_nothing_to_go_to(sqlite_store: Store) -> None:
    async with a_collector(sqlite_store) as collector:
        for path in ("/oidc/start", "/oidc/callback"):
            assert (await go(collector, path)).status == 404
