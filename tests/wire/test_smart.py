from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.assertion import load_key
from probes.contract import Fact
from probes.wire.smart import (
    Discovery,
    Grant,
    judge_discovery,
    judge_keys,
    judge_status,
    judge_token,
)
from tests.support.client_keys import ec_pem, jwk, rsa_pem

URL = "https://auth.example.org/oauth2/token"
WHOLE: dict[str, Any] = {
    "token_endpoint": URL,
    "grant_types_supported": ["client_credentials"],
    "token_endpoint_auth_methods_supported": ["private_key_jwt"],
    "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
    "code_challenge_methods_supported": ["S256"],
    "capabilities": ["client-confidential-asymmetric"],
}
SCOPE = "system/Patient.rs"
GRANT: dict[str, Any] = {
    "access_token": "abc.DEF-1",
    "token_type": "bearer",
    "expires_in": 300,
    "scope": SCOPE,
}


def told(verdict: Any) -> tuple[str, str]:
    return verdict.outcome.value, verdict.reason.value


def discovered(document: Any, media_type: str = "application/json") -> tuple[Any, Any]:
    verdict, found = judge_discovery(media_type, json.dumps(document).encode())
    return told(verdict), found


def test_a_whole_document_is_up_and_names_the_token_endpoint() -> None:
    verdict, found = discovered(WHOLE, "application/json; charset=utf-8")
    assert verdict == ("up", "ok")
    assert (found.token_url, found.deviations) == (URL, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"grant_types_supported": ["authorization_code"]},
        {"grant_types_supported": "client_credentials"},
        {"token_endpoint_auth_methods_supported": None,
         "token_endpoint_auth_methods": ["private_key_jwt"]},
        {"token_endpoint_auth_signing_alg_values_supported": None},
        {"code_challenge_methods_supported": ["S256", "plain"]},
        {"code_challenge_methods_supported": []},
        {"capabilities": []},
        {"capabilities": [1, None]},
    ],
)  # fmt: skip
def test_a_deviation_of_servers_in_the_field_is_counted_and_no_failure(
    change: dict[str, Any],
) -> None:
    verdict, found = discovered({**WHOLE, **change})
    assert (verdict, found.deviations) == (("up", "ok"), 1)


def test_a_media_type_is_a_deviation_and_several_add_up() -> None:
    assert discovered(WHOLE, "text/plain")[1].deviations == 1
    assert discovered({"token_endpoint": URL}, "")[1].deviations == 6


@pytest.mark.parametrize(
    "document",
    [
        {}, [], None, "x", {"token_endpoint": None}, {"token_endpoint": 7},
        {"token_endpoint": "/oauth2/token"},
        {"token_endpoint": "http://auth.example.org/token"},
        {"token_endpoint": "https://user:pw@auth.example.org/token"},
        {"token_endpoint": "https://auth.example.org/a b"},
    ],
)  # fmt: skip
def test_without_a_token_endpoint_on_https_it_is_no_discovery_document(document: Any) -> None:
    assert discovered(document) == (("down", "smart.discovery"), None)


def test_the_order_of_lists_makes_no_other_document() -> None:
    turned = {**WHOLE, "token_endpoint_auth_signing_alg_values_supported": ["ES384", "RS384"]}
    moved = {**WHOLE, "token_endpoint": f"{URL}/2"}
    assert discovered(turned)[1].digest == discovered(WHOLE)[1].digest
    assert discovered(moved)[1].digest != discovered(WHOLE)[1].digest


def answered(
    status: int, document: Any, scope: str = SCOPE
) -> tuple[tuple[str, str], Grant | None, dict[str, int]]:
    about: dict[Fact, int] = {}
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    verdict, grant = judge_token(status, body, scope, about)
    return told(verdict), grant, {fact.value: value for fact, value in about.items()}


@pytest.mark.parametrize(
    ("change", "lives_s"),
    [
        ({}, 300),
        ({"token_type": "Bearer"}, 300),
        ({"token_type": "BEARER", "expires_in": "120"}, 120),
        ({"expires_in": 59.9}, 59),
        ({"expires_in": None}, 300),
        ({"expires_in": "soon"}, 300),
        ({"expires_in": True}, 300),
        ({"expires_in": 0}, 0),
        ({"expires_in": -5}, 0),
        ({"expires_in": 10**12}, 86_400),
        ({"expires_in": 1e300}, 86_400),
        ({"scope": "system/*.cruds"}, 300),
    ],
)
def test_a_grant_has_a_token_and_a_life(change: dict[str, Any], lives_s: int) -> None:
    verdict, grant, about = answered(200, {**GRANT, **change})
    assert verdict == ("up", "ok")
    assert grant == Grant("abc.DEF-1", lives_s)
    assert about == {"token_expires_s": lives_s}
    assert "abc" not in repr(grant)


