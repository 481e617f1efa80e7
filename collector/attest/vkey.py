"""Verifier keys of C2SP signed-note: `name+hexadecimal id+base64(type || key)`, Ed25519 alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum

from collector.attest import spelling
from collector.attest.faults import AttestError, Fault

KEY_BYTES = 32
ID_BYTES = 4
_SPACES = frozenset(
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""White_Space of Unicode, written out: the same in every version of Python."""


class SignatureType(IntEnum):
    """Those of signed-note that are made and verified here; lines of others are kept, unread."""

    ED25519 = 0x01
    COSIGNATURE = 0x04
    """Ed25519 over a checkpoint and a time (tlog-cosignature)."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """`public`: 32 bytes as RFC 8032 encodes them. AttestError VKEY_SHAPE for what is no name."""

    name: str
    type: SignatureType
    public: bytes

    def __post_init__(self) -> None:
        if not is_name(self.name):
            raise AttestError(Fault.VKEY_SHAPE)
        if len(self.public) != KEY_BYTES:
            raise AttestError(Fault.VKEY_TYPE)

    @property
    def id(self) -> bytes:
        """4 bytes that lead to the key; whether it signed, only the signature shows."""
        return key_id(self.name, self.type, self.public)

    def text(self) -> str:
        return f"{self.name}+{self.id.hex()}+{spelling.base64_of(bytes([self.type]) + self.public)}"


def is_name(text: str) -> bool:
    """Not empty, no Unicode space, no plus; no control character either, for it stands in a note, and
    no half of a surrogate pair, which UTF-8 cannot say.
    """
    return bool(text) and not any(
        one in _SPACES or one == "+" or one < " " or "\ud800" <= one <= "\udfff" for one in text
    )


def key_id(name: str, kind: SignatureType, public: bytes) -> bytes:
    digest = hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()
    return digest[:ID_BYTES]


def parse(text: str) -> VerifierKey:
    """AttestError for anything that `VerifierKey.text` would not have written so."""
    # no plus in name and id, but base64 has some
    name, _, rest = text.partition("+")
    identity, _, encoded = rest.partition("+")
    material = spelling.bytes_of(encoded)
    if not is_name(name) or not material:
        raise AttestError(Fault.VKEY_SHAPE)
    if material[0] not in list(SignatureType) or len(material) != 1 + KEY_BYTES:
        raise AttestError(Fault.VKEY_TYPE)
    key = VerifierKey(name, SignatureType(material[0]), material[1:])
    if key.id.hex() != identity:
        raise AttestError(Fault.VKEY_ID)
    return key
