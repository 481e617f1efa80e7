"""A log in memory: what a store keeps of one, for samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.attest import checkpoint, entries, merkle, note, proof
from collector.attest.checkpoint import Checkpoint
from collector.attest.entries import STATE_KINDS, BatchEntry, Entry, LogStart, RowEntry
from collector.attest.merkle import CompactRange
from collector.attest.proof import Proof
from collector.facts import Row
from probes.wire.merkle import leaf_hash


@dataclass(frozen=True, slots=True)
class Published:
    """`at` UTC ms; `cosigned`: by all witnesses."""

    size: int
    at: int
    note: bytes
    cosigned: bool


@dataclass(frozen=True, slots=True)
class Witness:
    name: str
    key: Ed25519PrivateKey
    operator: str


class SampleLog:
    """Entries in order; a checkpoint whenever `publish` is called and there is something new."""

    def __init__(
        self, origin: str, keys: Sequence[Ed25519PrivateKey], witnesses: Sequence[Witness]
    ) -> None:
        self.origin = origin
        self.entries: list[bytes] = []
        self.heads: list[Published] = []
        self._keys, self._witnesses = keys, witnesses
        self._tree = CompactRange()
        self._nodes: dict[tuple[int, int], bytes] = {}
        self._hashes: list[bytes] = []
        self._state = 0

    @property
    def size(self) -> int:
        return len(self.entries)

    def start(self, org: str, at: int) -> None:
        self._append(LogStart(org, at))

    def row(self, row: Row, commitment: bytes) -> RowEntry:
        self._state += row.kind in STATE_KINDS
        entry = RowEntry(row.id, row.recorded_at, self._state, row.kind, commitment)
        self._append(entry)
        return entry

    def batch(self, at: int, signature: bytes, header: bytes, *, tombstone: bool) -> None:
        self._append(BatchEntry(at, self._state, signature, header, tombstone))

    def publish(self, at: int, *, cosigned: bool) -> None:
        """At most one of each size, as a log does. Witnesses answer at once."""
        if self.heads and self.heads[-1].size == self.size:
            return
        text = checkpoint.write(Checkpoint(self.origin, self.size, self._tree.root()))
        lines = [note.sign(text, self.origin, key) for key in self._keys]
        if cosigned:
            lines += [note.cosign(text, w.name, w.key, at // 1000 + 1) for w in self._witnesses]
        made = note.write(note.Note(text, tuple(lines)))
        self.heads.append(Published(self.size, at, made, cosigned and bool(self._witnesses)))

    def before(self, size: int) -> CompactRange:
        """The tree of the first entries."""
        return CompactRange().extended(self._hashes[:size])[0]

    def prove(self, index: int, head: Published) -> bytes:
        path = merkle.inclusion_path(self._node, index, head.size)
        return proof.write(Proof(index, path, note.parse(head.note)))

    def first_cosigned(self, index: int) -> Published | None:
        """The first checkpoint with this entry that witnesses had seen."""
        return next((h for h in self.heads if h.cosigned and h.size > index), None)

    def _append(self, entry: Entry) -> None:
        data = entries.write(entry)
        self.entries.append(data)
        self._hashes.append(leaf_hash(data))
        self._tree, full = self._tree.extended([self._hashes[-1]])
        for one in full:
            self._nodes[one.level, one.place] = one.hash

    def _node(self, level: int, place: int) -> bytes:
        return self._nodes[level, place]