def test_a_scope_left_out_is_the_scope_that_was_asked_for() -> None:
    grant = {name: value for name, value in GRANT.items() if name not in ("scope", "token_type")}
    assert answered(200, grant)[0] == ("up", "ok")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"access_token": None}, "smart.not_token"),
        ({"access_token": ""}, "smart.not_token"),
        ({"access_token": "a b"}, "smart.not_token"),
        ({"access_token": "a\r\nX-Evil: 1"}, "smart.not_token"),
        ({"access_token": "\u00e4"}, "smart.not_token"),
        ({"access_token": "a" * 20_000}, "smart.not_token"),
        ({"token_type": "mac"}, "smart.not_token"),
        ({"token_type": None}, "smart.not_token"),
    ],
)
def test_a_success_without_a_bearer_token_is_down(change: dict[str, Any], reason: str) -> None:
    assert answered(200, {**GRANT, **change}) == (("down", reason), None, {})


@pytest.mark.parametrize("granted", ["", "system/Location.rs", "system/Patient.r", None, 7])
def test_trap_9_less_than_was_asked_for_is_no_grant(granted: Any) -> None:
    verdict, grant, about = answered(200, {**GRANT, "scope": granted})
    assert (verdict, grant) == (("misconfigured", "smart.scope_reduced"), None)
    assert about == {"scopes_missing": 1}


@pytest.mark.parametrize(
    ("status", "document", "verdict", "about"),
    [
        (400, {"error": "invalid_request"}, ("misconfigured", "smart.token_rejected"), 1),
        (401, {"error": "invalid_client"}, ("misconfigured", "smart.token_rejected"), 2),
        (400, {"error": "invalid_client"}, ("misconfigured", "smart.token_rejected"), 2),
        (400, {"error": "invalid_grant"}, ("misconfigured", "smart.token_rejected"), 3),
        (400, {"error": "unauthorized_client"}, ("misconfigured", "smart.token_rejected"), 4),
        (400, {"error": "unsupported_grant_type"}, ("misconfigured", "smart.token_rejected"), 5),
        (400, {"error": "invalid_scope"}, ("misconfigured", "smart.token_rejected"), 6),
        (200, {"error": "invalid_client"}, ("misconfigured", "smart.token_rejected"), 2),
        (400, {"error": "Jane Roe"}, ("misconfigured", "smart.token_rejected"), None),
        (400, {"error": None}, ("misconfigured", "smart.token_rejected"), None),
        (400, {"error": ["invalid_client"]}, ("misconfigured", "smart.token_rejected"), None),
        (403, b"<h1>No</h1>", ("misconfigured", "smart.token_rejected"), None),
        (400, {"error": "server_error"}, ("down", "http.status"), None),
        (400, {"error": "temporarily_unavailable"}, ("down", "http.status"), None),
        (404, {}, ("misconfigured", "http.status"), None),
        (302, {}, ("misconfigured", "http.status"), None),
        (408, {}, ("down", "http.status"), None),
        (429, {"error": "slow_down"}, ("degraded", "http.throttled"), None),
        (500, {"error": "invalid_client"}, ("down", "http.status"), None),
        (503, b"", ("down", "http.status"), None),
        (200, b"<h1>Sign in</h1>", ("down", "smart.not_token"), None),
        (200, [GRANT], ("down", "smart.not_token"), None),
    ],
)
def test_an_answer_of_a_token_endpoint_has_one_verdict(
    status: int, document: Any, verdict: tuple[str, str], about: int | None
) -> None:
    expected = {} if about is None else {"oauth_error": about}
    assert answered(status, document) == (verdict, None, expected)


def test_an_open_question_is_judged_by_its_status() -> None:
    assert judge_status(204) is None
    seen = {status: told(judge_status(status)) for status in (301, 401, 404, 408, 425, 429, 503)}
    assert seen == {
        301: ("misconfigured", "http.status"),
        401: ("misconfigured", "http.status"),
        404: ("misconfigured", "http.status"),
        408: ("down", "http.status"),
        425: ("degraded", "http.throttled"),
        429: ("degraded", "http.throttled"),
        503: ("down", "http.status"),
    }


