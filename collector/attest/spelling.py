"""Base64 and decimal numbers in the one spelling that is taken, so that equal values are equal bytes."""

from __future__ import annotations

import base64
import binascii
import re

from probes.wire.merkle import HASH_BYTES

LIMIT = 1 << 63
"""Sizes, indexes and times are below it (tlog-cosignature says it of times)."""
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


def number(text: str) -> int | None:
    """0 <= n < 2^63 in ASCII digits without leading zeros, or None."""
    if _NUMBER.fullmatch(text) is None:
        return None
    value = int(text)
    return value if value < LIMIT else None


def base64_of(data: bytes) -> str:
    """RFC 4648 section 4, with padding."""
    return base64.b64encode(data).decode()


def bytes_of(text: str) -> bytes | None:
    """What `base64_of` wrote so, or None: bits behind the end of the data must be 0."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64_of(data) == text else None


def hash_of(text: str) -> bytes | None:
    """32 bytes, or None."""
    data = bytes_of(text)
    return data if data is not None and len(data) == HASH_BYTES else None
