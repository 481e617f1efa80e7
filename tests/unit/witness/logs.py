"""Logs of a test: entries, signed checkpoints and proofs, by the slow definitions of the RFC."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.attest import checkpoint, note
from collector.attest.checkpoint import Checkpoint
from collector.attest.note import Note
from collector.attest.vkey import SignatureType, VerifierKey
from collector.witness.messages import AddCheckpoint
from tests.unit.attest import naive

ORIGIN = "log.example/evidence"
NAME = "witness.example/w1"
NOW_S = 1_767_225_600
"""Where `ManualClock` begins."""


def private(n: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)


def verifier(name: str, n: int, kind: SignatureType = SignatureType.ED25519) -> VerifierKey:
    return VerifierKey(name, kind, private(n).public_key().public_bytes_raw())


WITNESS = verifier(NAME, 9, SignatureType.COSIGNATURE)


@dataclass
class Log:
    """`leaves` may be changed: a log that forks."""

    origin: str = ORIGIN
    n: int = 1
    leaves: list[bytes] = field(default_factory=lambda: naive.entries(40))

    @property
    def key(self) -> VerifierKey:
        return verifier(self.origin, self.n)

    def text(self, size: int) -> str:
        return checkpoint.write(Checkpoint(self.origin, size, naive.mth(self.leaves[:size])))

    def signed(self, size: int) -> Note:
        text = self.text(size)
        return Note(text, (note.sign(text, self.origin, private(self.n)),))

    def proof(self, old: int, size: int) -> tuple[bytes, ...]:
        """Empty where tlog-witness wants none."""
        return tuple(naive.proof(old, self.leaves[:size])) if 0 < old < size else ()

    def asks(self, old: int, size: int) -> AddCheckpoint:
        return AddCheckpoint(old, self.proof(old, size), self.signed(size))
