"""The beacon: which checkpoint of the evidence log an agent had heard of when it closed a batch.

It stands in the batch's signed header, so the batch was made after that checkpoint. What a collector
says of it is nothing an agent depends on: a beacon that is none is passed over.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec

_HEX = re.compile(r"[0-9a-f]{64}")


class _Answer(msgspec.Struct):
    beacon: Any = None


def of(text: str) -> str:
    """Of a checkpoint: SHA-256 of the text that is signed, without signatures, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def taken(value: object) -> str | None:
    """A beacon as it was sent, or None for anything else."""
    return value if isinstance(value, str) and _HEX.fullmatch(value) else None


def in_answer(body: bytes) -> str | None:
    """What an acknowledgement says of it; older collectors say nothing."""
    try:
        return taken(msgspec.json.decode(body, type=_Answer).beacon)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
