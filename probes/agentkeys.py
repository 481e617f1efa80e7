"""An agent's key as both sides see it: its text, its fingerprint, and what is signed with it.

What is signed is lines of ASCII: a purpose nothing else has, then each value. No value holds a
line break, so no two sets of values have the same bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from probes.wire.vkey import is_weak

PATTERN = r"^ed25519:[A-Za-z0-9+/]{43}=$"
SIGNATURE = r"^[A-Za-z0-9+/]{86}==$"
_PREFIX = "ed25519:"
_SPKI = bytes.fromhex("302a300506032b6570032100")
"""What stands before the 32 bytes of every Ed25519 key as SubjectPublicKeyInfo (RFC 8410 4)."""
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_ENROLMENT = "wardwatch agent enrolment 1"
_ROTATION = "wardwatch agent rotation 1"

TOKEN = "wwe_"  # noqa: S105 - a prefix
_TOKEN = re.compile(r"(wwe_[A-Za-z0-9_-]{43})(?:_([0-9a-f]{64}))?")


def text_of(key: Ed25519PublicKey) -> str:
    """`ed25519:BASE64`, as the operator's file pins it."""
    return _PREFIX + base64.b64encode(key.public_bytes_raw()).decode()


def parse(text: str) -> Ed25519PublicKey:
    """ValueError for anything that `text_of` would not have written so, and for a key of low order:
    anybody can sign for it.
    """
    try:
        raw = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
        key = Ed25519PublicKey.from_public_bytes(raw)
    except binascii.Error:
        raise ValueError("no key") from None
    if text_of(key) != text:  # base64 has spellings that decode alike
        raise ValueError("no key")
    if is_weak(raw):
        raise ValueError("a weak key")
    return key


def fingerprint(text: str) -> str:
    """SHA-256 of the key's SubjectPublicKeyInfo, hex: of what `openssl pkey -pubin -outform DER`
    writes. `text` has the form of `PATTERN`.
    """
    raw = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    return hashlib.sha256(_SPKI + raw).hexdigest()


def grouped(fingerprint: str) -> str:
    """In groups of four, for people to compare."""
    return " ".join(fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4))


def ungrouped(text: str) -> str | None:
    """A whole fingerprint however it is written, or None."""
    found = "".join(text.split()).lower()
    return found if _FINGERPRINT.fullmatch(found) else None


def split_token(text: str) -> tuple[str, str | None] | None:
    """(secret, fingerprint of the key that signs the collector's config, where there is one) of a
    token as it was shown, `wwe_SECRET[_FINGERPRINT]`; None for anything else.
    """
    found = _TOKEN.fullmatch(text)
    return None if found is None else (found[1], found[2])


def joined_token(secret: str, config_fingerprint: str | None) -> str:
    return secret if config_fingerprint is None else f"{secret}_{config_fingerprint}"


def secret_hash(secret: str) -> str:
    """SHA-256, hex: all that is kept of a token."""
    return hashlib.sha256(secret.encode()).hexdigest()


def enrolment(token_hash: str, agent: str, key: str, at: int) -> bytes:
    """What a key signs to show that its holder enrols; `at`: UTC ms by the agent's clock. The
    token's hash belongs to one organization and site.
    """
    return _lines(_ENROLMENT, token_hash, agent, key, at)


def rotation(org: str, agent: str, old: str, new: str, at: int) -> bytes:
    """What both keys sign when `new` takes the place of `old`."""
    return _lines(_ROTATION, org, agent, old, new, at)


def sign(key: Ed25519PrivateKey, statement: bytes) -> str:
    return base64.b64encode(key.sign(statement)).decode()


def signed(key: str, signature: str, statement: bytes) -> bool:
    """Is it the signature of `key`, `ed25519:BASE64`? False for what is no key or signature."""
    try:
        parse(key).verify(base64.b64decode(signature, validate=True), statement)
    except (InvalidSignature, ValueError):
        return False
    return True


def _lines(*values: str | int) -> bytes:
    return "".join(f"{value}\n" for value in values).encode()
