"""Durations, instants and wall-clock times as they are written in files and printed on pages."""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from zoneinfo import ZoneInfo

_DURATION = re.compile(r"(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?")
# The pinned tzdata package alone answers, so that every host computes the same minutes.
zoneinfo.reset_tzpath(to=())
TZDATA = version("tzdata")
"""The pinned version, printed with every number that depends on a zone."""

_UNITS = (86_400_000, 3_600_000, 60_000, 1_000, 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def parse_duration(text: str) -> int:
    """`"1h30m"` -> 5 400 000 ms. Units d, h, m, s, ms in that order; ValueError otherwise."""
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError("write a duration with its unit, such as 30s, 10m, 4h or 1h30m")
    return sum(int(n) * unit for n, unit in zip(match.groups(), _UNITS, strict=True) if n)


def duration_text(ms: int) -> str:
    """5 400 000 -> `"1h30m"`: what `parse_duration` reads."""
    out, rest = "", ms
    for unit, name in zip(_UNITS, ("d", "h", "m", "s", "ms"), strict=True):
        count, rest = divmod(rest, unit)
        out += f"{count}{name}" if count else ""
    return out or "0s"


def parse_datetime(text: str) -> datetime:
    """ISO 8601 date and time to at most milliseconds; aware when it names an offset."""
    if "T" not in text:
        raise ValueError("write a date and a time, such as 2026-01-05T02:00")
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("write a date and a time, such as 2026-01-05T02:00") from None
    if value.microsecond % 1000:
        raise ValueError("times are exact to the millisecond, no finer")
    return value


def to_ms(value: datetime, zone: ZoneInfo) -> int:
    """UTC milliseconds of an instant; a naive value is wall clock in `zone`.

    A wall-clock time inside a gap uses the offset before the gap (RFC 5545 3.3.5) and an
    ambiguous one is the first: both are what `fold=0` means.
    """
    aware = value.replace(tzinfo=zone, fold=0) if value.tzinfo is None else value
    return (aware.astimezone(UTC) - _EPOCH) // _MS


def from_ms(at_ms: int, zone: ZoneInfo | None = None) -> datetime:
    """An aware datetime, in UTC unless a zone is given."""
    return (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone or UTC)


def rfc3339(at_ms: int) -> str:
    """`2026-07-01T05:00:00.000Z`: always milliseconds, always UTC."""
    return from_ms(at_ms).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"


def tzdata_version() -> str:
    """Which time zone rules answer here, as reports print them: `2026.6`."""
    return version("tzdata")
