"""How long somebody may take to answer: usual durations, and business hours and days. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from probes import times

MOST = 1_000
"""Business hours or days at most: what lies further off is no response time."""
_BUSINESS = re.compile(r"([0-9]{1,6})(bh|bd)")


class Unit(StrEnum):
    MS = "ms"
    HOURS = "bh"
    DAYS = "bd"


@dataclass(frozen=True, slots=True, order=True)
class Amount:
    """`count` milliseconds, business hours or business days, above 0."""

    unit: Unit
    count: int


def parse(text: str) -> Amount:
    """`"8bh"`, `"1bd"` or a duration such as `"1h30m"`; ValueError otherwise."""
    match = _BUSINESS.fullmatch(text)
    if match is None:
        try:
            amount = Amount(Unit.MS, times.parse_duration(text))
        except ValueError:
            raise ValueError(
                "write a duration, such as 4h, or business hours or days, such as 8bh or 1bd"
            ) from None
        most = 3650 * 86_400_000
    else:
        amount, most = Amount(Unit(match[2]), int(match[1])), MOST
    if amount.count == 0:
        raise ValueError("a time to answer lies above 0")
    if amount.count > most:
        raise ValueError(f"a time to answer is at most 3650d, {MOST}bh or {MOST}bd")
    return amount


def text(amount: Amount) -> str:
    """What `parse` reads; one text for one amount."""
    if amount.unit is Unit.MS:
        return times.duration_text(amount.count)
    return f"{amount.count}{amount.unit}"


def normal(written: str) -> str:
    """`"60m"` -> `"1h"`; ValueError as `parse`."""
    return text(parse(written))
