"""The batch: a signed header and one compressed body, as agents send and collectors keep it.

Bytes: `WWB1`, header length (u32, big-endian), header (JSON), Ed25519 signature over the header's
bytes (64), body (zstd to the end). The header binds the body by its SHA-256, the previous header
by its hash, and each system's segment by `segments_root`.

Body: msgpack `[secret (16 bytes), {system: segment}]`. Leaf of a system, in the order of ids:
`HMAC-SHA256(secret, system) || segment`. Whoever is shown one segment with its HMAC and audit path
verifies it against the signed header and learns nothing of the others, not even their names.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from sys import intern
from typing import TypeVar

import msgspec
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from probes import envelope, segments
from probes.contract import HANDED_ON, Fact, Outcome
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
from probes.reasons import Reason
from probes.results import Result
from probes.segments import Run, SegmentError, Table
from probes.wire import merkle

MAGIC = b"WWB1"
VERSION = 1
CONTENT_TYPE = "application/vnd.wardwatch.batch"
CLOCK_ERROR_LIMIT_MS = 2_000
_HANDED_ON = frozenset(fact.value for fact in HANDED_ON)
"""Semantics 1: beyond it nobody knows when the results were."""
NO_PREVIOUS = "0" * 64
"""`prev` of an epoch's first header."""
SECRET_BYTES = 16
LEVEL = 12
"""Of zstd: a batch is pressed once, carried twice and kept for years."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What is signed. Instants are UTC milliseconds by the agent's wall clock; fields a newer agent
    adds are passed over and stay in the signed bytes.
    """

    version: int
    org: Id
    agent: Id
    epoch: Id
    seq: Seq
    prev: Hex256
    config: ConfigDigest
    first_at: Count
    last_at: Count
    wall_ms: Count
    monotonic_ns: MonotonicNs
    clock_offset_ms: ClockMs
    clock_error_ms: Count
    clock_source: ClockSource
    beacon: Hex256 | None
    results: Count
    systems: Count
    body_sha256: Hex256
    body_length: Count
    segments_root: Hex256


class _Version(msgspec.Struct):
    version: int


@dataclass(frozen=True, slots=True)
class Batch:
    """An envelope taken apart; nothing of it is verified yet. `body` is still compressed."""

    header: Header
    header_bytes: bytes
    signature: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Place:
    """Where a batch stands in its agent's chain. `prev` is the hash of the header before it."""

    org: str
    agent: str
    epoch: str
    seq: int
    prev: str
    config: str
    beacon: str | None = None


@dataclass(frozen=True, slots=True)
class Anchors:
    """Wall and monotonic clock read together when the batch closed; add `offset_ms` to a wall
    instant to get true time, right within `error_ms`.
    """

    wall_ms: int
    monotonic_ns: int
    offset_ms: int = 0
    error_ms: int = 0
    source: str = "host"


@dataclass(frozen=True, slots=True)
class Clock:
    """What an agent's clock was worth: milliseconds to add for true time, right within `error_ms`."""

    offset_ms: int
    error_ms: int


_Name = TypeVar("_Name", str, Outcome)
_HEADER = msgspec.json.Decoder(Header)
_BODY = msgspec.msgpack.Decoder(tuple[bytes, dict[Id, bytes]])


def seal(
    key: Ed25519PrivateKey, place: Place, anchors: Anchors, runs: Sequence[Run], secret: bytes
) -> bytes:
    """The envelope of at least one run. `secret`: 16 random bytes, new for each batch."""
    return _seal(key, place, anchors, runs, secret, segments.encode)


def seal_missed(
    key: Ed25519PrivateKey, place: Place, anchors: Anchors, missed: Sequence[Run], secret: bytes
) -> bytes:
    """`seal`, where each run is a missed slot."""
    return _seal(key, place, anchors, missed, secret, segments.encode_missed)


def _seal(
    key: Ed25519PrivateKey,
    place: Place,
    anchors: Anchors,
    runs: Sequence[Run],
    secret: bytes,
    encode: Callable[[Sequence[Run]], bytes],
) -> bytes:
    by_system: dict[str, list[Run]] = {}
    for run in runs:
        by_system.setdefault(run.system, []).append(run)
    packed = {system: encode(by_system[system]) for system in sorted(by_system)}
    body = zstandard.compress(msgspec.msgpack.encode((secret, packed)), LEVEL)
    header = Header(
        version=VERSION,
        org=place.org,
        agent=place.agent,
        epoch=place.epoch,
        seq=place.seq,
        prev=place.prev,
        config=place.config,
        first_at=min(run.at_ms for run in runs),
        last_at=max(run.at_ms for run in runs),
        wall_ms=anchors.wall_ms,
        monotonic_ns=anchors.monotonic_ns,
        clock_offset_ms=anchors.offset_ms,
        clock_error_ms=anchors.error_ms,
        clock_source=anchors.source,
        beacon=place.beacon,
        results=len(runs),
        systems=len(packed),
        body_sha256=hashlib.sha256(body).hexdigest(),
        body_length=len(body),
        segments_root=merkle.root(leaves(secret, packed)).hex(),
    )
    return envelope.close(MAGIC, key, msgspec.json.encode(header), body)


def leaf(secret: bytes, system: str, segment: bytes) -> bytes:
    return hmac.digest(secret, system.encode(), "sha256") + segment


def leaves(secret: bytes, packed: Mapping[str, bytes]) -> list[bytes]:
    """The leaves under `segments_root`, in the order of system ids."""
    return [leaf(secret, system, packed[system]) for system in sorted(packed)]


