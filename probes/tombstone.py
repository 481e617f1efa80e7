"""The tombstone: what stays of an agent's oldest batches when its spool is full.

One signed envelope (see `envelope.py`, magic `WWT1`) stands for the batches `first_seq..last_seq`
of one epoch. Chain: `prev` is the hash of the header before `first_seq`, `last` that of the header
of `last_seq`, so it is `prev` of what follows.

Body: msgpack `[hashes, entries]`. `hashes` are the SHA-256 of every header replaced, in order, 32
bytes each. An entry is `[seq, config, clock_offset_ms, clock_error_ms, {system: segment}]` with the
runs kept of that batch. Kept is what was not `up`, and `enough` good runs after it, so that no hold
reaches further than what was seen, and no rule on consecutive results spans a hole. A `bare` one
has lost these too: it holds the two ends of the chain and the counts.

Ranges of one epoch's tombstones are equal or apart. A batch inside a range may be stored already
(its acknowledgement was lost): its header's hash is then in `hashes`, and its kept runs come twice.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated

import msgspec
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from probes import batch, envelope, segments
from probes.batch import Anchors, Batch, Clock
from probes.contract import Outcome
from probes.envelope import (
    BatchError,
    BatchFault,
    ClockMs,
    ClockSource,
    ConfigDigest,
    Count,
    Envelope,
    Hex256,
    Id,
    MonotonicNs,
    Seq,
)
from probes.results import Result
from probes.segments import Run, SegmentError, Table

MAGIC = b"WWT1"
VERSION = 1
BATCHES = 65_536
"""Replaced by one tombstone at most."""
KEPT = 100_000
"""Runs of one tombstone at most."""
GOOD_AFTER = 9
"""Good runs kept after one that was not: ten judged results in a row (semantics 2.3) then never
have something bad on both sides of a hole.
"""
_HASH_BYTES = 32
_Instant = Annotated[int, msgspec.Meta(gt=-(2**53), lt=2**54)]


class Why(StrEnum):
    FULL_BYTES = "spool.full_bytes"
    FULL_AGE = "spool.full_age"


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What is signed. `first_t` and `last_t` span every result replaced, each batch's clock offset
    applied; `wall_ms` to `clock_source` are the clocks when the tombstone was made. Results by
    outcome: `given_up` are gone, `kept` are in the body.
    """

    version: int
    org: Id
    agent: Id
    epoch: Id
    first_seq: Seq
    last_seq: Seq
    prev: Hex256
    last: Hex256
    why: Why
    bare: bool
    batches: Count
    given_up: dict[Outcome, Count]
    kept: dict[Outcome, Count]
    first_t: _Instant
    last_t: _Instant
    wall_ms: Count
    monotonic_ns: MonotonicNs
    clock_offset_ms: ClockMs
    clock_error_ms: Count
    clock_source: ClockSource
    body_sha256: Hex256
    body_length: Count


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of one batch."""

    seq: Seq
    config: ConfigDigest
    clock_offset_ms: ClockMs
    clock_error_ms: Count
    systems: dict[Id, bytes]


@dataclass(frozen=True, slots=True)
class Tombstone:
    """An envelope taken apart; nothing of it is verified yet. `body` is still compressed."""

    header: Header
    header_bytes: bytes
    signature: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Remains:
    """What a tombstone will say: batches of one chain, following each other."""

    org: str
    agent: str
    epoch: str
    first_seq: int
    last_seq: int
    prev: str
    last: str
    why: Why
    first_t: int
    last_t: int
    given_up: Mapping[Outcome, int]
    kept: Mapping[Outcome, int]
    hashes: bytes
    entries: tuple[Entry, ...]
    bare: bool = False


class _Version(msgspec.Struct):
    version: int


_HEADER = msgspec.json.Decoder(Header)
_BODY = msgspec.msgpack.Decoder(
    tuple[bytes, Annotated[list[Entry], msgspec.Meta(max_length=BATCHES)]]
)


class _Rhythm:
    """How close the runs of a check follow each other. What a pause may have let run out begins anew
    behind it, so good runs are counted from there.
    """

    def __init__(self) -> None:
        self._last: int | None = None
        self._closest: int | None = None

    def takes(self, at_ms: int) -> bool:
        """Does this run come after a pause? A result holds for more than two intervals (2.1)."""
        step = None if self._last is None else at_ms - self._last
        self._last = at_ms
        if not step:
            return False
        apart = self._closest is not None and step > 2 * self._closest
        self._closest = step if self._closest is None else min(step, self._closest)
        return apart


def of_batches(
    replaced: Sequence[Batch],
    why: Why,
    enough: Callable[[str], int] = lambda _check: GOOD_AFTER,
    after: Remains | None = None,
) -> Remains:
    """What stays of batches that follow each other; `after` is what stands before them, if it is
    known. `enough(check)`: how many good runs stay after one that was not good.
    """
    good = _good_since(after)
    rhythm: dict[str, _Rhythm] = {}
    given_up: Counter[Outcome] = Counter()
    kept: Counter[Outcome] = Counter()
    entries: list[Entry] = []
    spans: list[tuple[int, int]] = []
    for one in replaced:
        header = one.header
        stay: dict[str, list[Run]] = {}
        for run in sorted(batch.runs_of(one), key=lambda run: run.at_ms):
            apart = rhythm.setdefault(run.check, _Rhythm()).takes(run.at_ms)
            before = 0 if apart else good.get(run.check, 0)
            before = before + 1 if run.outcome is Outcome.UP else 0
            good[run.check] = before
            if before <= enough(run.check):
                kept[run.outcome] += 1
                stay.setdefault(run.system, []).append(run)
            else:
                given_up[run.outcome] += 1
        if stay:
            systems = {name: segments.encode(stay[name]) for name in sorted(stay)}
            entries.append(
                Entry(
                    header.seq,
                    header.config,
                    header.clock_offset_ms,
                    header.clock_error_ms,
                    systems,
                )
            )
        offset = header.clock_offset_ms
        spans.append((header.first_at + offset, header.last_at + offset))
    first, last = replaced[0].header, replaced[-1]
    return Remains(
        first.org,
        first.agent,
        first.epoch,
        first.seq,
        last.header.seq,
        first.prev,
        batch.header_hash(last),
        why,
        min(start for start, _ in spans),
        max(end for _, end in spans),
        given_up,
        kept,
        b"".join(bytes.fromhex(batch.header_hash(one)) for one in replaced),
        tuple(entries),
    )


def remains_of(tombstone: Tombstone) -> Remains:
    """Read back, to be joined or bared; BatchError like `runs_of`."""
    header = tombstone.header
    hashes, entries = _body_of(tombstone)
    return Remains(
        header.org,
        header.agent,
        header.epoch,
        header.first_seq,
        header.last_seq,
        header.prev,
        header.last,
        header.why,
        header.first_t,
        header.last_t,
        header.given_up,
        header.kept,
        hashes,
        tuple(entries),
        header.bare,
    )


def joined(older: Remains, newer: Remains) -> Remains:
    """One instead of two that follow each other, both bare or neither."""
    if (older.last, older.last_seq + 1, older.bare) != (newer.prev, newer.first_seq, newer.bare):
        raise ValueError("these do not follow each other")
    return replace(
        older,
        last_seq=newer.last_seq,
        last=newer.last,
        why=max(older.why, newer.why, key=(Why.FULL_AGE, Why.FULL_BYTES).index),
        first_t=min(older.first_t, newer.first_t),
        last_t=max(older.last_t, newer.last_t),
        given_up=Counter(older.given_up) + Counter(newer.given_up),
        kept=Counter(older.kept) + Counter(newer.kept),
        hashes=older.hashes + newer.hashes,
        entries=older.entries + newer.entries,
    )


def bared(full: Remains) -> Remains:
    """Without its runs and hashes: all of it is given up."""
    return replace(
        full,
        given_up=Counter(full.given_up) + Counter(full.kept),
        kept={},
        hashes=b"",
        entries=(),
        bare=True,
    )


def seal(key: Ed25519PrivateKey, anchors: Anchors, remains: Remains) -> bytes:
    """The envelope; ValueError when it holds more than a reader takes."""
    batches = remains.last_seq - remains.first_seq + 1
    if not remains.bare and (batches > BATCHES or sum(remains.kept.values()) > KEPT):
        raise ValueError("too much for one tombstone")
    packed = msgspec.msgpack.encode((remains.hashes, remains.entries))
    if len(packed) > envelope.BODY_LIMIT:
        raise ValueError("the body is too large")
    body = zstandard.compress(packed)
    header = Header(
        version=VERSION,
        org=remains.org,
        agent=remains.agent,
        epoch=remains.epoch,
        first_seq=remains.first_seq,
        last_seq=remains.last_seq,
        prev=remains.prev,
        last=remains.last,
        why=remains.why,
        bare=remains.bare,
        batches=batches,
        given_up=dict(remains.given_up),
        kept=dict(remains.kept),
        first_t=remains.first_t,
        last_t=remains.last_t,
        wall_ms=anchors.wall_ms,
        monotonic_ns=anchors.monotonic_ns,
        clock_offset_ms=anchors.offset_ms,
        clock_error_ms=anchors.error_ms,
        clock_source=anchors.source,
        body_sha256=hashlib.sha256(body).hexdigest(),
        body_length=len(body),
    )
    return envelope.close(MAGIC, key, msgspec.json.encode(header), body)


def open_tombstone(data: bytes) -> Tombstone:
    """Take an envelope apart and read its header. The body is neither hashed nor unpacked."""
    parts = envelope.split(MAGIC, data)
    header = header_of(parts.header_bytes)
    return Tombstone(header, parts.header_bytes, parts.signature, parts.body)


def verify(tombstone: Tombstone, public_key: str) -> None:
    """Signature by `ed25519:BASE64`, then the body's length and hash; BatchError otherwise."""
    header = tombstone.header
    parts = Envelope(tombstone.header_bytes, tombstone.signature, tombstone.body)
    envelope.verify(parts, header.body_length, header.body_sha256, public_key)


