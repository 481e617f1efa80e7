"""Judges an ID token: signature by the provider's keys, then every claim. Pure."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from authlib.oidc.core.claims import CodeIDToken
from cryptography.exceptions import UnsupportedAlgorithm
from joserfc import jws, jwt
from joserfc.errors import BadSignatureError, JoseError, SecurityWarning
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from collector.access.oidc_errors import OpenIdCode, OpenIdError

ALGORITHMS = {
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""Asymmetric ones alone, each with the type and curve of its keys: with a symmetric one whoever
knows the client secret, or takes a public key for one, could write tokens."""
LEEWAY_S = 60
OLDEST_S = 600
"""A token is made during the login, which takes ten minutes at most."""
MAX_KEYS = 100
MAX_HEADER = 8_192
"""Bytes: some providers put a certificate there."""
_TYPES: dict[str, type[RSAKey | ECKey | OKPKey]] = {
    "RSA": RSAKey,
    "EC": ECKey,
    "OKP": OKPKey,
}


class UnknownKeyError(Exception):
    """No key at hand made this signature: the provider may have new ones."""


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """One key of a key set, with what the set says of it."""

    id: str | None
    algorithm: str | None
    shape: tuple[str, str | None]
    key: Key

    def fits(self, id_: object, algorithm: str) -> bool:
        return (
            (id_ is None or self.id == id_)
            and self.algorithm in (None, algorithm)
            and self.shape == ALGORITHMS[algorithm]
        )


@dataclass(frozen=True, slots=True)
class Expected:
    """What the token must say; `now_s` is UTC seconds."""

    issuer: str
    client_id: str
    nonce: str
    access_token: str | None
    now_s: int


def keys_of(document: Mapping[str, Any]) -> tuple[ProviderKey, ...]:
    """The usable keys of a key set; those of unknown kinds, broken or weak are passed over."""
    entries = document.get("keys")
    found = (_key(entry) for entry in (entries if isinstance(entries, list) else ())[:MAX_KEYS])
    return tuple(key for key in found if key is not None)


def _key(entry: Any) -> ProviderKey | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    kind = entry.get("kty")
    made = _TYPES.get(kind) if isinstance(kind, str) else None
    if made is None:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SecurityWarning)  # RSA below 2048 bits
            key = made.import_key(entry)
            key.get_op_key("verify")
    except (JoseError, SecurityWarning, UnsupportedAlgorithm, ValueError, TypeError, KeyError):
        return None
    curve = None if kind == "RSA" else str(entry.get("crv"))
    return ProviderKey(_text(entry, "kid"), _text(entry, "alg"), (str(kind), curve), key)


def _text(entry: Mapping[str, Any], name: str) -> str | None:
    value = entry.get(name)
    return value if isinstance(value, str) else None


def judged(token: str, keys: Sequence[ProviderKey], expected: Expected) -> dict[str, Any]:
    """The claims of a token that holds; UnknownKeyError or OpenIdError(ID_TOKEN) else."""
    try:
        header, claims = _signed(token, keys)
        _check(header, claims, expected)
    except (JoseError, ValueError, TypeError):
        raise OpenIdError(OpenIdCode.ID_TOKEN) from None
    return claims


def _signed(token: str, keys: Sequence[ProviderKey]) -> tuple[dict[str, Any], dict[str, Any]]:
    registry = jws.JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
    registry.max_header_length = MAX_HEADER
    header = jws.extract_compact(token.encode("ascii"), registry=registry).headers()
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS:
        raise ValueError("an algorithm nobody asked for")
    for candidate in keys:
        if not candidate.fits(header.get("kid"), algorithm):
            continue
        try:
            with warnings.catch_warnings():
                # joserfc warns of the name EdDSA, which providers still use for Ed25519
                warnings.simplefilter("ignore", SecurityWarning)
                found = jwt.decode(token, candidate.key, registry=registry)
        except BadSignatureError:
            continue
        return found.header, found.claims
    raise UnknownKeyError


def _check(header: dict[str, Any], claims: dict[str, Any], expected: Expected) -> None:
    CodeIDToken(
        claims,
        header,
        options={
            "iss": {"essential": True, "value": expected.issuer},
            "aud": {"essential": True, "value": expected.client_id},
            "sub": {"essential": True},
        },
        params={
            "client_id": expected.client_id,
            "nonce": expected.nonce,
            "access_token": expected.access_token,
        },
    ).validate(now=expected.now_s, leeway=LEEWAY_S)
    if claims["iat"] < expected.now_s - OLDEST_S - LEEWAY_S:
        raise ValueError("made before the login began")
    subject = claims["sub"]
    if not isinstance(subject, str):
        raise ValueError("a subject is a text")
    if not (0 < len(subject) <= 255 and subject.isascii() and subject.isprintable()):
        raise ValueError("a subject is at most 255 characters of ASCII")