def open_batch(data: bytes) -> Batch:
    """Take an envelope apart and read its header. The body is neither hashed nor unpacked."""
    parts = envelope.split(MAGIC, data)
    return Batch(header_of(parts.header_bytes), parts.header_bytes, parts.signature, parts.body)


def verify(batch: Batch, public_key: str) -> None:
    """Signature by `ed25519:BASE64`, then the body's length and hash; BatchError otherwise."""
    header = batch.header
    parts = Envelope(batch.header_bytes, batch.signature, batch.body)
    envelope.verify(parts, header.body_length, header.body_sha256, public_key)


def body_of(batch: Batch) -> tuple[bytes, dict[str, bytes]]:
    """(secret, segment by system), checked against the header's `segments_root`."""
    secret, packed = taken_apart(batch.body)
    if merkle.root(leaves(secret, packed)).hex() != batch.header.segments_root:
        raise BatchError(BatchFault.SEGMENTS_ROOT)
    return secret, packed


def tables_of(batch: Batch) -> list[Table]:
    """Every system's runs as columns, by system; checked against all that the header says."""
    _, packed = body_of(batch)
    return _tables(batch.header, packed)


def tables_again(body: bytes) -> list[Table]:
    """The same of a body that `tables_of` has once found right."""
    _, packed = taken_apart(body)
    try:
        return [segments.read_again(packed[system]) for system in sorted(packed)]
    except SegmentError:
        raise BatchError(BatchFault.MALFORMED) from None


def _tables(header: Header, packed: Mapping[str, bytes]) -> list[Table]:
    try:
        tables = [segments.read(packed[system]) for system in sorted(packed)]
    except SegmentError:
        raise BatchError(BatchFault.MALFORMED) from None
    held = [table.at_ms for table in tables if table.at_ms]
    if not held or (len(packed), sum(map(len, held))) != (header.systems, header.results):
        raise BatchError(BatchFault.COUNTS)
    if (min(map(min, held)), max(map(max, held))) != (header.first_at, header.last_at):
        raise BatchError(BatchFault.COUNTS)
    return tables


def runs_of(batch: Batch) -> list[Run]:
    """Every run, by system, as the agent recorded it."""
    _, packed = body_of(batch)
    _tables(batch.header, packed)
    return [run for system in sorted(packed) for run in segments.decode(system, packed[system])]


def results_of(batch: Batch, received_ms: int) -> list[Result]:
    """The results as the truth fold reads them, system by system."""
    header = batch.header
    return results_in(tables_of(batch), header.agent, clock_of(header), received_ms)


def clock_of(header: Header) -> Clock:
    return Clock(header.clock_offset_ms, header.clock_error_ms)


def results_in(tables: Sequence[Table], agent: str, clock: Clock, received_ms: int) -> list[Result]:
    """The results of tables: offset applied; semantics 1 where the clock is not known well enough."""
    lost = clock.error_ms > CLOCK_ERROR_LIMIT_MS
    results: list[Result] = []
    for table in tables:
        form = table.form
        checks = [intern(name) for name in form.checks]
        reasons = [intern(name) for name in form.reasons]
        results += map(
            Result,
            [checks[n] for n in table.check],
            repeat(agent),
            [at + clock.offset_ms for at in table.at_ms],
            repeat(Outcome.UNKNOWN) if lost else _named(form.outcomes, table.outcome),
            repeat(Reason.AGENT_CLOCK.value) if lost else _named(reasons, table.reason),
            [took // 1000 for took in table.duration_us],
            repeat(received_ms),
            table.fact(Fact.CERT_DAYS_LEFT) or repeat(None),
            (None if lost else table.some_facts(_HANDED_ON)) or repeat(()),
        )
    return results


def _named(names: Sequence[_Name], column: Sequence[int]) -> Iterable[_Name]:
    """What each number of a column stands for; mostly there is one name."""
    return repeat(names[0]) if len(names) == 1 else [names[n] for n in column]


def taken_apart(body: bytes) -> tuple[bytes, dict[str, bytes]]:
    """(secret, segment by system) of a body, checked against nothing."""
    try:
        secret, packed = _BODY.decode(envelope.unpacked(body))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise BatchError(BatchFault.MALFORMED) from None
    if len(secret) != SECRET_BYTES:
        raise BatchError(BatchFault.MALFORMED)
    return secret, packed


def result_of(run: Run, agent: str, offset_ms: int, error_ms: int, received_ms: int) -> Result:
    """One run by true time; unknown when the clock was not known well enough."""
    lost = error_ms > CLOCK_ERROR_LIMIT_MS
    return Result(
        run.check,
        agent,
        run.at_ms + offset_ms,
        Outcome.UNKNOWN if lost else run.outcome,
        Reason.AGENT_CLOCK.value if lost else run.reason,
        run.duration_us // 1000,
        received_ms,
        run.facts.get(Fact.CERT_DAYS_LEFT),
        () if lost else tuple(sorted((k, v) for k, v in run.facts.items() if k in _HANDED_ON)),
    )


def header_hash(batch: Batch) -> str:
    """SHA-256 of the header's bytes, hex: `prev` of the next batch."""
    return hashlib.sha256(batch.header_bytes).hexdigest()


def header_of(data: bytes) -> Header:
    """What the bytes of a signed header say; BatchError."""
    try:
        if msgspec.json.decode(data, type=_Version).version != VERSION:
            raise BatchError(BatchFault.VERSION)
        return _HEADER.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise BatchError(BatchFault.MALFORMED) from None
