"""Verifier keys of C2SP signed-note as values; their text is that of `probes/wire/vkey.py`."""

from __future__ import annotations

from dataclasses import dataclass

from collector.attest.faults import AttestError, Fault
from probes.wire import vkey
from probes.wire.vkey import ID_BYTES, KEY_BYTES, SignatureType, VkeyError, is_name, key_id

__all__ = ["ID_BYTES", "KEY_BYTES", "SignatureType", "VerifierKey", "is_name", "key_id", "parse"]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """`public`: 32 bytes as RFC 8032 encodes them. AttestError VKEY_SHAPE for what is no name,
    VKEY_WEAK for a key under which a signature proves nothing.
    """

    name: str
    type: SignatureType
    public: bytes

    def __post_init__(self) -> None:
        try:
            vkey.ensure(self.name, self.public)
        except VkeyError as error:
            raise AttestError(Fault(error.code.value)) from None

    @property
    def id(self) -> bytes:
        """4 bytes that lead to the key; whether it signed, only the signature shows."""
        return key_id(self.name, self.type, self.public)

    def text(self) -> str:
        return vkey.write(self.name, self.type, self.public)


def parse(text: str) -> VerifierKey:
    """AttestError for anything that `VerifierKey.text` would not have written so."""
    try:
        return VerifierKey(*vkey.read(text))
    except VkeyError as error:
        raise AttestError(Fault(error.code.value)) from None
