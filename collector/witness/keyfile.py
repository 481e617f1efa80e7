"""The key of a witness: one line in a file of mode 0600, with the name that it signs under.

`PRIVATE+KEY+name+hexadecimal id+base64(0x04 || seed)`, as golang.org/x/mod/sumdb/note writes keys; the
id is that of the verifier key.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.attest import spelling, vkey
from collector.attest.vkey import SignatureType, VerifierKey

_PREFIX = "PRIVATE+KEY+"
_MAX_BYTES = 4_096


class KeyFileError(Exception):
    """The text names the file and says what to do."""


@dataclass(frozen=True, slots=True)
class WitnessKey:
    name: str
    private: Ed25519PrivateKey

    @property
    def verifier(self) -> VerifierKey:
        public = self.private.public_key().public_bytes_raw()
        return VerifierKey(self.name, SignatureType.COSIGNATURE, public)


def write(key: WitnessKey) -> bytes:
    secret = bytes([SignatureType.COSIGNATURE]) + key.private.private_bytes_raw()
    text = f"{_PREFIX}{key.name}+{key.verifier.id.hex()}+{spelling.base64_of(secret)}\n"
    return text.encode()


def parse(data: bytes) -> WitnessKey | None:
    """None for anything that `write` would not have written so."""
    try:
        text = data.decode().removeprefix(_PREFIX).removesuffix("\n")
    except UnicodeDecodeError:
        return None
    name, _, rest = text.partition("+")
    secret = spelling.bytes_of(rest.partition("+")[2])
    if not vkey.is_name(name) or secret is None or len(secret) != 1 + vkey.KEY_BYTES:
        return None
    key = WitnessKey(name, Ed25519PrivateKey.from_private_bytes(secret[1:]))
    return key if write(key) == data else None


def load(path: Path) -> WitnessKey:
    try:
        if path.stat().st_mode & 0o077:
            raise KeyFileError(f"--key: {path}: others may read it; run: chmod 600 {path}")
        with path.open("rb") as file:
            key = parse(file.read(_MAX_BYTES))
    except OSError as error:
        raise KeyFileError(
            f"--key: {path}: {os.strerror(error.errno or 0)}; `wardwatch witness key new` makes one"
        ) from None
    if key is None:
        raise KeyFileError(
            f"--key: {path}: not the key of a witness; `wardwatch witness key new` makes one"
        )
    return key


def make(path: Path, name: str) -> WitnessKey:
    """A new file, whole or not at all; one that is there is left as it is."""
    key = WitnessKey(name, Ed25519PrivateKey.generate())
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyFileError(f"{path} is there already; name a new file") from None
    except OSError as error:
        raise KeyFileError(f"{path}: {os.strerror(error.errno or 0)}") from None
    try:
        with os.fdopen(made, "wb") as file:
            file.write(write(key))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise KeyFileError(f"{path}: {os.strerror(error.errno or 0)}") from None
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return key
