"""JSON that reads alike everywhere: no name twice, nothing that is no JSON, whole numbers below 2^53.

RFC 8259 leaves it open what a name that comes twice means; a second verifier could read the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

LIMIT = 1 << 53
"""Whole numbers between -2^53 and 2^53 are the same in every reader (RFC 8259 section 6)."""
MAX_DEPTH = 64
"""Lists and objects in one another; how many more a reader takes differs from one to the next."""
MAX_VALUES = 2_000_000
"""Brackets and commas, those within text too: what is read takes a hundred times its bytes."""
Value = None | bool | int | str | list["Value"] | dict[str, "Value"]


_BRACKETS = (b"[", b"{", b",")


class JsonError(Exception):
    """Not such JSON."""


def read(data: bytes, *, fractions: bool = False) -> Value:
    """JsonError for anything else: bad UTF-8, too deep, too many values, a fraction, an exponent, a
    name twice.

    With `fractions` they are read as None: where fields that are not known are passed over.
    """
    if sum(map(data.count, _BRACKETS)) > MAX_VALUES:
        raise JsonError
    try:
        text = data.decode()
        value: Value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_dropped if fractions else _refused,
            parse_constant=_refused,
        )
    except (ValueError, RecursionError):  # of text and JSON; a byte order mark, too
        raise JsonError from None
    if _too_deep(value) or ("\\u" in text and _has_half(value)):
        raise JsonError
    return value


def write(value: Value) -> bytes:
    """Sorted names, no blanks, UTF-8; for ASCII names as RFC 8785. JsonError for what `read` would
    not read as this.
    """
    try:
        data = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError):
        raise JsonError from None
    if read(data) != value:
        raise JsonError
    return data


def _object(pairs: Sequence[tuple[str, Value]]) -> dict[str, Value]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _integer(text: str) -> int:
    if len(text) > len(str(-LIMIT)) or abs(int(text)) >= LIMIT:
        raise ValueError
    return int(text)


def _dropped(_text: str) -> Value:
    return None


def _refused(_text: str) -> Value:
    raise ValueError


def _too_deep(value: Value) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for one in level for inner in _inside(one) if isinstance(inner, list | dict)]
    return bool(level)


def _inside(value: Value) -> Iterable[Value]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _has_half(value: Value) -> bool:
    """Half a character, escaped: no UTF-8 says it."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False
