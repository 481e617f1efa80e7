"""Whether a witness may cosign: the rules of C2SP tlog-witness, in its order. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collector.attest import merkle, note
from collector.attest.checkpoint import Checkpoint
from collector.attest.faults import AttestError
from collector.attest.note import Note, SignatureLine
from collector.attest.vkey import VerifierKey
from collector.witness.messages import AddCheckpoint
from collector.witness.refusals import Refusal, Refused

Logs = Mapping[str, Sequence[VerifierKey]]
"""The keys of each log, by its origin, which is their name."""


@dataclass(frozen=True, slots=True)
class Held:
    """What was cosigned last of a log: signed by the log, and by us at `time_s`."""

    checkpoint: Checkpoint
    signed: Note
    time_s: int

    @property
    def cosignature(self) -> SignatureLine:
        return self.signed.signatures[-1]


def trusted(asked: AddCheckpoint, logs: Logs) -> Note | Refused:
    """The checkpoint with one signature of each key of its log, those of others left out."""
    keys = logs.get(asked.checkpoint().origin)
    if keys is None:
        return Refused(Refusal.ORIGIN)
    try:
        found = note.verify(asked.signed, keys)
    except AttestError:
        return Refused(Refusal.SIGNATURE)
    ids = {(one.key.name, one.key.id) for one in found}
    lines = {(line.name, line.id): line for line in reversed(asked.signed.signatures)}
    return Note(asked.signed.text, tuple(lines[one] for one in sorted(ids)))


def follows(asked: AddCheckpoint, held: Held | None) -> Refused | None:
    """None when the checkpoint, already trusted, continues what is held of its log."""
    head = asked.checkpoint()
    size = 0 if held is None else held.checkpoint.size
    if asked.old > head.size:
        return Refused(Refusal.OLD_SIZE)
    if asked.old != size:
        return Refused(Refusal.SIZE, size)
    if held is not None and head.size == size and head.root != held.checkpoint.root:
        return Refused(Refusal.ROOT, size)
    if held is None or asked.old == 0:  # every tree continues an empty one
        return Refused(Refusal.PROOF) if asked.proof else None
    continues = merkle.consistent(size, head.size, held.checkpoint.root, head.root, asked.proof)
    return None if continues else Refused(Refusal.PROOF)
