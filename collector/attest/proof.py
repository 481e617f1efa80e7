"""C2SP tlog-proof: an entry's place in a log, in one text that is verified without asking anybody."""

from __future__ import annotations

from dataclasses import dataclass

from collector.attest import checkpoint, merkle, note, spelling
from collector.attest.faults import AttestError, Fault
from collector.attest.note import Note
from collector.attest.policy import Accepted, Policy, accept

MAX_BYTES = 1 << 20
"""Bytes before the checkpoint."""
MAX_PATH = 63
"""Hashes: a tree has fewer than 2^63 leaves."""
_FIRST = "c2sp.org/tlog-proof@v1"
_EXTRA, _INDEX = "extra ", "index "


@dataclass(frozen=True, slots=True)
class Proof:
    """`path`: from the leaf's sibling up. `extra` is signed by nobody: never trust it as it stands."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: Note
    extra: bytes | None = None


def parse(data: bytes) -> Proof:
    """AttestError for anything that `write` would not have written so, and for a bad checkpoint."""
    head, blank, rest = data.partition(b"\n\n")
    if len(head) > MAX_BYTES:
        raise AttestError(Fault.PROOF_TOO_LARGE)
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise AttestError(Fault.PROOF_SHAPE) from None
    if not blank or lines.pop(0) != _FIRST:
        raise AttestError(Fault.PROOF_SHAPE)
    extra: bytes | None = None
    if lines and lines[0].startswith(_EXTRA):
        extra = spelling.bytes_of(lines.pop(0).removeprefix(_EXTRA))
        if not extra:
            raise AttestError(Fault.PROOF_SHAPE)
    if not lines or not lines[0].startswith(_INDEX):
        raise AttestError(Fault.PROOF_SHAPE)
    index = spelling.number(lines.pop(0).removeprefix(_INDEX))
    if index is None:
        raise AttestError(Fault.PROOF_SHAPE)
    path = tuple(item for line in lines[:MAX_PATH] if (item := spelling.hash_of(line)))
    if len(path) != len(lines):
        raise AttestError(Fault.PROOF_HASH)
    signed = note.parse(rest)
    checkpoint.parse(signed.text)
    return Proof(index, path, signed, extra)


def write(proof: Proof) -> bytes:
    """Its bytes; AttestError for a proof that `parse` would refuse."""
    lines = [_FIRST]
    if proof.extra is not None:
        lines.append(_EXTRA + spelling.base64_of(proof.extra))
    lines += [f"{_INDEX}{proof.index}", *map(spelling.base64_of, proof.path)]
    data = "\n".join(lines).encode() + b"\n\n" + note.write(proof.checkpoint)
    parse(data)
    return data


def verify(proof: Proof, leaf_hash: bytes, policy: Policy) -> Accepted:
    """The checkpoint as the policy accepts it, when the leaf is at its place in that tree.

    AttestError as `accept`, and PROOF_NOT_INCLUDED.
    """
    accepted = accept(policy, proof.checkpoint)
    head = accepted.checkpoint
    if not merkle.included(leaf_hash, proof.index, head.size, proof.path, head.root):
        raise AttestError(Fault.PROOF_NOT_INCLUDED)
    return accepted