def published(*keys: Any, ours: tuple[tuple[bytes, str], ...]) -> tuple[tuple[str, str], int]:
    loaded = [load_key(pem, kid) for pem, kid in ours]
    body = json.dumps({"keys": list(keys)}).encode()
    verdict, absent = judge_keys(body, [(key.kid, key.public) for key in loaded])
    return told(verdict), absent


def test_all_keys_we_may_sign_with_have_to_be_published() -> None:
    old, new = (rsa_pem(), "old"), (ec_pem(), "new")
    entries = jwk(*old), jwk(*new)
    assert published(*entries, ours=(new, old)) == (("up", "ok"), 0)
    assert published(entries[0], ours=(new, old)) == (
        ("misconfigured", "smart.key_unpublished"), 1,
    )  # fmt: skip
    assert published(entries[0], ours=(old,)) == (("up", "ok"), 0)
    assert published(ours=(new, old)) == (("misconfigured", "smart.key_unpublished"), 2)


def test_the_name_alone_is_not_the_key() -> None:
    other = jwk(rsa_pem(1), "k")
    unpublished = (("misconfigured", "smart.key_unpublished"), 1)
    assert published(other, ours=((rsa_pem(), "k"),)) == unpublished
    nameless = {name: value for name, value in jwk(rsa_pem(), "k").items() if name != "kid"}
    assert published(nameless, ours=((rsa_pem(), "k"),)) == unpublished
    for broken in ({"n": 7}, {"n": "!"}, {"e": None}, {"kty": "oct"}, {"n": "\u00e4"}):
        assert published({**jwk(rsa_pem(), "k"), **broken}, ours=((rsa_pem(), "k"),)) == unpublished
    padded = {**jwk(rsa_pem(), "k"), "e": "AAEAAQ=="}
    assert published(padded, 7, None, ours=((rsa_pem(), "k"),)) == (("up", "ok"), 0)


def test_a_published_private_key_is_told_above_all() -> None:
    bare = {**jwk(rsa_pem(), "k"), "d": "AQAB"}
    assert published(bare, ours=((rsa_pem(), "k"),)) == (("misconfigured", "smart.key_exposed"), 0)
    symmetric = {"kty": "oct", "k": "AQAB"}
    assert published(symmetric, ours=((rsa_pem(), "k"),)) == (
        ("misconfigured", "smart.key_exposed"), 1,
    )  # fmt: skip


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"keys":{}}', b"<h1>", b'{"keys":[]'])
def test_what_is_no_key_set_is_no_fault_of_the_server(body: bytes) -> None:
    verdict, absent = judge_keys(body, [])
    assert (told(verdict), absent) == (("misconfigured", "smart.jwks"), 0)


def test_a_part_of_an_answer_and_an_answer_with_garbage_are_none() -> None:
    document, grant = json.dumps(WHOLE).encode(), json.dumps(GRANT).encode()
    for end in range(len(document)):
        assert told(judge_discovery("application/json", document[:end])[0]) == (
            "down", "smart.discovery",
        )  # fmt: skip
    for end in range(len(grant)):
        assert answered(200, grant[:end])[0] == ("down", "smart.not_token")
    assert told(judge_discovery("application/json", document + b"x")[0])[1] == "smart.discovery"
    assert answered(200, grant + b"x")[0] == ("down", "smart.not_token")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_NAMES = st.sampled_from([*WHOLE, *GRANT, "error", "keys", "kid", "kty", "n", "e", "crv", "x", "y"])
_BODIES = st.binary() | st.dictionaries(
    _NAMES,
    _JSON | st.lists(st.dictionaries(_NAMES, _JSON, max_size=5), max_size=3),
    max_size=6,
).map(lambda found: json.dumps(found).encode())


@given(_BODIES, st.integers(200, 599))
def test_any_bytes_give_a_verdict(body: bytes, status: int) -> None:
    verdict, found = judge_discovery("application/json", body)
    assert (found is None) == (verdict.outcome.value != "up")
    assert found is None or isinstance(found, Discovery)
    about: dict[Fact, int] = {}
    judged, grant = judge_token(status, body, SCOPE, about)
    assert (grant is None) == (judged.outcome.value != "up")
    assert all(type(value) is int for value in about.values())
    judge_keys(body, [("k", ("RSA", 1, 3))])
