"""Records of the spool's files: mark, kind, length and CRC-32, then the payload. Pure.

A record that was cut off by a crash can only be the last of its file: such a tail is `torn`. Bytes
that are no record but have one behind them are `damaged`: those of a disk that forgot.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import msgspec

from probes.contract import Outcome
from probes.segments import Run, RunStep

_MARK = b"WWS1"
_HEAD = struct.Struct(">4sBII")
_SEED = 0x57530000
"""So that no record is all zeros behind its mark."""
LIMIT = 32 * 1024 * 1024
"""Bytes of a payload at most."""

Range = tuple[int, int]
"""Both ends included."""


class Kind(IntEnum):
    CHAIN = 1
    RUN = 2
    BATCH = 3
    TOMBSTONE = 4
    ACK = 5


class ChainRecord(msgspec.Struct, frozen=True, array_like=True):
    """First of each file of batches: the chain before it, and all that needs no older file.

    `seq` and `last` name the newest header of the epoch, `run` the newest number of a run. Runs up
    to `covered` are in batches. `gone`: by epoch, what is acknowledged of older files that are
    still there. `stamp_ms` is the spool's own time (see `spool.py`), `wall_ms` the host's.
    """

    org: str
    agent: str
    epoch: str
    seq: int
    last: str
    run: int
    covered: int
    stamp_ms: int
    wall_ms: int
    gone: dict[str, list[Range]]


class Belief(msgspec.Struct, frozen=True, array_like=True):
    """What the clock was worth when a run was recorded; as in a batch's header."""

    offset_ms: int
    error_ms: int
    source: str


class RunRecord(msgspec.Struct, frozen=True, array_like=True):
    """One run, before it is in a batch."""

    number: int
    belief: Belief
    system: str
    check: str
    slot_ms: int
    at_ms: int
    outcome: Outcome
    reason: str
    duration_us: int
    phases: dict[str, int]
    facts: dict[str, int]
    steps: list[tuple[str, Outcome, str, int]]


class BatchRecord(msgspec.Struct, frozen=True, array_like=True):
    """`runs`: the numbers of the runs it covers. `data` is the envelope, `last` its header's hash."""

    epoch: str
    seq: int
    last: str
    stamp_ms: int
    wall_ms: int
    runs: list[Range]
    data: bytes


class TombstoneRecord(msgspec.Struct, frozen=True, array_like=True):
    """Alone in its file. `data` is the envelope."""

    epoch: str
    first: int
    last: int
    stamp_ms: int
    bare: bool
    data: bytes


class AckRecord(msgspec.Struct, frozen=True, array_like=True):
    epoch: str
    stored: list[Range]


@dataclass(frozen=True, slots=True)
class Found:
    """A readable record at `offset`, `size` bytes of payload from `offset + HEAD_BYTES` on."""

    kind: int
    offset: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Scan:
    """A whole file. `end` is where the last readable record ends; `torn` bytes follow it."""

    records: list[Found]
    end: int
    torn: int
    damaged: int


HEAD_BYTES = _HEAD.size
_ENCODER = msgspec.msgpack.Encoder()
_KIND_OF: dict[type, Kind] = {
    ChainRecord: Kind.CHAIN,
    RunRecord: Kind.RUN,
    BatchRecord: Kind.BATCH,
    TombstoneRecord: Kind.TOMBSTONE,
    AckRecord: Kind.ACK,
}
Record = ChainRecord | RunRecord | BatchRecord | TombstoneRecord | AckRecord
_DECODERS: dict[int, msgspec.msgpack.Decoder[Record]] = {
    kind: msgspec.msgpack.Decoder(record) for record, kind in _KIND_OF.items()
}


def encode(record: Record) -> bytes:
    """The bytes of one record."""
    kind, payload = _KIND_OF[type(record)], _ENCODER.encode(record)
    crc = zlib.crc32(payload, _SEED + kind)
    return _HEAD.pack(_MARK, kind, len(payload), crc) + payload


def decode(found: Found) -> Record | None:
    """None for a kind of a newer agent, or a payload that is none: its CRC was right, so it was
    written so.
    """
    try:
        return _DECODERS[found.kind].decode(found.payload)
    except (KeyError, msgspec.MsgspecError, ValueError):
        return None


def read(data: bytes) -> Record | None:
    """The one record that `data` is, or None."""
    found = _at(data, 0)
    return None if found is None else decode(found)


def scan(data: bytes) -> Scan:
    """Every readable record of a file, in order."""
    records: list[Found] = []
    damaged = end = 0
    for found in _records(data):
        damaged += found.offset - end
        records.append(found)
        end = found.offset + HEAD_BYTES + len(found.payload)
    return Scan(records, end, len(data) - end, damaged)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run, and what its instants are worth."""

    run: Run
    belief: Belief


def run_record(number: int, recorded: Recorded) -> RunRecord:
    run = recorded.run
    steps = [(step.name, step.outcome, step.reason, step.duration_us) for step in run.steps]
    return RunRecord(
        number,
        recorded.belief,
        run.system,
        run.check,
        run.slot_ms,
        run.at_ms,
        run.outcome,
        run.reason,
        run.duration_us,
        dict(run.phases),
        dict(run.facts),
        steps,
    )


def recorded_of(record: RunRecord) -> Recorded:
    run = Run(
        record.system,
        record.check,
        record.slot_ms,
        record.at_ms,
        record.outcome,
        record.reason,
        record.duration_us,
        record.phases,
        record.facts,
        tuple(RunStep(*step) for step in record.steps),
    )
    return Recorded(run, record.belief)


def _records(data: bytes) -> Iterator[Found]:
    at = 0
    while (at := data.find(_MARK, at)) >= 0:
        found = _at(data, at)
        if found is None:
            at += 1
        else:
            yield found
            at += HEAD_BYTES + len(found.payload)


def _at(data: bytes, offset: int) -> Found | None:
    start = offset + HEAD_BYTES
    if len(data) < start:
        return None
    mark, kind, size, crc = _HEAD.unpack_from(data, offset)
    payload = data[start : start + size]
    if (
        mark != _MARK
        or size > LIMIT
        or len(payload) < size
        or zlib.crc32(payload, _SEED + kind) != crc
    ):
        return None
    return Found(kind, offset, payload)
