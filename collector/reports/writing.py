"""How numbers and instants are written in a report. Pure; nothing is rounded."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from probes.times import from_ms

UNDEFINED = "undefined"
NONE = "none"
BLANK = "\u00a0"
"""Between a number and its unit: no line ends there."""
_UNITS = ((3_600_000, "h"), (60_000, "min"))


def instant(at: int | None, zone: ZoneInfo) -> str:
    """`2026-07-03 02:15:38.400 -05:00`: the wall clock of the zone and its offset from UTC."""
    if at is None:
        return NONE
    local = from_ms(at, zone)
    part = f".{at % 1000:03d}" if at % 1000 else ""
    return f"{local:%Y-%m-%d %H:%M:%S}{part} {local.isoformat()[-6:]}"


def lasting(ms: int | None) -> str:
    """`44 min 38.400 s`; an hour is 60 min whatever the clocks do, and there are no days."""
    if ms is None:
        return UNDEFINED
    words, rest = [], ms
    for unit, name in _UNITS:
        count, rest = divmod(rest, unit)
        words += [f"{count}{BLANK}{name}"] if count else []
    seconds, part = divmod(rest, 1000)
    if part:
        words.append(f"{seconds}.{part:03d}{BLANK}s")
    elif seconds or not words:
        words.append(f"{seconds}{BLANK}s")
    return " ".join(words)


def percent(text: str | None) -> str:
    """As it stands in the predicate, truncated there."""
    return UNDEFINED if text is None else f"{text}{BLANK}%"


def number(value: int | None) -> str:
    return NONE if value is None else str(value)


def title_of(start: int, end: int, zone: ZoneInfo) -> str:
    """`July 2026` for a calendar month, else the two instants."""
    first, last = from_ms(start, zone), from_ms(end, zone)
    month = (first.month % 12 + 1, first.year + first.month // 12)
    whole = all(
        (one.day, one.hour, one.minute, one.second) == (1, 0, 0, 0) for one in (first, last)
    )
    if whole and (last.month, last.year) == month and not (start % 1000 or end % 1000):
        return f"{_MONTHS[first.month - 1]} {first.year}"
    return f"{instant(start, zone)} to {instant(end, zone)}"


_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
