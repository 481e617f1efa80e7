"""Login by OpenID Connect against a simulated provider that lies: every refusal by its code."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from sqlalchemy import Connection, select

from collector.access.oidc import OpenId, Start
from collector.access.oidc_errors import OpenIdError
from collector.access.oidc_http import strict_clients
from collector.access.oidc_logins import Login, begin
from collector.access.oidc_token import Expected, UnknownKeyError, judged, keys_of
from collector.access.vouched import Vouched
from collector.store.access_tables import oidc_logins
from collector.store.store import Store
from probes.clock import ManualClock
from probes.config import OpenIdProvider
from probes.roles import Role
from tests.support.memory_store import MemoryStore
from tests.support.openid import (
    CANARY,
    EC,
    ED,
    OTHER_RSA,
    RSA,
    SimulatedProvider,
    by_key,
    by_public_key,
    part,
    s256,
    simulated_provider,
    unsigned,
)

ORG = "st-elsewhere"
REDIRECT = "https://wardwatch.example.org/login/back"
CLIENTS = strict_clients()
DISCOVERY = "/hospital/.well-known/openid-configuration"


@dataclass
class Stage:
    """One collector and its simulated provider."""

    openid: OpenId
    provider: SimulatedProvider
    clock: ManualClock
    store: Store

    async def login(self, **answer: str) -> Vouched:
        """From the first redirect to the end; `answer` adds to what the browser brings back."""
        start = await self.openid.start()
        return await self.back(start, **answer)

    async def back(self, start: Start, **answer: str) -> Vouched:
        query = self.provider.visit(start.url) | answer
        return await self.openid.finish(query, start.browser)

    async def refused(self, **answer: str) -> str:
        with pytest.raises(OpenIdError) as caught:
            await self.login(**answer)
        return str(caught.value)


def configured(issuer: str, **changes: Any) -> OpenIdProvider:
    return OpenIdProvider.model_validate(
        {
            "issuer": issuer,
            "client_id": "wardwatch",
            "client_secret": "file:/run/secrets/oidc",
            "roles": {"ward-ops": ["operator"], "admins": ["admin", "approver"]},
            **changes,
        }
    )


def opened(provider: SimulatedProvider, store: Store, clock: ManualClock, **changes: Any) -> OpenId:
    return OpenId(
        configured(provider.issuer, **changes),
        REDIRECT,
        store,
        ORG,
        clients=CLIENTS,
        clock=clock,
        random_bytes=os.urandom,
        secret=lambda ref: {"file:/run/secrets/oidc": b"a:b c\n"}[ref],
        deadline_s=5,
    )


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    clock, store = ManualClock(), MemoryStore(oidc_logins)
    async with simulated_provider(clock.now_ms()) as provider:
        yield Stage(opened(provider, store, clock), provider, clock, store)
    await store.close()


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


# state


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


# the answer


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


# what the provider publishes


@pytest.mark.parametrize("other", ["https://login.example.org", "", None])
async def test_a_discovery_document_of_another_issuer_is_refused(
    stage: Stage, other: str | None
) -> None:
    stage.provider.document["issuer"] = other
    assert await stage.refused() == "oidc.issuer"


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize("value", [None, "http://login.example.org/x", "ftp://127.0.0.1/x", 7])
async def test_endpoints_missing_or_in_the_clear_are_refused(
    stage: Stage, name: str, value: Any
) -> None:
    stage.provider.document[name] = value
    assert await stage.refused() == "oidc.unreachable"


FAULTS = ["big", "redirect", "text", "list", "gzip", "500"]


@pytest.mark.parametrize("path", [DISCOVERY, "/keys", "/token"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_an_unusable_answer_is_refused_wherever_it_comes(
    stage: Stage, path: str, fault: str
) -> None:
    stage.provider.faults[path] = fault
    assert await stage.refused() == "oidc.unreachable"
    assert stage.provider.asked[-1] == path  # a redirect is not followed


@pytest.mark.parametrize("path", [DISCOVERY, "/keys", "/token"])
async def test_a_slow_answer_is_given_up(stage: Stage, path: str) -> None:
    stage.openid._exchange._deadline_s = 0.2
    stage.provider.faults[path] = "hang"
    assert await stage.refused() == "oidc.unreachable"


async def test_a_provider_that_is_not_there_is_told(stage: Stage) -> None:
    gone = SimulatedProvider(issuer="http://127.0.0.1:1/hospital")
    with pytest.raises(OpenIdError, match=r"^oidc\.unreachable$"):
        await opened(gone, stage.store, stage.clock).start()


async def test_people_in_line_do_not_each_wait_for_a_provider_that_hangs(stage: Stage) -> None:
    stage.openid._exchange._deadline_s = 0.2
    stage.provider.faults[DISCOVERY] = "hang"
    ends = await asyncio.gather(*(stage.openid.start() for _ in range(8)), return_exceptions=True)
    assert {str(end) for end in ends} == {"oidc.unreachable"}
    assert stage.provider.asked == [DISCOVERY]
    stage.provider.faults.clear()
    await stage.clock.advance(4_999)
    assert await stage.refused() == "oidc.unreachable"
    await stage.clock.advance(1)
    assert (await stage.login()).subject == "subject-1"


async def test_what_is_published_is_kept_for_an_hour(stage: Stage) -> None:
    await stage.login()
    await stage.clock.advance(3_599_999)
    stage.provider.now_s += 3_599
    await stage.login()
    assert [stage.provider.asked.count(p) for p in (DISCOVERY, "/keys")] == [1, 1]
    await stage.clock.advance(1)
    await stage.login()
    assert [stage.provider.asked.count(p) for p in (DISCOVERY, "/keys")] == [2, 2]


async def test_a_rotated_key_is_fetched_once_and_believed(stage: Stage) -> None:
    await stage.login()
    new = EC.generate_key("P-256", {"kid": "new"})
    stage.provider.keys, stage.provider.sign = [new], by_key(new, "ES256", "new")
    await stage.clock.advance(30_000)
    assert (await stage.login()).subject == "subject-1"
    assert stage.provider.asked.count("/keys") == 2


async def test_an_unknown_key_has_the_keys_fetched_at_most_every_thirty_seconds(
    stage: Stage,
) -> None:
    stage.provider.sign = by_key(OTHER_RSA, "RS256", "nobody")
    assert await stage.refused() == "oidc.id_token"
    await stage.clock.advance(29_999)
    assert await stage.refused() == "oidc.id_token"
    assert stage.provider.asked.count("/keys") == 1
    await stage.clock.advance(1)
    assert await stage.refused() == "oidc.id_token"
    assert stage.provider.asked.count("/keys") == 2


# the ID token


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [
        (RSA, "RS256", "rsa"),
        (RSA, "PS256", "rsa"),
        (EC, "ES256", "ec"),
        (ED, "EdDSA", "ed"),
        (RSA, "RS256", None),
    ],
)
async def test_four_algorithms_are_believed_with_or_without_the_name_of_the_key(
    stage: Stage, key: Any, algorithm: str, kid: str | None
) -> None:
    stage.provider.sign = by_key(key, algorithm, kid)
    assert (await stage.login()).subject == "subject-1"


@pytest.mark.parametrize(
    "sign",
    [
        unsigned,
        by_public_key,
        by_key(RSA, "RS512", "rsa"),
        by_key(OTHER_RSA, "RS256", "rsa"),
        by_key(RSA, "RS256", "ec"),
        lambda claims: "not.a.token",
        lambda claims: by_key(RSA, "RS256", "rsa")(claims)[:-8] + "AAAAAAAA",
        lambda claims: "",
    ],
    ids=["none", "hs256", "rs512", "other-key", "other-kid", "garbage", "changed", "empty"],
)
async def test_another_signature_is_refused(stage: Stage, sign: Any) -> None:
    stage.provider.sign = sign
    assert await stage.refused() == "oidc.id_token"


START_S = ManualClock().now_ms() // 1000


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": []},
        {"aud": ["another", "third"], "azp": "wardwatch"},
        {"aud": ["wardwatch", "another"]},
        {"aud": ["wardwatch", "another"], "azp": "another"},
        {"azp": "another"},
        {"iss": "https://login.example.org"},
        {"iss": None},
        {"exp": START_S - 60},
        {"exp": None},
        {"exp": "soon"},
        {"iat": START_S + 61},
        {"iat": START_S - 661},
        {"iat": None},
        {"iat": "now"},
        {"nbf": START_S + 61},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"sub": "J\u00e4ne"},
        {"at_hash": "of-another-token"},
        {"at_hash": 7},
    ],
    ids=str,
)
async def test_a_claim_that_does_not_hold_is_refused(stage: Stage, claims: dict[str, Any]) -> None:
    stage.provider.claims = claims
    assert await stage.refused() == "oidc.id_token"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["wardwatch"]},
        {"aud": ["wardwatch", "another"], "azp": "wardwatch"},
        {"exp": START_S - 59},
        {"iat": START_S + 60},
        {"iat": START_S - 660},
        {"at_hash": "R8PYaIQdcYEdkSc9TeGyiQ"},
        {"sub": "subject-1", "auth_time": 0, "acr": "0", "amr": ["pwd"], "c_hash": "unasked"},
    ],
    ids=str,
)
async def test_a_claim_at_its_bound_is_believed(stage: Stage, claims: dict[str, Any]) -> None:
    stage.provider.claims = claims
    assert (await stage.login()).subject == "subject-1"


@given(st.text() | st.text(alphabet="eyJhbGci.AB_-0", max_size=60))
def test_any_text_is_a_refused_token(token: str) -> None:
    expected = Expected("https://login.example.org", "wardwatch", "n", None, 0)
    keys = keys_of({"keys": [RSA.as_dict(private=False)]})
    with pytest.raises((OpenIdError, UnknownKeyError)):
        judged(token, keys, expected)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)
NAMES = ["iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash", "amr", "auth_time"]


@given(
    claims=st.dictionaries(st.sampled_from(NAMES), JSON),
    header=st.dictionaries(st.sampled_from(["kid", "typ", "crit", "b64", "x5c", "jku"]), JSON),
)
def test_any_claims_and_header_under_a_good_signature_are_judged_without_an_accident(
    claims: dict[str, Any], header: dict[str, Any]
) -> None:
    holds = {"iss": "i", "sub": "s", "aud": "wardwatch", "exp": 60, "iat": 0, "nonce": "n"}
    signed = part(json.dumps({**header, "alg": "ES256"}).encode())
    signed += b"." + part(json.dumps(holds | claims).encode())
    algorithm = jws.default_registry.algorithms["ES256"]
    token = signed + b"." + part(algorithm.sign(signed, EC))
    keys = keys_of({"keys": [EC.as_dict(private=False)]})
    try:
        found = judged(token.decode(), keys, Expected("i", "wardwatch", "n", "at-1", 0))
    except (OpenIdError, UnknownKeyError):
        return
    assert (found["iss"], found["nonce"], found["sub"].isascii()) == ("i", "n", True)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["kty", "crv", "x", "y", "n", "e", "d", "kid", "alg", "use", "k"]),
            JSON | st.sampled_from(["RSA", "EC", "OKP", "P-256", "P-521", "Ed25519", "X25519"]),
        )
    )
)
def test_any_key_set_is_read_without_an_accident(entries: list[dict[str, Any]]) -> None:
    good = EC.as_dict(private=False)
    found = keys_of({"keys": [*entries, *(good | entry for entry in entries), good]})
    assert found[-1].id == "ec"


def test_keys_that_are_broken_weak_or_for_something_else_are_passed_over() -> None:
    good = EC.as_dict(private=False)
    weak = {"kty": "RSA", "n": "x" * 100, "e": "AQAB"}
    others: list[Any] = [7, {}, {"kty": []}, {"kty": "oct", "k": "AAAA"}, weak, good | {"x": "?"}]
    others += [good | {"use": "enc"}, {"kty": "OKP", "crv": "Ed448", "x": "AA"}, good | {"x": 7}]
    assert [key.id for key in keys_of({"keys": [*others, good]})] == ["ec"]
    assert keys_of({"keys": 7}) == ()
    assert keys_of({}) == ()


# groups


@pytest.mark.parametrize(
    "groups",
    [[], ["everybody"], "everybody", 7, {"ward-ops": True}, [["ward-ops"]], ["Ward-Ops"], False],
)
async def test_who_is_in_no_group_with_a_role_is_refused(stage: Stage, groups: Any) -> None:
    stage.provider.claims["groups"] = groups
    assert await stage.refused() == "oidc.no_role"
    assert "/userinfo" not in stage.provider.asked


async def test_all_groups_of_a_person_count_together(stage: Stage) -> None:
    stage.provider.claims["groups"] = ["admins", "ward-ops"]
    assert (await stage.login()).roles == {Role.ADMIN, Role.APPROVER, Role.OPERATOR}


async def test_one_group_may_be_written_as_a_text(stage: Stage) -> None:
    stage.openid = opened(stage.provider, stage.store, stage.clock, groups_claim="role")
    stage.provider.claims["role"] = "ward-ops"
    assert (await stage.login()).roles == {Role.OPERATOR}


async def test_userinfo_is_asked_only_where_the_token_has_no_groups(stage: Stage) -> None:
    await stage.login()
    assert "/userinfo" not in stage.provider.asked
    stage.provider.claims = {"groups": None, "preferred_username": None}
    stage.provider.userinfo = {"groups": ["admins"], "preferred_username": "dora"}
    assert await stage.login() == Vouched(
        stage.provider.issuer, "subject-1", "dora", frozenset({Role.ADMIN, Role.APPROVER})
    )
    assert stage.provider.headers[-1]["Authorization"] == "Bearer at-1"


@pytest.mark.parametrize("subject", ["subject-2", None])
async def test_userinfo_of_another_person_is_refused(stage: Stage, subject: str | None) -> None:
    stage.provider.claims["groups"] = None
    stage.provider.userinfo = {"sub": subject, "groups": ["ward-ops"]}
    assert await stage.refused() == "oidc.id_token"


@pytest.mark.parametrize("fault", FAULTS)
async def test_userinfo_without_a_usable_answer_is_refused(stage: Stage, fault: str) -> None:
    stage.provider.claims["groups"] = None
    stage.provider.faults["/userinfo"] = fault
    assert await stage.refused() == "oidc.unreachable"


@pytest.mark.parametrize(
    "gone", [{"userinfo_endpoint": None}, {"access_token": None}], ids=["endpoint", "token"]
)
async def test_without_groups_anywhere_there_is_no_role(
    stage: Stage, gone: dict[str, None]
) -> None:
    stage.provider.claims["groups"] = None
    (stage.provider.token if "access_token" in gone else stage.provider.document).update(gone)
    assert await stage.refused() == "oidc.no_role"


# nothing of the person anywhere


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
