"""A log and its bundle made by hand, by somebody who has the log's key: honest, or an insider.

What the agents and the witness sign they sign once, in the honest story; whoever writes the log anew
has their signatures and not their keys.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.attest import (
    checkpoint,
    commitments,
    dsse,
    entries,
    merkle,
    note,
    projection,
    proof,
    spelling,
    statement,
)
from collector.attest.checkpoint import Checkpoint
from collector.attest.dsse import Envelope
from collector.attest.entries import STATE_KINDS, BatchEntry, LogStart, RowEntry
from collector.attest.merkle import CompactRange
from collector.attest.note import Note, SignatureLine
from collector.attest.proof import Proof
from collector.attest.statement import PAYLOAD_TYPE, Statement, Subject
from collector.attest.strictjson import Value
from collector.attest.vkey import SignatureType, VerifierKey
from collector.bundle import evidencefile, jsonlines, layout, logfile, opening, rowsfile, zipwrite
from collector.bundle.derive import derive
from collector.bundle.evidence import Asked
from collector.bundle.logfile import Start
from collector.bundle.members import Held
from collector.bundle.predicate import TYPE, Claimed, predicate
from collector.facts import CONFIG, Row
from collector.verifying.early import KINDS
from probes import batch, tombstone
from probes.wire.merkle import leaf_hash

ORIGIN = "st-elsewhere.example.org/wardwatch/evidence"
SECRET = bytes(range(32))
LOG_KEY, WITNESS_KEY, OTHER_KEY = (
    Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3)
)
WITNESS = "witness.example.net"


def vkey(name: str, key: Ed25519PrivateKey, kind: SignatureType) -> VerifierKey:
    return VerifierKey(name, kind, key.public_key().public_bytes_raw())


def policy_text(log: Ed25519PrivateKey = LOG_KEY, *, witnessed: bool = True) -> bytes:
    own = vkey(ORIGIN, log, SignatureType.ED25519).text()
    lines = [f"log {own}"]
    if witnessed:
        witness = vkey(WITNESS, WITNESS_KEY, SignatureType.COSIGNATURE).text()
        lines.append(f"witness auditor {witness}")
    lines.append(f"quorum {'auditor' if witnessed else 'none'}")
    return "".join(f"{line}\n" for line in lines).encode()


@dataclass(frozen=True)
class Logged:
    """One entry: a row, or an envelope of an agent. `at`: recorded or received."""

    at: int
    row: Row | None = None
    envelope: bytes = b""
    tombstone: bool = False


class Witness:
    """It cosigns a text once, when it first sees it; nobody else can."""

    def __init__(self) -> None:
        self._known: dict[str, SignatureLine] = {}
        self.open = True

    def cosign(self, text: str, at: int) -> list[SignatureLine]:
        if self.open and text not in self._known:
            self._known[text] = note.cosign(text, WITNESS, WITNESS_KEY, at // 1_000)
        return [self._known[text]] if text in self._known else []


@dataclass
class Ledger:
    """A log: what stands in it, and at which sizes it was published (UTC ms by size)."""

    org: str
    logged: list[Logged] = field(default_factory=list)
    published: dict[int, int] = field(default_factory=dict)
    witness: Witness = field(default_factory=Witness)
    key: Ed25519PrivateKey = LOG_KEY
    miscount: int | None = None
    """Index of a row that is not counted as the state row it is."""

    def add(self, one: Logged) -> int:
        self.logged.append(one)
        return len(self.logged)

    def publish(self, at: int) -> str:
        """The text of the checkpoint, cosigned."""
        size = len(self.logged) + 1
        self.published[size] = at
        return self.note_at(size).text

    def state_at(self, index: int) -> int:
        kinds = [one.row.kind for one in self.logged[:index] if one.row is not None]
        counted = sum(kind in STATE_KINDS for kind in kinds)
        return counted - int(self.miscount is not None and index >= self.miscount)

    def data(self) -> list[bytes]:
        """Every entry's bytes."""
        start = entries.write(LogStart(self.org, self.logged[0].at))
        return [start, *(entries.write(self.entry(n)) for n in range(1, len(self.logged) + 1))]

    def entry(self, index: int) -> BatchEntry | RowEntry:
        one, state = self.logged[index - 1], self.state_at(index)
        if one.row is not None:
            committed = commitments.commit(SECRET, one.row, self.parts(one.row))
            return RowEntry(one.row.id, one.at, state, one.row.kind, committed)
        if one.tombstone:
            stone = tombstone.open_tombstone(one.envelope)
            return BatchEntry(one.at, state, stone.signature, stone.header_bytes, tombstone=True)
        opened = batch.open_batch(one.envelope)
        return BatchEntry(one.at, state, opened.signature, opened.header_bytes)

    @staticmethod
    def parts(row: Row) -> Mapping[str, bytes]:
        return projection.projections(row.data) if row.kind == CONFIG else {}

    def root_at(self, size: int) -> bytes:
        return self.tree(size).root()

    def tree(self, size: int) -> CompactRange:
        return CompactRange().extended(map(leaf_hash, self.data()[:size]))[0]

    def path(self, index: int, size: int) -> tuple[bytes, ...]:
        _, full = CompactRange().extended(map(leaf_hash, self.data()[:size]))
        held = {(one.level, one.place): one.hash for one in full}
        return merkle.inclusion_path(lambda level, place: held[level, place], index, size)

    def note_at(self, size: int) -> Note:
        text = checkpoint.write(Checkpoint(ORIGIN, size, self.root_at(size)))
        cosigned = self.witness.cosign(text, self.published[size])
        return Note(text, (note.sign(text, ORIGIN, self.key), *cosigned))


