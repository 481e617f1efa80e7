"""ID tokens that hold, and every way in which one does not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws

from collector.access.oidc_errors import OpenIdError
from collector.access.oidc_token import Expected, UnknownKeyError, judged, keys_of
from tests.support.openid import (
    EC,
    ED,
    OTHER_RSA,
    RSA,
    by_key,
    by_public_key,
    part,
    unsigned,
)
from tests.unit.oidc.stage import START_S, Stage


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
        ),
        max_size=4,
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
