"""Login with a real OpenID provider: Glewlwyd 2.7 from Debian, started here on loopback.

Nothing of it is simulated: its own database, its discovery document, keys, login, consent, codes
and tokens. The test is the person with the browser.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from collector.access.oidc import OpenId
from collector.access.oidc_errors import OpenIdError
from collector.access.oidc_http import strict_clients
from collector.access.vouched import provision
from collector.store.store import Store
from probes.clock import Clock, ManualClock, SystemClock
from probes.config_access import OpenIdProvider
from probes.roles import Role
from tests.support.glewlwyd import CLIENT_SECRET, Glewlwyd, glewlwyd
from tests.support.openid_pages import a_collector_with, go

ORG = "st-elsewhere"
REDIRECT = "http://127.0.0.1:8080/login/back"


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[Glewlwyd]:
    async with glewlwyd(tmp_path) as started:
        await started.add_user("cora", groups=["ward-ops", "everybody"], login="cora")
        await started.add_user("dora", groups=["everybody"], login="dora")
        yield started


def opened(
    provider: Glewlwyd, store: Store, clock: Clock, secret: bytes = CLIENT_SECRET.encode()
) -> OpenId:
    config = OpenIdProvider.model_validate(
        {
            "issuer": provider.issuer,
            "client_id": "wardwatch",
            "client_secret": "env:OIDC",
            "roles": {"ward-ops": ["operator", "approver"]},
            "scopes": ["openid"],
        }
    )
    return OpenId(
        config,
        REDIRECT,
        store,
        ORG,
        clients=strict_clients(),
        clock=clock,
        random_bytes=os.urandom,
        secret=lambda ref: secret,
    )


async def test_a_person_logs_in_and_gets_the_roles_of_their_groups_also_after_a_change_of_keys(
    provider: Glewlwyd, sqlite_store: Store
) -> None:
    await provider.add_client(REDIRECT)
    clock = ManualClock(SystemClock().now_ms())
    openid = opened(provider, sqlite_store, clock)
    start = await openid.start()
    query = await provider.visit(start.url, "cora")
    assert set(query) == {"code", "state", "iss"}
    vouched = await openid.finish(query, start.browser)
    assert (vouched.issuer, vouched.wanted_id) == (provider.issuer, "cora")
    assert vouched.roles == {Role.OPERATOR, Role.APPROVER}
    assert vouched.subject not in ("", "cora")
    assert await sqlite_store.write(provision, ORG, clock.now_ms, vouched) == "cora"

    await provider.use_key("RS256", "second")  # it signed with ES256 before
    await clock.advance(30_000)
    again = await openid.start()
    returned = await openid.finish(await provider.visit(again.url, "cora"), again.browser)
    assert returned == vouched


async def test_what_the_provider_or_the_groups_refuse_is_refused_by_its_code(
    provider: Glewlwyd, sqlite_store: Store
) -> None:
    await provider.add_client(REDIRECT)
    openid = opened(provider, sqlite_store, SystemClock())

    nobody = await openid.start()
    query = await provider.visit(nobody.url, "dora")
    with pytest.raises(OpenIdError, match=r"^oidc\.no_role$"):
        await openid.finish(query, nobody.browser)

    # The code was made for the other verifier: PKCE at the provider.
    mine, other = await openid.start(), await openid.start()
    code = (await provider.visit(other.url, "cora"))["code"]
    query = await provider.visit(mine.url, "cora") | {"code": code}
    with pytest.raises(OpenIdError, match=r"^oidc\.token$"):
        await openid.finish(query, mine.browser)

    stranger = opened(provider, sqlite_store, SystemClock(), b"another secret")
    start = await stranger.start()
    query = await provider.visit(start.url, "cora")
    with pytest.raises(OpenIdError, match=r"^oidc\.token$"):
        await stranger.finish(query, start.browser)

    refused = await openid.start()
    url = httpx.URL(refused.url).copy_set_param("prompt", "none")
    async with httpx.AsyncClient(trust_env=False) as browser:
        answer = await browser.get(url)
    query = dict(httpx.URL(answer.headers["location"]).params)
    assert query["error"] == "interaction_required"
    with pytest.raises(OpenIdError, match=r"^oidc\.denied$"):
        await openid.finish(query, refused.browser)


async def test_a_browser_goes_to_the_provider_and_comes_back_logged_in(
    provider: Glewlwyd, sqlite_store: Store
) -> None:
    start = SystemClock().now_ms()
    async with a_collector_with(
        sqlite_store, provider.issuer, start, scopes=["openid"]
    ) as collector:
        await provider.add_client(f"{collector.origin}/oidc/callback")
        there = await go(collector, "/oidc/start")
        assert there.status == 303
        back = await go(
            collector, "/oidc/callback", **await provider.visit(there.headers["Location"], "cora")
        )
        assert (back.status, back.headers["Location"]) == (303, "/")
        me = await (await collector.client.get("/api/v1/me")).json()
        assert (me["account"], me["roles"], me["by"]) == ("cora", ["operator"], "session")