@dataclass(frozen=True)
class Bundling:
    """How a bundle is made of a ledger: `first` is a published size, or 0."""

    asked: Asked
    systems: tuple[str, ...]
    computed_at: int
    first: int = 0
    witnessed: bool = True
    policy: bytes | None = None


Members = dict[str, bytes]


def bundle(ledger: Ledger, how: Bundling) -> Members:
    """Its members, with a statement over them."""
    members = evidence(ledger, how)
    derived = derived_from(members, how.asked)
    return stated(members, predicate(derived, claimed(how.computed_at)), ledger.key)


def claimed(at: int, software: str = "simulated") -> Claimed:
    return Claimed("made-by-hand", 1, at, software, "-", "-", "St Elsewhere", "-", 0)


def derived_from(members: Members, asked: Asked) -> dict[str, Value]:
    return derive(opening.open_evidence(Held(members)), asked)


def stated(
    members: Members, predicate: Mapping[str, Value], key: Ed25519PrivateKey = LOG_KEY
) -> Members:
    """With a statement over the members, signed."""
    names = [name for name in zipwrite.in_order(members) if name not in layout.NOT_SUBJECTS]
    subjects = tuple(Subject(name, hashlib.sha256(members[name]).hexdigest()) for name in names)
    payload = statement.write(Statement(subjects, TYPE, predicate))
    signed = dsse.sign(Envelope(PAYLOAD_TYPE, payload), key)
    return {**members, layout.STATEMENT: dsse.write(signed)}


def zipped(members: Members) -> bytes:
    out = io.BytesIO()
    zipwrite.write(out, Held(members))
    return out.getvalue()


def evidence(ledger: Ledger, how: Bundling) -> Members:
    """All members; of those that nobody reads, a line."""
    data, last = ledger.data(), max(ledger.published)
    final = ledger.note_at(last)
    sizes = sorted(size for size in ledger.published if size >= how.first)
    members: Members = dict.fromkeys(
        (layout.README, layout.STATEMENT, layout.REPORT_HTML, layout.OSCAL, layout.VERIFIER), b"-\n"
    )
    members |= {
        layout.POLICY: how.policy or policy_text(ledger.key, witnessed=how.witnessed),
        layout.CHECKPOINT: note.write(final),
        layout.LOG_START: logfile.write_start(Start(ORIGIN, ledger.tree(how.first))),
        layout.CHECKPOINTS: b"".join(
            logfile.write_checkpoints(note.write(ledger.note_at(size)) for size in sizes)
        ),
        layout.ENTRIES: b"".join(map(logfile.frame, data[how.first : last])),
        layout.ROWS: b"".join(line for _, line in _rows(ledger, how, last)),
        **{layout.evidence_of(one): _segments(ledger, how, one, last) for one in how.systems},
    }
    for index, _ in _rows(ledger, how, last):
        if index < how.first:
            members[layout.proof_of(index)] = proof.write(
                Proof(index, ledger.path(index, last), final)
            )
        row = ledger.logged[index - 1].row
        if how.witnessed and row is not None and row.kind in KINDS:
            size = min(size for size in ledger.published if size > index)
            members[layout.early_proof_of(index)] = proof.write(
                Proof(index, ledger.path(index, size), ledger.note_at(size))
            )
    stones = [*_tombstones(ledger, how, last)]
    if stones:
        members[layout.TOMBSTONES] = b"".join(stones)
    return members


def _rows(ledger: Ledger, how: Bundling, last: int) -> list[tuple[int, bytes]]:
    """(index, line) of all rows up to the final checkpoint."""
    found: list[tuple[int, bytes]] = []
    for index, one in enumerate(ledger.logged[: last - 1], 1):
        row = one.row
        if row is None:
            continue
        state = ledger.state_at(index)
        if row.kind != CONFIG:
            shown = commitments.disclose_row(SECRET, row)
            found.append((index, rowsfile.write_row(index, state, shown)))
            continue
        entry = ledger.entry(index)
        parts = ledger.parts(row)
        told = [
            commitments.disclose_part(SECRET, row, parts, name)
            for name in sorted(how.systems)
            if name in parts
        ]
        assert isinstance(entry, RowEntry)
        found.append((index, rowsfile.write_version(index, entry, told)))
    return found


def _segments(ledger: Ledger, how: Bundling, system: str, last: int) -> bytes:
    out = io.BytesIO()
    writer = evidencefile.Writer(out)
    for index, one in enumerate(ledger.logged[: last - 1], 1):
        if not one.envelope or one.tombstone or index < how.first:
            continue
        secret, packed = batch.body_of(batch.open_batch(one.envelope))
        if system in packed:
            place = sorted(packed).index(system)
            writer.put(evidencefile.segment_of(index, batch.leaves(secret, packed), place))
    writer.close()
    return out.getvalue()


def _tombstones(ledger: Ledger, how: Bundling, last: int) -> Sequence[bytes]:
    return [
        jsonlines.line(
            {
                "body": spelling.base64_of(tombstone.open_tombstone(one.envelope).body),
                "index": index,
            }
        )
        for index, one in enumerate(ledger.logged[: last - 1], 1)
        if one.tombstone and index >= how.first
    ]


def copied(ledger: Ledger) -> Ledger:
    """To be changed; the witness is the same, and cosigns nothing more."""
    other = replace(ledger, logged=[*ledger.logged], published=dict(ledger.published))
    other.witness.open = False
    return other
