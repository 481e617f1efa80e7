"""Recurrence rules (RFC 5545) on wall-clock time: when a window's occurrences start.

A rule repeats days; the hour is that of the first occurrence. Limits (BYMONTH, and for DAILY all
BY parts) are applied here and not by dateutil, which searches to the year 9999 for a day that
never comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, weekday

_FREQUENCIES: dict[str, Literal[0, 1, 2, 3]] = {
    "DAILY": DAILY,
    "WEEKLY": WEEKLY,
    "MONTHLY": MONTHLY,
    "YEARLY": YEARLY,
}
_WEEKDAYS = {name: n for n, name in enumerate(("MO", "TU", "WE", "TH", "FR", "SA", "SU"))}
_PARTS = frozenset(
    {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST"}
)
_BYDAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class Rule:
    """A parsed RRULE. `days` are (ordinal or None, weekday from Monday 0); `until` is UTC."""

    freq: Literal[0, 1, 2, 3]
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    days: tuple[tuple[int | None, int], ...] = ()
    month_days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    week_start: int = 0


def parse(text: str) -> Rule:
    """ValueError says what to write instead."""
    parts: dict[str, str] = {}
    for word in text.removeprefix("RRULE:").split(";"):
        name, equals, value = word.partition("=")
        if name not in _PARTS or not equals or not value:
            raise ValueError(f"an RRULE is PART=VALUE;... with {', '.join(sorted(_PARTS))}")
        if name in parts:
            raise ValueError(f"{name} is written twice")
        parts[name] = value
    if parts.get("FREQ") not in _FREQUENCIES:
        raise ValueError("FREQ is DAILY, WEEKLY, MONTHLY or YEARLY")
    if "COUNT" in parts and "UNTIL" in parts:
        raise ValueError("write COUNT or UNTIL, not both")
    rule = Rule(
        freq=_FREQUENCIES[parts["FREQ"]],
        interval=_numbers(parts, "INTERVAL", 1, 10_000)[0] if "INTERVAL" in parts else 1,
        count=_numbers(parts, "COUNT", 1, 100_000)[0] if "COUNT" in parts else None,
        until=_until(parts["UNTIL"]) if "UNTIL" in parts else None,
        days=tuple(_day(word) for word in parts["BYDAY"].split(",")) if "BYDAY" in parts else (),
        month_days=_numbers(parts, "BYMONTHDAY", -31, 31),
        months=_numbers(parts, "BYMONTH", 1, 12),
        positions=_numbers(parts, "BYSETPOS", -366, 366),
        week_start=_week_start(parts.get("WKST", "MO")),
    )
    _refuse_contradictions(rule)
    return rule


def _refuse_contradictions(rule: Rule) -> None:
    """RFC 5545 3.3.10, and dates that no calendar has."""
    small = rule.freq in (DAILY, WEEKLY)
    if small and any(ordinal is not None for ordinal, _ in rule.days):
        raise ValueError("a numbered weekday such as 1MO goes with MONTHLY or YEARLY")
    if len({ordinal is None for ordinal, _ in rule.days}) > 1:
        # RFC 5545 means days that are either, dateutil gives those that are both
        raise ValueError("BYDAY has plain days or numbered ones: write two windows for SU,2WE")
    in_month = rule.freq == MONTHLY or rule.months
    if in_month and any(abs(ordinal or 1) > 5 for ordinal, _ in rule.days):
        raise ValueError("a month has no weekday more than five times")
    if rule.freq == WEEKLY and rule.month_days:
        raise ValueError("BYMONTHDAY does not go with WEEKLY")
    if rule.positions and (small or not (rule.days or rule.month_days)):
        raise ValueError("BYSETPOS goes with MONTHLY or YEARLY and a BYDAY or BYMONTHDAY")
    if rule.months and rule.month_days:
        longest = max(_LONGEST_MONTH[month - 1] for month in rule.months)
        if all(abs(day) > longest for day in rule.month_days):
            raise ValueError("BYMONTH and BYMONTHDAY name a date that never comes")


def local_starts(
    start: datetime,
    rrule: str | None,
    exdate: Sequence[datetime],
    zone: ZoneInfo,
    until: datetime,
) -> list[datetime]:
    """Wall-clock starts not after `until`, in order, all naive, without those in `exdate`.

    `start` is the first occurrence even where the rule alone would not give it (semantics 4), and
    COUNT counts it; occurrences in `exdate` are counted too. ValueError as `parse`.
    """
    if start > until:
        return []
    out = [start]
    if rrule is not None:
        rule = parse(rrule)
        for value in _later(rule, start, until):
            if rule.count is not None and len(out) >= rule.count:
                break
            # UNTIL bounds the instant, not what the wall clock shows
            if rule.until is None or value.replace(tzinfo=zone).astimezone(UTC) <= rule.until:
                out.append(value)
    left_out = frozenset(exdate)
    return [value for value in out if value not in left_out]


def gives(start: datetime, rrule: str) -> bool:
    """Would the rule alone give `start` (naive)? ValueError as `parse`."""
    rule = parse(rrule)
    first = next(iter(_search(rule, start)), None)
    return first == start.replace(microsecond=0) and _within_limits(rule, start)


def _later(rule: Rule, start: datetime, until: datetime) -> Iterator[datetime]:
    """What the rule gives after `start`, to `until` or a little past the rule's own end."""
    end = until
    if rule.until is not None:
        # no zone is further than a day from UTC
        end = min(end, rule.until.replace(tzinfo=None) + timedelta(days=1))
    for whole in _search(rule, start):
        value = whole.replace(microsecond=start.microsecond)  # dateutil knows whole seconds
        if value > end:
            return
        if value > start and _within_limits(rule, value):
            yield value


