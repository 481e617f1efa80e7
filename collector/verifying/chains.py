"""Agents' chains as the log has them: no place twice, each batch names the one before it, and who
signed is known for all of them by few signatures.

A batch that the next one names by its hash is vouched for by that one's signature. So of each
(agent, epoch) the last batch of a UTC day is judged by its signature, and any other that the next
entry of the chain does not name.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from collector.verifying.failures import Failure, VerifyError
from probes import batch, tombstone

DAY_MS = 86_400_000
_HASH_BYTES = 32
_NO_HASH = bytes(_HASH_BYTES)

Chain = tuple[str, str]
"""(agent, epoch)."""


class Sealed(NamedTuple):
    """A header that an agent signed, as the log has it at index `place`. `received_at`: UTC ms."""

    place: int
    agent: str
    received_at: int
    signature: bytes
    header: bytes


@dataclass(frozen=True, slots=True)
class Counts:
    """What the chains of a stretch of a log come to. `holes`: numbers between the first and the last
    of a chain that neither a batch nor a tombstone has; `broken`: links that do not hold, told of
    by a row of the log.
    """

    batches: int
    tombstones: int
    chains: int
    signatures: int
    holes: int
    broken: int


class Chains:
    """`judge` is called for each header whose signature is asked for, in no order."""

    def __init__(self, judge: Callable[[Sealed], None]) -> None:
        self._judge = judge
        self._chains: dict[Chain, _Chain] = {}
        self._signatures = 0

    def batch(self, sealed: Sealed, header: batch.Header, header_hash: bytes) -> None:
        chain = self._chain(header.agent, header.epoch)
        last, day = chain.last, header.wall_ms // DAY_MS
        prev = bytes.fromhex(header.prev)
        if last is not None and not (
            header.seq == last.seq + 1 and prev == last.hash and day == last.day
        ):
            self._ask(last.sealed)
        chain.last = _Last(sealed, header.seq, header_hash, day)
        chain.seqs.append(header.seq)
        chain.indexes.append(sealed.place)
        chain.hashes += header_hash
        chain.prevs += prev

    def tombstone(self, sealed: Sealed, header: tombstone.Header) -> None:
        chain = self._chain(header.agent, header.epoch)
        chain.tombs.append(
            _Tomb(
                header.first_seq,
                header.last_seq,
                bytes.fromhex(header.prev),
                bytes.fromhex(header.last),
                sealed.place,
            )
        )
        self._ask(sealed)

    def end(self, told: Collection[Chain]) -> Counts:
        """VerifyError for what does not hold. `told`: chains of which a row of the log says that a
        link does not hold, or that one place was taken twice.
        """
        holes = broken = 0
        for name, chain in self._chains.items():
            if chain.last is not None:
                self._ask(chain.last.sealed)
            found = chain.broken()
            if found and name not in told:
                raise VerifyError(Failure.CHAIN_BROKEN, str(found[0]))
            broken += len(found)
            holes += chain.holes()
        return Counts(
            batches=sum(len(one.seqs) for one in self._chains.values()),
            tombstones=sum(len(one.tombs) for one in self._chains.values()),
            chains=len(self._chains),
            signatures=self._signatures,
            holes=holes,
            broken=broken,
        )

    def _chain(self, agent: str, epoch: str) -> _Chain:
        return self._chains.setdefault((agent, epoch), _Chain())

    def _ask(self, sealed: Sealed) -> None:
        self._signatures += 1
        self._judge(sealed)


class _Last(NamedTuple):
    sealed: Sealed
    seq: int
    hash: bytes
    day: int


class _Tomb(NamedTuple):
    first: int
    last: int
    prev: bytes
    after: bytes
    """What the batch behind `last` names as the one before it."""
    place: int


@dataclass(slots=True)
class _Chain:
    """Columns, by the order of the log: there may be a million batches."""

    seqs: array[int] = field(default_factory=lambda: array("Q"))
    indexes: array[int] = field(default_factory=lambda: array("Q"))
    hashes: bytearray = field(default_factory=bytearray)
    prevs: bytearray = field(default_factory=bytearray)
    tombs: list[_Tomb] = field(default_factory=list)
    last: _Last | None = None

    def broken(self) -> list[int]:
        """Indexes of entries that do not name the one before them; VerifyError for a place twice."""
        order = self._order()
        found: list[int] = []
        ends = {tomb.last: tomb.after for tomb in self.tombs}
        starts = {tomb.first: tomb for tomb in self.tombs}
        before, before_hash = -1, _NO_HASH
        for n in order:
            seq = self.seqs[n]
            if seq == before:
                raise VerifyError(Failure.CHAIN_DOUBLE, str(self.indexes[n]))
            prev = self._at(self.prevs, n)
            known = before_hash if seq == before + 1 else ends.get(seq - 1)
            if known is not None and prev != known:
                found.append(self.indexes[n])
            before, before_hash = seq, self._at(self.hashes, n)
            tomb = starts.get(seq + 1)
            if tomb is not None and tomb.prev != before_hash:
                found.append(tomb.place)
        found += [
            tomb.place
            for tomb in self.tombs
            if (after := ends.get(tomb.first - 1)) is not None and tomb.prev != after
        ]
        if order and self.seqs[order[0]] == 1 and any(self._at(self.prevs, order[0])):
            found.append(self.indexes[order[0]])
        return found

    def holes(self) -> int:
        """Numbers between the first and the last that nothing stands for."""
        spans = sorted((tomb.first, tomb.last) for tomb in self.tombs)
        own = ((self.seqs[n], self.seqs[n]) for n in self._order())
        missing, upto = 0, None
        for first, last in heapq.merge(spans, own):
            if upto is not None and first > upto + 1:
                missing += first - upto - 1
            upto = last if upto is None else max(upto, last)
        return missing

    def _order(self) -> range | list[int]:
        """The places of the columns, by number in the chain."""
        seqs = self.seqs
        if all(map(int.__lt__, seqs, seqs[1:])):
            return range(len(seqs))
        return sorted(range(len(seqs)), key=seqs.__getitem__)

    @staticmethod
    def _at(column: bytearray, n: int) -> bytes:
        return bytes(column[n * _HASH_BYTES : (n + 1) * _HASH_BYTES])
