"""Headers of batches and tombstones as agents sign them, for tests of the chain."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.attest import entries
from collector.attest.entries import BatchEntry
from collector.verifying.chains import Sealed
from probes import agentkeys, batch, tombstone
from probes.tombstone import Why

DAY = 86_400_000
NONE = batch.NO_PREVIOUS
KEY = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(bytes([8]) * 32)
TEXT, OTHER_TEXT = agentkeys.text_of(KEY.public_key()), agentkeys.text_of(OTHER.public_key())


def batch_header(seq: int, prev: str = NONE, **changes: object) -> batch.Header:
    header = batch.Header(
        version=1,
        org="st-elsewhere",
        agent="north-1",
        epoch="e1",
        seq=seq,
        prev=prev,
        config="0" * 16,
        first_at=seq * 1_000,
        last_at=seq * 1_000,
        wall_ms=seq * 1_000,
        monotonic_ns=seq,
        clock_offset_ms=0,
        clock_error_ms=0,
        clock_source="host",
        beacon=None,
        results=1,
        systems=1,
        body_sha256="0" * 64,
        body_length=1,
        segments_root="0" * 64,
    )
    return msgspec.structs.replace(header, **changes)


def tombstone_header(first: int, last: int, prev: str, after: str) -> tombstone.Header:
    return tombstone.Header(
        version=1,
        org="st-elsewhere",
        agent="north-1",
        epoch="e1",
        first_seq=first,
        last_seq=last,
        prev=prev,
        last=after,
        why=Why.FULL_BYTES,
        bare=True,
        batches=last - first + 1,
        given_up={},
        kept={},
        first_t=0,
        last_t=0,
        wall_ms=0,
        monotonic_ns=0,
        clock_offset_ms=0,
        clock_error_ms=0,
        clock_source="host",
        body_sha256="0" * 64,
        body_length=1,
    )


def hash_of(header: batch.Header) -> str:
    return hashlib.sha256(msgspec.json.encode(header)).hexdigest()


def sealed(
    place: int,
    header: batch.Header | tombstone.Header,
    key: Ed25519PrivateKey = KEY,
    at: int = 0,
) -> Sealed:
    data = msgspec.json.encode(header)
    return Sealed(place, header.agent, at, key.sign(data), data)


def entry(header: batch.Header, state: int = 0, at: int = 0) -> bytes:
    data = msgspec.json.encode(header)
    return entries.write(BatchEntry(at, state, KEY.sign(data), data))


@dataclass
class Judged:
    """Which entries were asked for their signature."""

    places: list[int] = field(default_factory=list)

    def __call__(self, one: Sealed) -> None:
        self.places.append(one.place)
