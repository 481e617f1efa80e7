"""Numbers, base64, hexadecimal and JSON in the one spelling that is taken.

Two texts that mean the same are the same bytes, so nobody can read a thing two ways.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_HEX = re.compile(r"(?:[0-9a-f]{2})*")
_JSON_LIMIT = 1 << 53
_JSON_DEPTH = 64


def number_in(text: str) -> int | None:
    """0 <= n < 2^63 in decimal digits without leading zeros, or None."""
    if _NUMBER.fullmatch(text) is None or int(text) >= 1 << 63:
        return None
    return int(text)


def base64_in(text: str) -> bytes | None:
    """The bytes, or None: padding is there, and bits behind the end are 0."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


def hash_in(text: str) -> bytes | None:
    """The same of 32 bytes."""
    data = base64_in(text)
    return data if data is not None and len(data) == 32 else None


def hex_in(text: Any, length: int) -> bytes | None:
    """So many bytes in lower-case hexadecimal, or None."""
    if not isinstance(text, str) or len(text) != 2 * length or _HEX.fullmatch(text) is None:
        return None
    return bytes.fromhex(text)


def json_in(data: bytes, *, signed: bool = False) -> Any:
    """ValueError for what two readers may read differently: a name twice, a fraction, a whole number
    of 2^53 or more, more than 64 lists and objects in one another, half a character. Of what an
    agent `signed`, fields that are not known here may hold any number.
    """
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=_object,
            parse_int=int if signed else _integer,
            parse_float=_dropped if signed else _refused,
            parse_constant=_refused,
        )
    except RecursionError:
        raise ValueError("too deep") from None
    level = [value]
    for _ in range(_JSON_DEPTH + 1):
        level = [inner for one in level for inner in _inside(one)]
    if level:
        raise ValueError("too deep")
    canonical(value)
    return value


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def canonical(value: Any) -> bytes:
    """The only bytes of a value: names in order, no blanks, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def canonical_in(data: bytes) -> Any:
    """The value of canonical bytes; ValueError for any others."""
    value = json_in(data)
    if canonical(value) != data:
        raise ValueError("not canonical")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) >= _JSON_LIMIT:
        raise ValueError("too far")
    return int(text)


def _dropped(_text: str) -> Any:
    return None


def _refused(_text: str) -> Any:
    raise ValueError("a fraction")
