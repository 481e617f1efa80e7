"""C2SP signed notes: a text, a blank line, and a line for each signature; several sign one text.

What is read is written again byte for byte, signatures of unknown keys included. A cosignature
(tlog-cosignature) is a signature with a time, in seconds since 1970, over a checkpoint.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from collector.attest import spelling, vkey
from collector.attest.faults import AttestError, Fault
from collector.attest.vkey import SignatureType, VerifierKey

MAX_BYTES = 1 << 20
MAX_SIGNATURES = 100
"""signed-note asks for 16 at least."""
_DASH = "\u2014 "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_TIME_BYTES = 8


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """`signature`: what stands behind the id, of whatever type; not verified."""

    name: str
    id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """`text` ends in a newline. Nothing of it is to be believed before `verify`."""

    text: str
    signatures: tuple[SignatureLine, ...]


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that verified; `time_s` of a cosignature, None of any other."""

    key: VerifierKey
    time_s: int | None


def parse(data: bytes) -> Note:
    """The note in these bytes; AttestError for anything that `write` would not have written so."""
    if len(data) > MAX_BYTES:
        raise AttestError(Fault.NOTE_TOO_LARGE)
    text, blank, block = _text_of(data).rpartition("\n\n")
    if not blank or not block.endswith("\n"):
        raise AttestError(Fault.NOTE_NO_SIGNATURES)
    lines = block.removesuffix("\n").split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise AttestError(Fault.NOTE_TOO_MANY_SIGNATURES)
    return Note(text + "\n", tuple(map(_line, lines)))


def write(note: Note) -> bytes:
    """Its bytes; AttestError for a note that `parse` would not read as this one."""
    lines = "".join(
        f"{_DASH}{line.name} {spelling.base64_of(line.id + line.signature)}\n"
        for line in note.signatures
    )
    try:
        data = f"{note.text}\n{lines}".encode()
    except UnicodeEncodeError:
        raise AttestError(Fault.NOTE_NOT_TEXT) from None
    if parse(data) != note:
        raise AttestError(Fault.NOTE_SIGNATURE_LINE)
    return data


def sign(text: str, name: str, key: Ed25519PrivateKey) -> SignatureLine:
    """AttestError VKEY_SHAPE for what is no name."""
    return _signed_by(name, SignatureType.ED25519, key, key.sign(text.encode()))


def cosign(text: str, name: str, key: Ed25519PrivateKey, time_s: int) -> SignatureLine:
    """As a witness: of a checkpoint it found consistent, at 0 < `time_s` < 2^63; ValueError."""
    if not 0 < time_s < spelling.LIMIT:
        raise ValueError("not a time of a cosignature")
    signature = key.sign(cosigned(text, time_s))
    stamped = time_s.to_bytes(_TIME_BYTES, "big") + signature
    return _signed_by(name, SignatureType.COSIGNATURE, key, stamped)


def cosigned(text: str, time_s: int) -> bytes:
    """What a cosignature signs: two lines, then the whole text of the checkpoint."""
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def with_signatures(note: Note, *lines: SignatureLine) -> Note:
    """The note with these behind those it has."""
    return replace(note, signatures=(*note.signatures, *lines))


def verify(note: Note, keys: Sequence[VerifierKey]) -> tuple[Signed, ...]:
    """The signatures of these keys, in the order of the note; those of others are passed over.

    AttestError when one of these keys' signatures is wrong (then the whole note is refused), when
    none of them has signed, and when two keys have one name and id.
    """
    known = {(key.name, key.id): key for key in keys}
    if len(known) != len(set(keys)):
        raise AttestError(Fault.NOTE_AMBIGUOUS_KEYS)
    found = tuple(
        _verified(note.text, known[line.name, line.id], line.signature)
        for line in note.signatures
        if (line.name, line.id) in known
    )
    if not found:
        raise AttestError(Fault.NOTE_UNSIGNED)
    return found


def _text_of(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise AttestError(Fault.NOTE_NOT_TEXT) from None
    if _CONTROL.search(text):
        raise AttestError(Fault.NOTE_NOT_TEXT)
    return text


def _line(text: str) -> SignatureLine:
    name, _, encoded = text.removeprefix(_DASH).partition(" ")
    data = spelling.bytes_of(encoded)
    if (
        not text.startswith(_DASH)
        or not vkey.is_name(name)
        or data is None
        or len(data) <= vkey.ID_BYTES
    ):
        raise AttestError(Fault.NOTE_SIGNATURE_LINE)
    return SignatureLine(name, data[: vkey.ID_BYTES], data[vkey.ID_BYTES :])


def _signed_by(
    name: str, kind: SignatureType, key: Ed25519PrivateKey, signature: bytes
) -> SignatureLine:
    signer = VerifierKey(name, kind, key.public_key().public_bytes_raw())
    return SignatureLine(name, signer.id, signature)


def _verified(text: str, key: VerifierKey, signature: bytes) -> Signed:
    time_s: int | None = None
    message = text.encode()
    if key.type is SignatureType.COSIGNATURE:
        time_s = int.from_bytes(signature[:_TIME_BYTES], "big")
        signature, message = signature[_TIME_BYTES:], cosigned(text, time_s)
        if not 0 < time_s < spelling.LIMIT:
            raise AttestError(Fault.NOTE_BAD_SIGNATURE)
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except InvalidSignature:
        raise AttestError(Fault.NOTE_BAD_SIGNATURE) from None
    return Signed(key, time_s)
