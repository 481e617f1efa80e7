"""What an agent told by itself while its collector could not be reached: a signed header, no body."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from probes import envelope
from probes.envelope import BatchError, BatchFault, Envelope, Id

MAGIC = b"WWN1"
VERSION = 1
CONTENT_TYPE = "application/vnd.wardwatch.notice"
LARGEST = 8_192
"""Bytes of one at most."""
CHECKS = 32
"""Named at most, so that a header holds them; of more the first."""
_EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_.]{1,64}\Z")]
Instant = Annotated[int, msgspec.Meta(ge=0, lt=253_402_300_800_000)]
"""Before the year 10000: what nobody can write down as a date is none."""
Names = Annotated[list[Id], msgspec.Meta(max_length=CHECKS)]


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Instants are UTC milliseconds by the agent's corrected clock. `kind`: `uplink.lost`,
    `system.down`, `system.up`, `uplink.back`, or what a newer agent tells. `since`: when the line
    was lost or the outage began, as that agent saw; `systems`: still down at the end of it;
    `taken`: which of `webhook` and `mail` took it.
    """

    purpose: Literal["agent notice"] = "agent notice"
    """Signed with the rest: no other header of the agent's passes for a notice, or the reverse."""
    version: int
    org: Id
    agent: Id
    id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    kind: Code
    at: Instant
    since: Instant
    system: Id | None
    cause: Code | None
    checks: Names
    systems: Names
    taken: Annotated[list[Code], msgspec.Meta(max_length=8)]


class _Version(msgspec.Struct):
    version: int


_NOTICE = msgspec.json.Decoder(Notice)


def seal(key: Ed25519PrivateKey, notice: Notice) -> bytes:
    return envelope.close(MAGIC, key, msgspec.json.encode(notice), b"")


def split(data: bytes) -> tuple[Notice, Envelope]:
    """Nothing of it is verified yet; BatchError for what is none."""
    taken_apart = envelope.split(MAGIC, data)
    try:
        header = taken_apart.header_bytes
        if msgspec.json.decode(header, type=_Version).version != VERSION:
            raise BatchError(BatchFault.VERSION)
        return _NOTICE.decode(header), taken_apart
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise BatchError(BatchFault.MALFORMED) from None


def verify(taken_apart: Envelope, public_key: str) -> None:
    """BatchError unless `ed25519:BASE64` has signed it."""
    envelope.verify(taken_apart, 0, _EMPTY, public_key)