def _search(rule: Rule, start: datetime) -> rrule:
    wanted: dict[str, Any] = {"interval": rule.interval, "wkst": rule.week_start}
    if rule.freq != DAILY:
        if rule.days:
            wanted["byweekday"] = [weekday(day, ordinal) for ordinal, day in rule.days]
        if rule.month_days:
            wanted["bymonthday"] = rule.month_days
        if rule.positions:
            wanted["bysetpos"] = rule.positions
    if rule.freq == YEARLY and rule.months:
        wanted["bymonth"] = rule.months
    return rrule(rule.freq, dtstart=start, **wanted)


def _within_limits(rule: Rule, value: datetime) -> bool:
    if rule.months and value.month not in rule.months:
        return False
    if rule.freq != DAILY:
        return True
    if rule.days and value.weekday() not in {day for _, day in rule.days}:
        return False
    if not rule.month_days:
        return True
    next_month = (value.replace(day=28) + timedelta(days=4)).replace(day=1)
    length = (next_month - timedelta(days=1)).day
    return value.day in rule.month_days or value.day - length - 1 in rule.month_days


def _numbers(parts: dict[str, str], name: str, low: int, high: int) -> tuple[int, ...]:
    if name not in parts:
        return ()
    words = parts[name].split(",")
    if name in ("INTERVAL", "COUNT") and len(words) > 1:
        raise ValueError(f"{name} is one number")
    for word in words:
        if not re.fullmatch(r"[+-]?[0-9]{1,6}", word) or not low <= int(word) <= high:
            raise ValueError(f"{name} has numbers from {low} to {high}")
        if int(word) == 0:
            raise ValueError(f"{name} has no 0")
    return tuple(int(word) for word in words)


def _until(text: str) -> datetime:
    if not re.fullmatch(r"[0-9]{8}T[0-9]{6}Z", text):
        raise ValueError("UNTIL is a time in UTC, such as 20261231T235959Z")
    try:
        value = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("UNTIL is a time in UTC, such as 20261231T235959Z") from None
    if not 1970 <= value.year <= 9000:
        raise ValueError("UNTIL lies from 1970 to 9000; leave it out for no end")
    return value


def _day(word: str) -> tuple[int | None, int]:
    found = _BYDAY.fullmatch(word)
    ordinal = int(found[1]) if found and found[1] else None
    if found is None or ordinal == 0 or (ordinal is not None and abs(ordinal) > 53):
        raise ValueError("BYDAY has days MO to SU, with MONTHLY and YEARLY also as 1MO or -1FR")
    return ordinal, _WEEKDAYS[found[2]]


def _week_start(word: str) -> int:
    if word not in _WEEKDAYS:
        raise ValueError("WKST is a day, MO to SU")
    return _WEEKDAYS[word]
