"""Canonical JSON, alone or a line each: read in its one spelling, written so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from collector.attest import strictjson
from collector.attest.strictjson import JsonError, Value
from collector.bundle.faults import BundleError, BundleFault

MAX_LINE = 64 << 20


def value_of(data: bytes, code: BundleFault, place: str) -> dict[str, Value]:
    """The object in these bytes; BundleError `code` for anything that `write` would not have made."""
    try:
        found = strictjson.read(data)
        if not isinstance(found, dict) or strictjson.write(found) != data:
            raise BundleError(code, place)
    except JsonError:
        raise BundleError(code, place) from None
    return found


def lines(file: BinaryIO, code: BundleFault, name: str) -> Iterator[tuple[str, dict[str, Value]]]:
    """(place, object) of each line; BundleError also for a last line without its end."""
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        place = f"{name}:{number}"
        if len(line) > MAX_LINE:
            raise BundleError(BundleFault.TOO_LARGE, place)
        if not line.endswith(b"\n"):
            raise BundleError(code, place)
        yield place, value_of(line[:-1], code, place)


def line(value: dict[str, Value]) -> bytes:
    return strictjson.write(value) + b"\n"


def text(value: Value) -> str | None:
    return value if isinstance(value, str) else None


def count(value: Value) -> int | None:
    """A whole number that is not negative."""
    known = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if known and isinstance(value, int) else None


def hexadecimal(value: Value, size: int) -> bytes | None:
    """So many bytes in lower case."""
    if not isinstance(value, str) or len(value) != 2 * size or not value.isascii():
        return None
    try:
        data = bytes.fromhex(value)
    except ValueError:
        return None
    return data if data.hex() == value else None
