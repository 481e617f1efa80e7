"""Client assertions, read by joserfc: the library that signs is not the one that verifies."""

from __future__ import annotations

import base64
import json
import warnings
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwt
from joserfc.errors import BadSignatureError, SecurityWarning, UnsupportedAlgorithmError
from joserfc.jwk import KeySet

from probes.assertion import (
    UnusableKeyError,
    assertion,
    load_key,
    public_jwk,
    thumbprint,
)
from tests.support.client_keys import ec_pem, jwk, pem_of, rsa_pem

NOW_MS = 1_767_225_600_999
URL = "https://auth.example.org/oauth2/token"


def verified(text: str, *keys: dict[str, str], algorithms: list[str] | None = None) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        known = KeySet.import_key_set({"keys": [{**key} for key in keys]})
        return jwt.decode(text, known, algorithms=algorithms)


@pytest.mark.parametrize(("pem", "algorithm"), [(rsa_pem(), "RS384"), (ec_pem(), "ES384")])
def test_another_library_verifies_what_is_signed(pem: bytes, algorithm: str) -> None:
    text = assertion(load_key(pem, "north-1"), "abc", URL, NOW_MS, "0123")
    token = verified(text, jwk(pem, "north-1"), algorithms=["RS384", "ES384"])
    assert token.header == {"alg": algorithm, "kid": "north-1", "typ": "JWT"}
    assert token.claims == {
        "iss": "abc",
        "sub": "abc",
        "aud": URL,
        "exp": 1_767_225_600 + 240,
        "jti": "0123",
    }
    with pytest.raises(BadSignatureError):
        verified(text, jwk(rsa_pem(1) if algorithm == "RS384" else ec_pem(1), "north-1"),
                 algorithms=[algorithm])  # fmt: skip


def test_trap_8_joserfc_takes_rs384_only_where_it_is_allowed_by_name() -> None:
    text = assertion(load_key(rsa_pem(), "k"), "abc", URL, NOW_MS, "0123")
    with pytest.raises(UnsupportedAlgorithmError):
        verified(text, jwk(rsa_pem(), "k"))
    assert verified(text, jwk(rsa_pem(), "k"), algorithms=["RS384"]).claims["iss"] == "abc"


def test_a_key_without_a_name_is_named_by_its_thumbprint() -> None:
    """The example of RFC 7638 3.1, from its modulus."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs"
        "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5haj"
        "rn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    number = int.from_bytes(base64.urlsafe_b64decode(modulus + "=="), "big")
    assert thumbprint(("RSA", number, 65537)) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    for pem in (rsa_pem(), ec_pem()):
        key = load_key(pem)
        known = KeySet.import_key_set({"keys": [{**public_jwk(key)}]}).keys[0]
        assert key.kid == known.thumbprint()


def test_what_is_published_holds_nothing_private() -> None:
    assert set(jwk(rsa_pem())) == {"kty", "n", "e", "kid", "use", "alg"}
    assert set(jwk(ec_pem())) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n",
        rsa_pem(bits=1024),
        pem_of(ec.generate_private_key(ec.SECP256R1())),
        pem_of(ed25519.Ed25519PrivateKey.generate()),
        pem_of(rsa.generate_private_key(65537, 2048), passphrase=b"secret"),
        json.dumps(jwk(rsa_pem())).encode(),
    ],
)
def test_other_keys_are_none(pem: bytes) -> None:
    with pytest.raises(UnusableKeyError) as caught:
        load_key(pem)
    assert str(caught.value) == ""


def test_a_key_shows_nothing_of_itself() -> None:
    key = load_key(rsa_pem(), "k")
    assert repr(key) == f"ClientKey(kid='k', public={key.public!r})"
