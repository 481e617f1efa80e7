"""The way of a login: what is sent, what comes back, whose it is."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Connection, select

from collector.access.oidc_errors import OpenIdError
from collector.access.oidc_logins import Login, begin
from collector.access.vouched import Vouched
from collector.store.access_tables import oidc_logins
from probes.roles import Role
from tests.support.openid import CANARY, s256
from tests.unit.oidc.stage import ORG, REDIRECT, Stage, opened


async def test_a_login_tells_issuer_subject_id_and_roles_and_nothing_else(stage: Stage) -> None:
    assert await stage.login() == Vouched(
        stage.provider.issuer, "subject-1", "cora", frozenset({Role.OPERATOR})
    )


async def test_the_browser_is_sent_with_code_flow_pkce_and_the_exact_redirect(
    stage: Stage,
) -> None:
    start = await stage.openid.start()
    address = urlsplit(start.url)
    query = parse_qs(address.query)
    assert f"{address.scheme}://{address.netloc}{address.path}" == (
        stage.provider.issuer.removesuffix("/hospital") + "/authorize"
    )
    nonce, challenge = query.pop("nonce"), query.pop("code_challenge")
    assert query == {
        "tenant": ["1"],
        "response_type": ["code"],
        "client_id": ["wardwatch"],
        "redirect_uri": [REDIRECT],
        "scope": ["openid profile groups"],
        "state": [start.state],
        "code_challenge_method": ["S256"],
    }
    assert [len(w) for w in (start.state, start.browser, *nonce, *challenge)] == [43, 43, 43, 43]
    assert start.max_age_s == 600


async def test_the_verifier_sent_for_the_token_is_the_one_the_challenge_was_made_of(
    stage: Stage,
) -> None:
    await stage.login()
    form = stage.provider.forms[0]
    assert s256(form.pop("code_verifier")) == stage.provider.challenge
    assert form == {
        "grant_type": "authorization_code",
        "code": "code-1",
        "redirect_uri": REDIRECT,
    }


async def test_the_secret_goes_in_the_header_each_part_encoded(stage: Stage) -> None:
    await stage.login()
    sent = [h["Authorization"] for h in stage.provider.headers if "Authorization" in h]
    assert sent == ["Basic d2FyZHdhdGNoOmElM0FiK2M="]  # wardwatch:a%3Ab+c


async def test_the_secret_goes_in_the_form_where_the_provider_knows_no_header(
    stage: Stage,
) -> None:
    stage.provider.document["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    await stage.login()
    form = stage.provider.forms[0]
    assert (form["client_id"], form["client_secret"]) == ("wardwatch", "a:b c")


async def test_a_public_client_sends_its_name_and_no_secret(stage: Stage) -> None:
    stage.openid = opened(stage.provider, stage.store, stage.clock, client_secret=None)
    await stage.login()
    form = stage.provider.forms[0]
    assert form["client_id"] == "wardwatch"
    assert "client_secret" not in form
    assert [h for h in stage.provider.headers if "Authorization" in h] == []


async def test_a_secret_that_cannot_be_read_is_told(stage: Stage) -> None:
    stage.openid = opened(stage.provider, stage.store, stage.clock, client_secret="env:GONE")
    assert await stage.refused() == "oidc.secret"


async def test_only_hashes_of_state_and_cookie_are_stored(stage: Stage) -> None:
    start = await stage.openid.start()
    stored = str(await stage.store.read(_rows))
    assert start.state not in stored
    assert start.browser not in stored
    assert str(stage.clock.now_ms() + 600_000) in stored


async def test_a_state_works_once(stage: Stage) -> None:
    start = await stage.openid.start()
    await stage.back(start)
    with pytest.raises(OpenIdError, match=r"^oidc\.state$"):
        await stage.back(start)


async def test_a_login_that_failed_cannot_be_tried_again_with_its_state(stage: Stage) -> None:
    start = await stage.openid.start()
    with pytest.raises(OpenIdError, match=r"^oidc\.denied$"):
        await stage.back(start, error="access_denied")
    with pytest.raises(OpenIdError, match=r"^oidc\.state$"):
        await stage.back(start)


async def test_another_browser_cannot_finish_a_login(stage: Stage) -> None:
    mine, other = await stage.openid.start(), await stage.openid.start()
    query = stage.provider.visit(mine.url)
    for cookie in (other.browser, ""):
        with pytest.raises(OpenIdError, match=r"^oidc\.state$"):
            await stage.openid.finish(query, cookie)


async def test_a_state_nobody_was_given_is_refused_without_asking_the_provider(
    stage: Stage,
) -> None:
    for query in ({}, {"state": "made-up", "code": "code-1"}, {"state": "\udcff"}):
        with pytest.raises(OpenIdError, match=r"^oidc\.state$"):
            await stage.openid.finish(query, "cookie")
    assert stage.provider.asked == []


async def test_a_login_ends_after_ten_minutes(stage: Stage) -> None:
    late, timely = await stage.openid.start(), await stage.openid.start()
    await stage.clock.advance(599_999)
    stage.provider.now_s += 599
    assert (await stage.back(timely)).subject == "subject-1"
    await stage.clock.advance(1)
    with pytest.raises(OpenIdError, match=r"^oidc\.expired$"):
        await stage.back(late)


async def test_logins_past_their_time_are_removed_by_the_next_one(stage: Stage) -> None:
    first = await stage.openid.start()
    await stage.clock.advance(600_000)
    await stage.openid.start()
    with pytest.raises(OpenIdError, match=r"^oidc\.state$"):
        await stage.back(first)


async def test_a_thousand_logins_under_way_are_the_most(stage: Stage) -> None:
    now = stage.clock.now_ms()

    def fill(conn: Connection, org: str, count: int) -> None:
        for number in range(count):
            assert begin(conn, org, Login(f"s{number}", "b", "n", "v", now + 1_000), now)

    await stage.store.write(fill, "another-org", 1)
    await stage.store.write(fill, ORG, 999)
    last = await stage.openid.start()
    with pytest.raises(OpenIdError, match=r"^oidc\.busy$"):
        await stage.openid.start()
    assert (await stage.back(last)).subject == "subject-1"
    await stage.clock.advance(1_000)
    assert (await stage.login()).subject == "subject-1"


@pytest.mark.parametrize("error", ["access_denied", "server_error", "", CANARY])
async def test_what_the_provider_refuses_is_denied_without_its_words(
    stage: Stage, error: str
) -> None:
    assert await stage.refused(error=error, error_description=CANARY) == "oidc.denied"


async def test_an_answer_of_another_issuer_is_refused_before_its_code_is_used(
    stage: Stage,
) -> None:
    assert await stage.refused(iss="https://login.example.org") == "oidc.issuer"
    assert await stage.refused(iss=stage.provider.issuer + "/") == "oidc.issuer"
    assert "/token" not in stage.provider.asked


async def test_an_answer_without_issuer_is_refused_where_the_provider_always_sends_it(
    stage: Stage,
) -> None:
    stage.provider.document["authorization_response_iss_parameter_supported"] = True
    start = await stage.openid.start()
    query = stage.provider.visit(start.url)
    del query["iss"]
    with pytest.raises(OpenIdError, match=r"^oidc\.issuer$"):
        await stage.openid.finish(query, start.browser)


async def test_an_answer_needs_no_issuer_where_the_provider_does_not_promise_it(
    stage: Stage,
) -> None:
    start = await stage.openid.start()
    query = stage.provider.visit(start.url)
    del query["iss"]
    assert (await stage.openid.finish(query, start.browser)).subject == "subject-1"


async def test_an_answer_without_a_code_is_refused(stage: Stage) -> None:
    start = await stage.openid.start()
    query = stage.provider.visit(start.url)
    del query["code"]
    with pytest.raises(OpenIdError, match=r"^oidc\.token$"):
        await stage.openid.finish(query, start.browser)
    assert "/token" not in stage.provider.asked


async def test_a_code_the_provider_does_not_know_is_no_token(stage: Stage) -> None:
    assert await stage.refused(code="code-2") == "oidc.token"


async def test_a_token_answer_without_an_id_token_is_refused(stage: Stage) -> None:
    stage.provider.token["id_token"] = None
    assert await stage.refused() == "oidc.token"


async def test_no_word_of_the_provider_is_in_logs_errors_or_rows(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await stage.login()
    assert await stage.refused(error=CANARY) == "oidc.denied"
    stage.provider.faults["/token"] = "500"  # with the canary as reason phrase and body
    assert await stage.refused() == "oidc.unreachable"
    await stage.openid.start()
    for text in (caplog.text, repr(await stage.store.read(_rows))):
        assert CANARY not in text
        assert "at-1" not in text
        assert "code-1" not in text


def _rows(conn: Connection) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in conn.execute(select(oidc_logins))]
