"""Numbers and names in what engines answer, whatever they were written as. Total."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import TypeVar

from probes.wire.engine import EngineError

_MOST = 2**53
_DURATION = re.compile(
    r"P(?:([0-9]{1,4})Y)?(?:([0-9]{1,4})M)?(?:([0-9]{1,6})D)?"
    r"(?:T(?:([0-9]{1,6})H)?(?:([0-9]{1,7})M)?(?:([0-9]{1,9})(?:\.[0-9]{1,9})?S)?)?"
)
_SECONDS = (31_536_000, 2_592_000, 86_400, 3600, 60, 1)

V = TypeVar("V")


def count(value: object) -> int | None:
    """A whole number from 0 on, in digits or as a number; None where there is none. EngineError
    for anything else.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        text = value.strip()
        if not (text.isascii() and text.isdigit() and len(text) <= 16):
            raise EngineError
        value = int(text)
    if isinstance(value, float) and math.isfinite(value):
        value = math.floor(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        raise EngineError
    return value


def name(value: object) -> str | None:
    """A name as text: some engines write one that looks like a number as a number."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def duration_s(value: object) -> int | None:
    """Seconds of an ISO 8601 duration such as PT1.959S; years and months as 365 and 30 days."""
    if value is None:
        return None
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise EngineError
    return sum(int(n or 0) * s for n, s in zip(found.groups(), _SECONDS, strict=True))


def named(entries: Iterable[tuple[str | None, V]]) -> dict[str, V | None]:
    """By name; None where two different ones share it."""
    found: dict[str, V | None] = {}
    for key, entry in entries:
        if key is not None:
            found[key] = entry if key not in found or found[key] is entry else None
    return found
