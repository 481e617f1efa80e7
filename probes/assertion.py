"""The JWT by which a client proves at a token endpoint that it holds its key (RFC 7523). Pure.

SMART Backend Services knows two algorithms, and `cryptography`, which every agent has, signs both:
RS384 for RSA, ES384 for P-384.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

LIFETIME_S = 240
"""A server takes `exp` up to 300 s ahead of its own clock: this leaves it 60 s behind ours."""

_MIN_RSA_BITS = 2048
_P384_BYTES = 48

Public = tuple[str, int, int]
"""`("RSA", n, e)` or `("EC", x, y)` of P-384."""


class UnusableKeyError(Exception):
    """Not a private key of RSA (2048 bits or more) or P-384 as PEM without a passphrase."""


@dataclass(frozen=True, slots=True)
class ClientKey:
    """`kid` names it in our published key set."""

    kid: str
    public: Public
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def algorithm(self) -> str:
        return "RS384" if self.public[0] == "RSA" else "ES384"

    def sign(self, data: bytes) -> bytes:
        """As JWS has it (RFC 7518 3.3 and 3.4)."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(data, padding.PKCS1v15(), hashes.SHA384())
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA384())))
        return r.to_bytes(_P384_BYTES, "big") + s.to_bytes(_P384_BYTES, "big")


@lru_cache(maxsize=64)  # OpenSSL takes 45 ms to make sure that an RSA key is one
def load_key(pem: bytes, kid: str | None = None) -> ClientKey:
    """Without `kid` the key's thumbprint (RFC 7638) names it. Raises UnusableKeyError."""
    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # their texts may quote the file
        raise UnusableKeyError from None
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size >= _MIN_RSA_BITS:
        of_rsa = private.public_key().public_numbers()
        public: Public = ("RSA", of_rsa.n, of_rsa.e)
    elif isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name == "secp384r1":
        of_ec = private.public_key().public_numbers()
        public = ("EC", of_ec.x, of_ec.y)
    else:
        raise UnusableKeyError
    return ClientKey(kid or thumbprint(public), public, private)


def thumbprint(public: Public) -> str:
    """RFC 7638: SHA-256 over the required members, in the order of their names."""
    return _base64url(
        hashlib.sha256(msgspec.json.encode(_members(public), order="sorted")).digest()
    )


def public_jwk(key: ClientKey) -> dict[str, str]:
    """The key's entry in a published key set (RFC 7517 4)."""
    use = {"kid": key.kid, "use": "sig", "alg": key.algorithm}
    return {**_members(key.public), **use}


def assertion(key: ClientKey, client_id: str, audience: str, now_ms: int, jti: str) -> str:
    """One signed JWT, good for one request. No `iat` and no `nbf`: SMART asks for neither, and a
    server whose clock is behind would refuse them.
    """
    header = {"alg": key.algorithm, "kid": key.kid, "typ": "JWT"}
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "exp": now_ms // 1000 + LIFETIME_S,
        "jti": jti,
    }
    signed = ".".join(_base64url(msgspec.json.encode(part)) for part in (header, claims))
    return f"{signed}.{_base64url(key.sign(signed.encode()))}"


def _members(public: Public) -> dict[str, str]:
    kind, first, second = public
    if kind == "RSA":
        return {"kty": kind, "n": _number(first), "e": _number(second)}
    x, y = (_base64url(part.to_bytes(_P384_BYTES, "big")) for part in (first, second))
    return {"kty": kind, "crv": "P-384", "x": x, "y": y}


def _number(value: int) -> str:
    return _base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
