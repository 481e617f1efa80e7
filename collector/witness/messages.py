"""C2SP tlog-witness, `add-checkpoint`: the request, and what is answered, as bytes.

The request is an old size, a consistency proof from there, a blank line and the signed checkpoint;
the answer is signature lines of a note, or the size that the witness has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collector.attest import checkpoint, note, spelling
from collector.attest.checkpoint import Checkpoint
from collector.attest.faults import AttestError
from collector.attest.note import Note, SignatureLine

PATH = "/add-checkpoint"
SIZE_TYPE = "text/x.tlog.size"
"""Content type of the answer 409."""
MAX_PROOF = 63
"""Lines: a tree has fewer than 2^63 leaves."""
MAX_REQUEST = 128 << 10
"""Bytes that our witness reads: a checkpoint with 16 signatures of ML-DSA-44 is half of it."""
MAX_ANSWER = 64 << 10
"""Bytes that our client reads."""
_OLD = "old "
_STANDS_IN = "-\n"
"""A text for signature lines that come without theirs."""


class MessageError(Exception):
    """Not of this form. It has no text: what came may hold anything."""


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """`old`: the size that the witness has, 0 for none. `proof`: from there to the checkpoint's, empty
    where `old` is 0 or that size. `signed`: the checkpoint; nothing of it is verified.
    """

    old: int
    proof: tuple[bytes, ...]
    signed: Note

    def checkpoint(self) -> Checkpoint:
        return checkpoint.parse(self.signed.text)


def parse(data: bytes) -> AddCheckpoint:
    """MessageError for anything that `write` would not have written so."""
    head, blank, rest = data.partition(b"\n\n")
    try:
        first, *lines = head.decode("ascii").split("\n")
        signed = note.parse(rest)
        checkpoint.parse(signed.text)
    except (UnicodeDecodeError, AttestError):
        raise MessageError from None
    old = spelling.number(first.removeprefix(_OLD))
    if not blank or not first.startswith(_OLD) or old is None or len(lines) > MAX_PROOF:
        raise MessageError
    proof = tuple(item for line in lines if (item := spelling.hash_of(line)) is not None)
    if len(proof) != len(lines):
        raise MessageError
    return AddCheckpoint(old, proof, signed)


def write(asked: AddCheckpoint) -> bytes:
    """Its bytes; MessageError for a request that `parse` would not read as this one."""
    lines = [f"{_OLD}{asked.old}", *map(spelling.base64_of, asked.proof)]
    try:
        data = "\n".join(lines).encode() + b"\n\n" + note.write(asked.signed)
    except AttestError:
        raise MessageError from None
    if parse(data) != asked:
        raise MessageError
    return data


def read_signatures(data: bytes) -> tuple[SignatureLine, ...]:
    """The signature lines of an answer 200, one or more, of whatever keys; MessageError."""
    try:
        read = note.parse(f"{_STANDS_IN}\n".encode() + data)
    except AttestError:
        raise MessageError from None
    if read.text != _STANDS_IN:
        raise MessageError
    return read.signatures


def write_signatures(lines: Sequence[SignatureLine]) -> bytes:
    """One line or more; MessageError for what `read_signatures` would not read as these."""
    try:
        data = note.write(Note(_STANDS_IN, tuple(lines)))
    except AttestError:
        raise MessageError from None
    return data.removeprefix(f"{_STANDS_IN}\n".encode())


def read_size(data: bytes) -> int:
    """The size that an answer 409 names; MessageError."""
    text = data.decode("ascii", "replace")
    size = spelling.number(text.removesuffix("\n"))
    if size is None or not text.endswith("\n"):
        raise MessageError
    return size


def write_size(size: int) -> bytes:
    return b"%d\n" % size
