"""The pages people enter by: forms, cookies, and what another origin cannot do."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from collector.access.policy import Role
from collector.store.store import Store
from tests.support.collectors import Collector, a_collector
from tests.support.entering import PASSWORD, Person


@pytest.fixture
async def collector(sqlite_store: Store) -> AsyncIterator[Collector]:
    async with a_collector(sqlite_store) as opened:
        yield opened


async def log_in(collector: Collector, person: Person) -> None:
    answer = await collector.form(
        "/login", account=person.account, password=PASSWORD, code=collector.code(person)
    )
    assert (answer.status, answer.headers["Location"]) == (303, "/")


async def test_who_is_not_known_is_sent_to_the_login(collector: Collector) -> None:
    answer = await collector.client.get("/", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/login")
    page = await (await collector.client.get("/login")).text()
    assert "<title>Log in - Wardwatch</title>" in page
    assert "/oidc/start" not in page


async def test_the_first_admin_enrols_with_the_link_and_logs_in_and_out(
    collector: Collector,
) -> None:
    code = await collector.access.first_link()
    assert code is not None
    page = await (await collector.client.get("/enrol")).text()
    assert 'data-from-fragment="invitation"' in page
    answer = await collector.form("/enrol", invitation=code)
    page = await answer.text()
    secret = re.search(r'class="secret">([A-Z2-7 ]+)<', page)
    assert answer.status == 200
    assert secret is not None
    assert "<svg" in page
    person = Person("admin-1", PASSWORD, secret.group(1).replace(" ", ""))
    fields = {"invitation": code, "account": "admin-1", "password": PASSWORD, "again": PASSWORD}
    answer = await collector.form("/enrol", **fields | {"again": "something else"}, code="1")
    assert answer.status == 400
    assert "The two passwords are not the same." in await answer.text()
    answer = await collector.form("/enrol", **fields, code="000000")
    assert "The code is not the one the authenticator shows now." in await answer.text()
    answer = await collector.form("/enrol", **fields, code=collector.code(person))
    assert (answer.status, "admin-1 can log in now" in await answer.text()) == (200, True)
    answer = await collector.form("/enrol", invitation=code)
    assert answer.status == 401
    assert "This link was used, has expired, or never was one" in await answer.text()

    await log_in(collector, person)
    page = await (await collector.client.get("/")).text()
    assert "admin-1 (admin)" in page
    assert '<th scope="row">EHR</th>' in page
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf is not None
    answer = await collector.form("/logout", csrf=csrf.group(1))
    assert (answer.status, answer.headers["Location"]) == (303, "/login")
    answer = await collector.client.get("/", allow_redirects=False)
    assert answer.headers["Location"] == "/login"


async def test_a_wrong_code_is_told_without_saying_what_is_wrong(collector: Collector) -> None:
    person = await collector.person("ann", Role.VIEWER)
    known = await collector.form("/login", account="ann", password=PASSWORD, code="000000")
    unknown = await collector.form("/login", account="bob", password=PASSWORD, code="000000")
    assert (known.status, unknown.status) == (401, 401)
    assert await known.text() == await unknown.text()
    assert "Account, password and code do not belong together" in await known.text()
    assert "Set-Cookie" not in known.headers
    assert person.account == "ann"


async def test_the_session_cookie_is_read_by_no_script_and_sent_to_nobody_else(
    collector: Collector,
) -> None:
    person = await collector.person("ann", Role.VIEWER)
    answer = await collector.form(
        "/login", account="ann", password=PASSWORD, code=collector.code(person)
    )
    name, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert name.startswith("wardwatch=wws_")
    assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Lax"]


@pytest.mark.parametrize("path", ["/login", "/enrol"])
async def test_a_form_of_another_origin_is_refused(collector: Collector, path: str) -> None:
    answer = await collector.form(path, origin="https://evil.example.org", account="ann")
    assert (answer.status, (await answer.json(content_type=None))["code"]) == (
        403,
        "access.foreign_origin",
    )


async def test_an_act_with_a_cookie_needs_our_origin_and_the_sessions_csrf_token(
    collector: Collector,
) -> None:
    await log_in(collector, await collector.person("ann", Role.OPERATOR))
    me = await (await collector.client.get("/api/v1/me")).json()
    window = {
        "id": "upgrade", "systems": ["ehr"], "start": "2026-01-02T02:00",
        "end": "2026-01-02T04:00", "timezone": "America/Chicago",
    }  # fmt: skip

    async def propose(**headers: str) -> tuple[int, str | None]:
        answer = await collector.client.post(
            "/api/v1/maintenance", json={"windows": [window]}, headers=headers
        )
        return answer.status, (await answer.json(content_type=None)).get("code")

    good, origin = {"X-CSRF-Token": me["csrf"]}, {"Origin": collector.origin}
    assert await propose() == (403, "access.foreign_origin")
    assert await propose(**good) == (403, "access.foreign_origin")
    assert await propose(**good, Origin="https://evil.example.org") == (
        403,
        "access.foreign_origin",
    )
    assert await propose(**origin) == (403, "access.csrf")
    assert await propose(**origin, **{"X-CSRF-Token": me["csrf"][:-1]}) == (403, "access.csrf")
    assert await propose(**origin, **good) == (200, None)


async def test_a_logout_without_the_token_of_the_session_changes_nothing(
    collector: Collector,
) -> None:
    await log_in(collector, await collector.person("ann", Role.VIEWER))
    answer = await collector.form("/logout", csrf="guessed")
    assert answer.status == 403
    assert (await collector.client.get("/api/v1/me")).status == 200


async def test_what_is_typed_is_shown_as_text(collector: Collector) -> None:
    code = await collector.access.first_link()
    assert code is not None
    answer = await collector.form(
        "/enrol", invitation=code, account='"><script>', password="a", again="b", code="1"
    )
    assert "<script>" not in (await answer.text()).partition("</head>")[2]


async def test_style_and_script_are_ours_and_nothing_else_is_served(collector: Collector) -> None:
    style = await collector.client.get("/static/style.css")
    script = await collector.client.get("/static/page.js")
    assert (style.content_type, script.content_type) == ("text/css", "text/javascript")
    for name in ("pages.py", "..%2Fpages.py", ""):
        assert (await collector.client.get(f"/static/{name}")).status == 404


async def test_a_person_makes_a_token_sees_it_once_and_revokes_it(collector: Collector) -> None:
    await log_in(collector, await collector.person("ann", Role.VIEWER))
    page = await (await collector.client.get("/tokens")).text()
    assert "You have no token that is good." in page
    csrf = (await (await collector.client.get("/api/v1/me")).json())["csrf"]
    answer = await collector.form("/tokens", csrf=csrf, days="30", scopes="systems.read")
    page = await answer.text()
    secret = re.search(r"wwt_[A-Za-z0-9_-]{43}", page)
    assert secret is not None
    assert "It is good until 2026-01-31 00:00 UTC." in page
    headers = {"Authorization": f"Bearer {secret.group()}"}
    assert (await collector.client.get("/api/v1/systems", headers=headers)).status == 200
    assert (await collector.client.get("/api/v1/agents", headers=headers)).status == 403
    page = await (await collector.client.get("/tokens")).text()
    assert secret.group() not in page
    assert '<td class="wrap">systems.read</td>' in page
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token is not None
    answer = await collector.form("/tokens/revoke", csrf=csrf, token=token.group(1))
    assert (answer.status, answer.headers["Location"]) == (303, "/tokens")
    assert (await collector.client.get("/api/v1/systems", headers=headers)).status == 401


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"days": "91", "scopes": "self"}, "A token lives longer than nothing"),
        ({"days": "x", "scopes": "self"}, "A token lives longer than nothing"),
        ({"days": "1"}, "A token has at least one scope"),
        ({"days": "1", "scopes": "accounts.manage"}, "A token cannot do more than its owner"),
        ({"days": "1", "scopes": "everything"}, "A token has at least one scope"),
    ],
)
async def test_a_token_that_cannot_be_is_refused_with_the_reason(
    collector: Collector, fields: dict[str, str], said: str
) -> None:
    await log_in(collector, await collector.person("ann", Role.VIEWER))
    csrf = (await (await collector.client.get("/api/v1/me")).json())["csrf"]
    answer = await collector.form("/tokens", csrf=csrf, **fields)
    assert answer.status in (400, 403)
    assert said in await answer.text()
    assert "wwt_" not in await answer.text()
