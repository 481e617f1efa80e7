"""Ed25519 signatures (RFC 8032 section 5.1), with whole numbers alone.

A signature is right when [S]B - [k]A, encoded, is the R that stands in it: no cofactor, as OpenSSL
does it. Refused besides: S not below the group's order, a key that is no point in its one encoding,
and a key of small order, for which anybody can make signatures.
"""

from __future__ import annotations

import functools
import hashlib

_P = 2**255 - 19
_GROUP = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)
"""A square root of -1."""
_DIGITS = 64
"""A number below 2^256 in digits of four bits."""

Point = tuple[int, int, int, int]
"""(X, Y, Z, T) with x = X/Z, y = Y/Z, x*y = T/Z."""
_NEUTRAL: Point = (0, 1, 1, 0)


def _added(one: Point, two: Point) -> Point:
    """RFC 8032 5.1.4; also right where both are the same."""
    a = (one[1] - one[0]) * (two[1] - two[0]) % _P
    b = (one[1] + one[0]) * (two[1] + two[0]) % _P
    c = 2 * one[3] * two[3] * _D % _P
    d = 2 * one[2] * two[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _decoded(data: bytes) -> Point | None:
    """RFC 8032 5.1.3; None for what `_encoded` would not have written so."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return (x, y, 1, x * y % _P)


def _encoded(point: Point) -> bytes:
    inverse = pow(point[2], _P - 2, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _multiples(point: Point) -> list[list[Point]]:
    """Row n holds 0 to 15 times 16^n times the point: any multiple of it is a sum of 64 of these."""
    rows: list[list[Point]] = []
    for _ in range(_DIGITS):
        row = [_NEUTRAL]
        for _ in range(15):
            row.append(_added(row[-1], point))
        rows.append(row)
        point = _added(row[-1], point)
    return rows


def is_weak(public: bytes) -> bool:
    """A point of small order, or y written as another number than the field has."""
    y = int.from_bytes(public, "little") & (2**255 - 1)
    point = _decoded(y.to_bytes(32, "little"))
    return y >= _P or (point is not None and _is_small(point))


def _is_small(point: Point) -> bool:
    """Does its order divide 8?"""
    for _ in range(3):
        point = _added(point, point)
    return _encoded(point) == _encoded(_NEUTRAL)


@functools.lru_cache(maxsize=64)
def _key(public: bytes) -> list[list[Point]] | None:
    """The multiples of -A; None for a key that is none."""
    point = _decoded(public)
    if point is None or _is_small(point):
        return None
    return _multiples((_P - point[0], point[1], 1, _P - point[3]))


@functools.lru_cache(maxsize=1)
def _base() -> list[list[Point]]:
    """The multiples of B, the point with y = 4/5 and an even x."""
    point = _decoded((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little"))
    assert point is not None  # noqa: S101 - a constant
    return _multiples(point)


def ed25519_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Has the holder of this key (32 bytes) made this signature (64 bytes) of the message?"""
    if len(public) != 32 or len(signature) != 64:
        return False
    rows = _key(public)
    s = int.from_bytes(signature[32:], "little")
    if rows is None or s >= _GROUP:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    k = int.from_bytes(digest, "little") % _GROUP
    total = _NEUTRAL
    for n, row in enumerate(_base()):
        total = _added(total, row[s >> 4 * n & 15])
    for n, row in enumerate(rows):
        total = _added(total, row[k >> 4 * n & 15])
    return _encoded(total) == signature[:32]