def hashes_of(tombstone: Tombstone) -> bytes:
    """The header hashes of its batches one after the other, for `hash_at`; none when it is bare."""
    hashes, _ = _body_of(tombstone)
    return hashes


def hash_at(hashes: bytes, place: int) -> str:
    """One of `hashes_of`, hex; `place`: 0 for `first_seq`."""
    return hashes[place * _HASH_BYTES : (place + 1) * _HASH_BYTES].hex()


def runs_of(tombstone: Tombstone) -> list[tuple[Entry, Run]]:
    """Every kept run, with the entry that says what the clock was worth."""
    return [(entry, run) for entry, _ in entries_of(tombstone) for run in _runs(entry)]


def check(tombstone: Tombstone) -> None:
    """BatchError unless every kept run is as the header says; no object is made for each."""
    entries_of(tombstone)


def results_of(tombstone: Tombstone, received_ms: int) -> list[Result]:
    """The kept results as the truth fold reads them: each batch's clock offset applied."""
    agent, found = tombstone.header.agent, list[Result]()
    for entry, tables in entries_of(tombstone):
        clock = Clock(entry.clock_offset_ms, entry.clock_error_ms)
        found += batch.results_in(tables, agent, clock, received_ms)
    return found


def header_hash(tombstone: Tombstone) -> str:
    """SHA-256 of the tombstone's own header, hex. The chain goes on from `header.last`."""
    return hashlib.sha256(tombstone.header_bytes).hexdigest()


