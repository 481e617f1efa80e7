"""Verifier keys of C2SP signed-note as text: `name+hexadecimal id+base64(type || key)`, Ed25519 alone."""

from __future__ import annotations

import base64
import binascii
import hashlib
from enum import IntEnum, StrEnum

KEY_BYTES = 32
ID_BYTES = 4
_SPACES = frozenset(
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""White_Space of Unicode, written out: the same in every version of Python."""
_PRIME = (1 << 255) - 19
_ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022
"""The smaller y of the points of order 8; the other is its negative."""
_LOW_ORDER = frozenset({0, 1, _PRIME - 1, _ORDER_8, _PRIME - _ORDER_8})
"""y of the eight points whose order divides 8 (RFC 8032, 5.1): under such a key a signature says
nothing of who made it, and verifiers differ.
"""


class SignatureType(IntEnum):
    """Those of signed-note that are made and verified here; lines of others are kept, unread."""

    ED25519 = 0x01
    COSIGNATURE = 0x04
    """Ed25519 over a checkpoint and a time (tlog-cosignature)."""


class Wrong(StrEnum):
    """Why a text is no verifier key."""

    SHAPE = "vkey.shape"
    TYPE = "vkey.type"
    ID = "vkey.id"
    WEAK = "vkey.weak"


class VkeyError(ValueError):
    """The only exception of reading one; its text is the code."""

    def __init__(self, code: Wrong) -> None:
        super().__init__(code.value)
        self.code = code


def is_name(text: str) -> bool:
    """Not empty, no Unicode space, no plus; no control character either, for it stands in a note, and
    no half of a surrogate pair, which UTF-8 cannot say.
    """
    return bool(text) and not any(
        one in _SPACES or one == "+" or one < " " or "\ud800" <= one <= "\udfff" for one in text
    )


def is_weak(public: bytes) -> bool:
    """A point of low order, or y written as another number than the field has (RFC 8032, 5.1.3)."""
    y = int.from_bytes(public, "little") & ((1 << 255) - 1)
    return y >= _PRIME or y in _LOW_ORDER


def key_id(name: str, kind: SignatureType, public: bytes) -> bytes:
    digest = hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()
    return digest[:ID_BYTES]


def ensure(name: str, public: bytes) -> None:
    """VkeyError for what is no name, or no key that one should believe."""
    if not is_name(name):
        raise VkeyError(Wrong.SHAPE)
    if len(public) != KEY_BYTES:
        raise VkeyError(Wrong.TYPE)
    if is_weak(public):
        raise VkeyError(Wrong.WEAK)


def write(name: str, kind: SignatureType, public: bytes) -> str:
    encoded = base64.b64encode(bytes([kind]) + public).decode()
    return f"{name}+{key_id(name, kind, public).hex()}+{encoded}"


def read(text: str) -> tuple[str, SignatureType, bytes]:
    """Name, type, key; VkeyError for anything that `write` would not have written so."""
    # no plus in name and id, but base64 has some
    name, _, rest = text.partition("+")
    identity, _, encoded = rest.partition("+")
    material = _bytes_of(encoded)
    if not is_name(name) or not material:
        raise VkeyError(Wrong.SHAPE)
    if material[0] not in list(SignatureType):
        raise VkeyError(Wrong.TYPE)
    kind, public = SignatureType(material[0]), material[1:]
    ensure(name, public)
    if key_id(name, kind, public).hex() != identity:
        raise VkeyError(Wrong.ID)
    return name, kind, public


def _bytes_of(encoded: str) -> bytes:
    """Nothing for base64 that is none, or spelled another way."""
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return data if base64.b64encode(data).decode() == encoded else b""
