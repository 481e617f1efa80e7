"""What signs checkpoints and statements: an Ed25519 key in a file, or one that never leaves a token.

All of this blocks: call it in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector import keyfile
from collector.attest.note import SignatureLine
from collector.attest.vkey import SignatureType, VerifierKey
from collector.keyfile import NoKeyError, OpenFileError


class KeyFault(StrEnum):
    """Why a key cannot sign."""

    MISSING = "log_key.missing"
    UNREADABLE = "log_key.unreadable"
    OPEN = "log_key.open_to_others"
    SHAPE = "log_key.shape"
    EXTRA = "log_key.extra"
    MODULE = "log_key.module"
    TOKEN = "log_key.token"  # noqa: S105 - a code
    PIN = "log_key.pin"
    OBJECT = "log_key.object"
    FAILED = "log_key.failed"


KEY_FAULTS: Mapping[KeyFault, str] = {
    KeyFault.MISSING: "no such file; make one with `wardwatch log key new FILE`",
    KeyFault.UNREADABLE: "a file that the collector's user may not read",
    KeyFault.OPEN: "others may read the file; run `chmod 600` on it",
    KeyFault.SHAPE: "not a key of ours: 32 bytes",
    KeyFault.EXTRA: "keys on a token need the extra: pip install 'wardwatch[hsm]'",
    KeyFault.MODULE: "the library of the token cannot be loaded",
    KeyFault.TOKEN: "there is no token, or more than one, with this label",
    KeyFault.PIN: "the PIN cannot be read, or the token refuses it; it is not tried a second time",
    KeyFault.OBJECT: "the token has no Ed25519 key pair with this label, or more than one",
    KeyFault.FAILED: "the token did not sign; it is asked again at the next checkpoint",
}
"""Each in plain words."""


class SignerError(Exception):
    """The key cannot be had, or did not sign; the text is the code."""

    def __init__(self, code: KeyFault) -> None:
        super().__init__(code.value)
        self.code = code


class Signer(Protocol):
    @property
    def public_key(self) -> bytes:
        """32 bytes as RFC 8032 encodes them."""
        ...

    def sign(self, message: bytes) -> bytes:
        """64 bytes; SignerError."""
        ...


@dataclass(frozen=True, slots=True)
class FileSigner:
    key: Ed25519PrivateKey

    @property
    def public_key(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message)


def open_file(path: Path) -> FileSigner:
    """SignerError."""
    try:
        return FileSigner(keyfile.read(path))
    except (FileNotFoundError, NotADirectoryError):
        raise SignerError(KeyFault.MISSING) from None
    except OSError:
        raise SignerError(KeyFault.UNREADABLE) from None
    except OpenFileError:
        raise SignerError(KeyFault.OPEN) from None
    except NoKeyError:
        raise SignerError(KeyFault.SHAPE) from None


def vkey_of(signer: Signer, name: str) -> VerifierKey:
    """As the key of the log `name`; AttestError for what is no name."""
    return VerifierKey(name, SignatureType.ED25519, signer.public_key)


def line_of(signer: Signer, name: str, text: str) -> SignatureLine:
    """Its signature of a note's text under this name; SignerError."""
    return SignatureLine(name, vkey_of(signer, name).id, signer.sign(text.encode()))