def header_of(data: bytes) -> Header:
    """What the bytes of a signed header say; BatchError."""
    try:
        if msgspec.json.decode(data, type=_Version).version != VERSION:
            raise BatchError(BatchFault.VERSION)
        header = _HEADER.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise BatchError(BatchFault.MALFORMED) from None
    if header.batches != header.last_seq - header.first_seq + 1 or header.first_t > header.last_t:
        raise BatchError(BatchFault.COUNTS)
    return header


def _body_of(tombstone: Tombstone) -> tuple[bytes, list[Entry]]:
    """(hashes, entries), checked against the header."""
    header = tombstone.header
    kept = sum(header.kept.values())
    if not header.bare and (header.batches > BATCHES or kept > KEPT):
        raise BatchError(BatchFault.TOO_LARGE)
    try:
        hashes, entries = _BODY.decode(envelope.unpacked(tombstone.body))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise BatchError(BatchFault.MALFORMED) from None
    if header.bare:
        if hashes or entries or kept:
            raise BatchError(BatchFault.COUNTS)
        return hashes, entries
    seqs = [entry.seq for entry in entries]
    if (
        len(hashes) != header.batches * _HASH_BYTES
        or hashes[-_HASH_BYTES:].hex() != header.last
        or sorted(set(seqs)) != seqs
        or (seqs and not header.first_seq <= seqs[0] <= seqs[-1] <= header.last_seq)
    ):
        raise BatchError(BatchFault.COUNTS)
    return hashes, entries


def entries_of(tombstone: Tombstone) -> list[tuple[Entry, list[Table]]]:
    """What is kept of each batch, in the order of its systems, as columns; BatchError."""
    header = tombstone.header
    _, entries = _body_of(tombstone)
    limit, held = sum(header.kept.values()), 0
    counted: Counter[Outcome] = Counter()
    found: list[tuple[Entry, list[Table]]] = []
    for entry in entries:
        tables = []
        for system in sorted(entry.systems):
            table = _table(entry.systems[system])
            tables.append(table)
            held += len(table.at_ms)
            if held > limit:  # before more of it is unpacked
                raise BatchError(BatchFault.COUNTS)
            for number, count in Counter(table.outcome).items():
                counted[table.form.outcomes[number]] += count
            instants = [at + entry.clock_offset_ms for at in table.at_ms] or [header.first_t]
            if not header.first_t <= min(instants) <= max(instants) <= header.last_t:
                raise BatchError(BatchFault.COUNTS)
        found.append((entry, tables))
    if counted != Counter(header.kept):
        raise BatchError(BatchFault.COUNTS)
    return found


def _table(segment: bytes) -> Table:
    try:
        return segments.read(segment)
    except SegmentError:
        raise BatchError(BatchFault.MALFORMED) from None


def _runs(entry: Entry) -> Iterator[Run]:
    for system in sorted(entry.systems):
        yield from segments.decode(system, entry.systems[system])


def _good_since(after: Remains | None) -> dict[str, int]:
    """Of each check, how many good runs came since the last that was not: as far as they were
    kept, which is as far as it matters.
    """
    good: dict[str, int] = {}
    for entry in after.entries if after is not None else ():
        for run in sorted(_runs(entry), key=lambda run: run.at_ms):
            good[run.check] = 0 if run.outcome is not Outcome.UP else good.get(run.check, 0) + 1
    return good
