"""Envelopes as they are kept: the exact bytes come back, and what they say twice is kept once.

A batch's header says in words what the row, the chain and the body say already: who, which, when,
the body's length and hash, the root over its segments. A stored form begins with a byte: 1 for a
batch that is put together again from these and the rest, 0 for bytes as they came. A batch that
cannot be put together so, be it for one field of a newer agent, is kept as it came.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec

from probes import batch, tombstone
from probes.batch import Batch, Clock, Header
from probes.results import Result
from probes.segments import Table
from probes.wire import merkle

_WHOLE, _SHORT = b"\x00", b"\x01"


@dataclass(frozen=True, slots=True)
class Row:
    """Where a stored form stands. `first_t` and `last_t` are when its first and its last result
    were, by true time (UTC ms).
    """

    org: str
    agent: str
    epoch: str
    seq: int
    first_t: int
    last_t: int


class _Rest(msgspec.Struct, frozen=True, array_like=True):
    """What nothing else says of a batch. `wall_ms` is counted from the last result."""

    prev: bytes
    config: bytes
    wall_ms: int
    monotonic_ns: int
    clock_offset_ms: int
    clock_error_ms: int
    clock_source: str
    beacon: bytes | None
    results: int
    systems: int
    signature: bytes
    body: bytes


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Rest)


def whole(data: bytes) -> bytes:
    """Bytes of whatever kind, as they came."""
    return _WHOLE + data


def shortened(opened: Batch, data: bytes) -> bytes:
    """A batch that `batch.verify` and `batch.tables_of` have found right: what follows from its
    body is what its header says.
    """
    header = opened.header
    if msgspec.json.encode(header) != opened.header_bytes:
        return whole(data)
    return _SHORT + _ENCODER.encode(
        _Rest(
            bytes.fromhex(header.prev),
            bytes.fromhex(header.config),
            header.wall_ms - header.last_at,
            header.monotonic_ns,
            header.clock_offset_ms,
            header.clock_error_ms,
            header.clock_source,
            None if header.beacon is None else bytes.fromhex(header.beacon),
            header.results,
            header.systems,
            opened.signature,
            opened.body,
        )
    )


def exact(form: bytes, row: Row) -> bytes:
    """The bytes as they came."""
    if form[:1] == _WHOLE:
        return form[1:]
    rest = _rest(form)
    secret, packed = batch.taken_apart(rest.body)
    header_bytes = msgspec.json.encode(
        Header(
            version=batch.VERSION,
            org=row.org,
            agent=row.agent,
            epoch=row.epoch,
            seq=row.seq,
            prev=rest.prev.hex(),
            config=rest.config.hex(),
            first_at=row.first_t - rest.clock_offset_ms,
            last_at=row.last_t - rest.clock_offset_ms,
            wall_ms=rest.wall_ms + row.last_t - rest.clock_offset_ms,
            monotonic_ns=rest.monotonic_ns,
            clock_offset_ms=rest.clock_offset_ms,
            clock_error_ms=rest.clock_error_ms,
            clock_source=rest.clock_source,
            beacon=None if rest.beacon is None else rest.beacon.hex(),
            results=rest.results,
            systems=rest.systems,
            body_sha256=hashlib.sha256(rest.body).hexdigest(),
            body_length=len(rest.body),
            segments_root=merkle.root(batch.leaves(secret, packed)).hex(),
        )
    )
    size = len(header_bytes).to_bytes(4, "big")
    return batch.MAGIC + size + header_bytes + rest.signature + rest.body


def clock_of(form: bytes) -> Clock:
    """What the agent's clock was worth when it was sealed."""
    if form[:1] == _SHORT:
        rest = _rest(form)
        return Clock(rest.clock_offset_ms, rest.clock_error_ms)
    header = (
        tombstone.open_tombstone(form[1:]).header
        if is_tombstone(form[1:])
        else batch.open_batch(form[1:]).header
    )
    return Clock(header.clock_offset_ms, header.clock_error_ms)


def results_of(form: bytes, agent: str, received_ms: int) -> list[Result]:
    """What the folds read of it; BatchError only where this program is older than what wrote it."""
    return contents_of(form, agent, received_ms)[0]


def contents_of(
    form: bytes, agent: str, received_ms: int
) -> tuple[list[Result], list[Table], Clock]:
    """Its results, and the tables they stand in; a tombstone has results only."""
    if form[:1] != _SHORT and is_tombstone(form[1:]):
        grave = tombstone.open_tombstone(form[1:])
        clock = Clock(grave.header.clock_offset_ms, grave.header.clock_error_ms)
        return tombstone.results_of(grave, received_ms), [], clock
    tables, clock = _opened(form)
    return batch.results_in(tables, agent, clock, received_ms), tables, clock


def _opened(form: bytes) -> tuple[list[Table], Clock]:
    if form[:1] == _SHORT:
        rest = _rest(form)
        return batch.tables_again(rest.body), Clock(rest.clock_offset_ms, rest.clock_error_ms)
    opened = batch.open_batch(form[1:])
    return batch.tables_again(opened.body), batch.clock_of(opened.header)


def count(form: bytes) -> int:
    """How many results it holds, without making any."""
    if form[:1] == _SHORT:
        return _rest(form).results
    if is_tombstone(form[1:]):
        return sum(tombstone.open_tombstone(form[1:]).header.kept.values())
    return batch.open_batch(form[1:]).header.results


def prev_of(form: bytes) -> str:
    """The hash of the header before it, hex."""
    if form[:1] == _SHORT:
        return _rest(form).prev.hex()
    if is_tombstone(form[1:]):
        return tombstone.open_tombstone(form[1:]).header.prev
    return batch.open_batch(form[1:]).header.prev


def is_tombstone(data: bytes) -> bool:
    return data[: len(tombstone.MAGIC)] == tombstone.MAGIC


def _rest(form: bytes) -> _Rest:
    if form[:1] != _SHORT:
        raise ValueError("a stored form this program does not know")
    return _DECODER.decode(memoryview(form)[1:])
