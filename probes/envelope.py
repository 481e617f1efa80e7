"""The frame around what an agent signs: magic, header length (u32, big-endian), header (JSON),
Ed25519 signature over the header's bytes (64), body (zstd to the end), bound by the header.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import msgspec
import zstandard
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from probes import agentkeys

HEADER_LIMIT = 4096
BODY_LIMIT = 16 * 1024 * 1024
"""Bytes of a body at most, unpacked."""
MAGIC_BYTES = 4
_SIGNATURE_BYTES = 64
_START = MAGIC_BYTES + 4

Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}\Z")]
Hex256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
ConfigDigest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}\Z")]
ClockSource = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_.]{1,32}\Z")]
Seq = Annotated[int, msgspec.Meta(ge=1, lt=2**53)]
Count = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
ClockMs = Annotated[int, msgspec.Meta(gt=-(2**52), lt=2**52)]
MonotonicNs = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class BatchFault(StrEnum):
    """Why bytes are no valid batch or tombstone."""

    MALFORMED = "batch.malformed"
    VERSION = "batch.version"
    TOO_LARGE = "batch.too_large"
    SIGNATURE = "batch.signature"
    BODY_HASH = "batch.body_hash"
    SEGMENTS_ROOT = "batch.segments_root"
    COUNTS = "batch.counts"


class BatchError(Exception):
    """The only exception of reading what an agent signed; its text is the code."""

    def __init__(self, code: BatchFault) -> None:
        super().__init__(code.value)
        self.code = code


@dataclass(frozen=True, slots=True)
class Envelope:
    """Taken apart; nothing of it is verified yet. `body` is still compressed."""

    header_bytes: bytes
    signature: bytes
    body: bytes


def close(magic: bytes, key: Ed25519PrivateKey, header_bytes: bytes, body: bytes) -> bytes:
    """Signed and put together; ValueError when the header is larger than any reader takes."""
    if len(header_bytes) > HEADER_LIMIT:
        raise ValueError("the header is too large")
    size = len(header_bytes).to_bytes(4, "big")
    return magic + size + header_bytes + key.sign(header_bytes) + body


def split(magic: bytes, data: bytes) -> Envelope:
    """Take it apart; the last byte of the magic is the version."""
    if data[: MAGIC_BYTES - 1] != magic[:-1] or len(data) < _START:
        raise BatchError(BatchFault.MALFORMED)
    if data[:MAGIC_BYTES] != magic:
        raise BatchError(BatchFault.VERSION)
    size = int.from_bytes(data[MAGIC_BYTES:_START], "big")
    if size > HEADER_LIMIT:
        raise BatchError(BatchFault.TOO_LARGE)
    end = _START + size
    if len(data) < end + _SIGNATURE_BYTES:
        raise BatchError(BatchFault.MALFORMED)
    return Envelope(
        data[_START:end], data[end : end + _SIGNATURE_BYTES], data[end + _SIGNATURE_BYTES :]
    )


def verify(envelope: Envelope, body_length: int, body_sha256: str, public_key: str) -> None:
    """Signature by `ed25519:BASE64`, then the body's length and hash; BatchError otherwise."""
    try:
        agentkeys.parse(public_key).verify(envelope.signature, envelope.header_bytes)
    except (InvalidSignature, ValueError):
        raise BatchError(BatchFault.SIGNATURE) from None
    body = envelope.body
    if len(body) != body_length or hashlib.sha256(body).hexdigest() != body_sha256:
        raise BatchError(BatchFault.BODY_HASH)


def unpacked(body: bytes) -> bytes:
    """The body must be one frame that says its size, so that a bomb is refused unopened."""
    try:
        size = zstandard.get_frame_parameters(body).content_size
        if size in (zstandard.CONTENTSIZE_UNKNOWN, zstandard.CONTENTSIZE_ERROR):
            raise BatchError(BatchFault.MALFORMED)
        if size > BODY_LIMIT:
            raise BatchError(BatchFault.TOO_LARGE)
        return zstandard.ZstdDecompressor().decompress(body, allow_extra_data=False)
    except zstandard.ZstdError:
        raise BatchError(BatchFault.MALFORMED) from None


def header_hash(envelope: Envelope) -> str:
    """SHA-256 of the header's bytes, hex."""
    return hashlib.sha256(envelope.header_bytes).hexdigest()
