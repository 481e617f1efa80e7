"""Certificates of a token in DER's order: OpenSSL's authority sends them as they were configured, and
the library reads a SET only in order (X.690 11.6). Pure.

They are not signed over, so no verdict hangs on their order; nothing else of a token is touched.
"""

from __future__ import annotations

from typing import NamedTuple

_SEQUENCE, _SET, _OID, _INTEGER, _CONTEXT_0 = 0x30, 0x31, 0x06, 0x02, 0xA0
# TimeStampResp (RFC 3161 2.4.2) -> timeStampToken -> content -> SignedData (RFC 5652 5.1):
# at each level the tags before the one that leads on, and that one.
_WAY = (
    ((), _SEQUENCE),
    ((_SEQUENCE,), _SEQUENCE),
    ((_OID,), _CONTEXT_0),
    ((), _SEQUENCE),
    ((_INTEGER, _SET, _SEQUENCE), _CONTEXT_0),
)


class _Field(NamedTuple):
    """A tag and where its content is; the field ends where its content does."""

    tag: int
    start: int
    end: int


def ordered(token: bytes) -> bytes:
    """The token with its certificates in order; as it is where it is none or has none."""
    try:
        inside = _certificates(token)
        parts = _split(token, inside)
    except ValueError:
        return token
    return token[: inside.start] + b"".join(sorted(parts)) + token[inside.end :]


def _certificates(token: bytes) -> _Field:
    here = _Field(0, 0, len(token))
    for before, leads_on in _WAY:
        at = here.start
        for tag in (*before, leads_on):
            field = _field(token, at, here.end)
            if field.tag != tag:
                raise ValueError
            at = field.end
        here = field
    return here


def _split(token: bytes, inside: _Field) -> list[bytes]:
    parts, at = [], inside.start
    while at < inside.end:
        end = _field(token, at, inside.end).end
        parts.append(token[at:end])
        at = end
    return parts


def _field(data: bytes, at: int, limit: int) -> _Field:
    """ValueError for what is no field with a definite length (X.690 8.1.3) before `limit`."""
    if at + 2 > limit:
        raise ValueError
    tag, length, start = data[at], data[at + 1], at + 2
    if length > 127:
        size = length - 128
        length, start = int.from_bytes(data[start : start + size]), start + size
        if not size:
            raise ValueError
    if start + length > limit:
        raise ValueError
    return _Field(tag, start, start + length)
