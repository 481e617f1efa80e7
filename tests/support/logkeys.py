"""Ed25519 keys that tests make logs and witnesses of: the same each time, by a name."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from probes.wire import vkey
from probes.wire.vkey import SignatureType


def key_of(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def witness_vkey(name: str) -> str:
    """The verifier key of a witness, as the operator's file has it."""
    public = key_of(name).public_key().public_bytes_raw()
    return vkey.write(name, SignatureType.COSIGNATURE, public)
