"""Private keys of clients, made once a run of the tests."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from probes.assertion import load_key, public_jwk


@lru_cache
def rsa_pem(_number: int = 0, bits: int = 2048) -> bytes:
    return pem_of(rsa.generate_private_key(65537, bits))


@lru_cache
def ec_pem(_number: int = 0) -> bytes:
    return pem_of(ec.generate_private_key(ec.SECP384R1()))


def pem_of(private: Any, passphrase: bytes | None = None) -> bytes:
    secrecy: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        secrecy = serialization.BestAvailableEncryption(passphrase)
    encoded: bytes = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secrecy
    )
    return encoded


def jwk(pem: bytes, kid: str | None = None) -> dict[str, str]:
    """As its owner publishes and registers it."""
    return public_jwk(load_key(pem, kid))
