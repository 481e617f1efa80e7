"""When a window that recurs takes place: the rules of RFC 5545 that the operator's file may hold.

Everything is wall clock here: a rule gives days, the hour is that of the first occurrence.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_PARTS = {
    "FREQ",
    "INTERVAL",
    "COUNT",
    "UNTIL",
    "BYDAY",
    "BYMONTHDAY",
    "BYMONTH",
    "BYSETPOS",
    "WKST",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class NotKnownHere(Exception):  # noqa: N818 - no fault of the bundle's
    """Something that this script cannot compute: the text says what."""


class _Recurrence(NamedTuple):
    """`days`: (which of its weekday in the month or year, or 0 for all; weekday from Monday 0)."""

    freq: str
    interval: int
    most: int | None
    until: datetime | None
    days: list[tuple[int, int]]
    month_days: list[int]
    months: list[int]
    positions: list[int]
    week_start: int


def zone_of(name: str) -> ZoneInfo:
    """NotKnownHere where this machine has no rules of that time zone."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # no such file, no such name, no zones at all
        raise NotKnownHere(f"time zone {name}") from None


def ms_of(at: datetime, zone: ZoneInfo) -> int:
    """UTC milliseconds. Wall clock that a clock change leaves out takes the offset before it; of two
    that it makes alike this is the first.
    """
    aware = at.replace(tzinfo=zone, fold=0) if at.tzinfo is None else at
    return (aware.astimezone(timezone.utc) - _EPOCH) // timedelta(milliseconds=1)


def datetime_in(text: str) -> datetime:
    """As the canonical form of a file has it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def occurrences_of(
    start: str, end: str, zone: ZoneInfo, rule: str | None, left_out: list[str], until: int
) -> list[tuple[int, int]]:
    """(start, end) in UTC ms of those that start before `until`. Both ends are converted on their own:
    in a night when clocks change, the length is another one.
    """
    first = datetime_in(start)
    length = datetime_in(end) - first
    skipped = {datetime_in(one) for one in left_out}
    found: list[tuple[int, int]] = []
    last = (_EPOCH + timedelta(milliseconds=until, days=2)).date()
    for at in _starts(first, None if rule is None else _recurrence_in(rule), zone, last):
        begin = ms_of(at, zone)
        if begin >= until:
            break
        if at not in skipped:
            found.append((begin, ms_of(at + length, zone)))
    return found


def _recurrence_in(text: str) -> _Recurrence:
    parts = dict(word.split("=", 1) for word in text.replace("RRULE:", "", 1).split(";"))
    if not set(parts) <= _PARTS or parts.get("FREQ") not in _CYCLES:
        raise NotKnownHere(f"recurrence rule {text}")

    days = [(int(word[:-2] or "0"), _DAYS.index(word[-2:])) for word in _words(parts, "BYDAY")]
    if len({which == 0 for which, _ in days}) > 1:
        raise NotKnownHere(f"recurrence rule {text}")  # RFC 5545 and common libraries disagree
    until = parts.get("UNTIL")
    return _Recurrence(
        parts["FREQ"],
        int(parts.get("INTERVAL", "1")),
        int(parts["COUNT"]) if "COUNT" in parts else None,
        None
        if until is None
        else datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc),
        days,
        [int(word) for word in _words(parts, "BYMONTHDAY")],
        [int(word) for word in _words(parts, "BYMONTH")],
        [int(word) for word in _words(parts, "BYSETPOS")],
        _DAYS.index(parts.get("WKST", "MO")),
    )


def _words(parts: dict[str, str], name: str) -> list[str]:
    return parts[name].split(",") if name in parts else []


def _starts(
    first: datetime, rule: _Recurrence | None, zone: ZoneInfo, last: date
) -> Iterator[datetime]:
    """`first` is an occurrence whatever the rule says, and COUNT counts it; none begins in a cycle
    after `last`.
    """
    yield first
    if rule is None:
        return
    count = 1
    for day in _days(first.date(), rule, last):
        at = datetime.combine(day, first.time())
        if at <= first:
            continue
        if rule.most is not None and count >= rule.most:
            return
        if rule.until is not None and at.replace(tzinfo=zone).astimezone(timezone.utc) > rule.until:
            if at.date() > rule.until.date() + timedelta(days=2):
                return
            continue
        count += 1
        yield at


def _days(first: date, rule: _Recurrence, last: date) -> Iterator[date]:
    """Cycle by cycle: its days that fit, in order, and of those the positions asked for."""
    step = 0
    while True:
        begins, found = _CYCLES[rule.freq](first, step, rule)
        if begins > last:
            return
        days = sorted({day for day in found if not rule.months or day.month in rule.months})
        if rule.positions:
            places = [n - 1 if n > 0 else n for n in rule.positions]
            days = sorted({days[n] for n in places if -len(days) <= n < len(days)})
        yield from days
        step += rule.interval


def _daily(first: date, step: int, rule: _Recurrence) -> tuple[date, list[date]]:
    day = first + timedelta(days=step)
    weekday = not rule.days or day.weekday() in {one for _, one in rule.days}
    fits = weekday and (not rule.month_days or _is_month_day(day, rule))
    return day, [day] if fits else []


def _weekly(first: date, step: int, rule: _Recurrence) -> tuple[date, list[date]]:
    monday = first - timedelta(days=(first.weekday() - rule.week_start) % 7)
    wanted = {day for _, day in rule.days} or {first.weekday()}
    week = [monday + timedelta(days=7 * step + n) for n in range(7)]
    return week[0], [day for day in week if day.weekday() in wanted]


def _monthly(first: date, step: int, rule: _Recurrence) -> tuple[date, list[date]]:
    months = first.year * 12 + first.month - 1 + step
    days = _month(months // 12, months % 12 + 1)
    return days[0], _fitting(days, rule, first.day)


def _yearly(first: date, step: int, rule: _Recurrence) -> tuple[date, list[date]]:
    year = first.year + step
    begins = date(year, 1, 1)
    months = [_month(year, month) for month in rule.months or range(1, 13)]
    if not rule.days and not rule.month_days and not rule.months:
        return begins, [day for day in months[first.month - 1] if day.day == first.day]
    if rule.days and not rule.months:
        return begins, _fitting([day for month in months for day in month], rule, first.day)
    return begins, [day for month in months for day in _fitting(month, rule, first.day)]


def _fitting(days: list[date], rule: _Recurrence, own_day: int) -> list[date]:
    """Of a month or a year: those the rule names, or the day of the first occurrence."""
    if not rule.days and not rule.month_days:
        return [day for day in days if day.day == own_day]
    left = [day for day in days if not rule.month_days or _is_month_day(day, rule)]
    if not rule.days:
        return left
    named: set[date] = set()
    for which, weekday in rule.days:
        same = [day for day in days if day.weekday() == weekday]
        place = which - 1 if which > 0 else which
        if which == 0:
            named.update(same)
        elif -len(same) <= place < len(same):
            named.add(same[place])
    return [day for day in left if day in named]


def _month(year: int, month: int) -> list[date]:
    return [date(year, month, n + 1) for n in range(calendar.monthrange(year, month)[1])]


def _is_month_day(day: date, rule: _Recurrence) -> bool:
    """Negative ones count from the month's end."""
    length = calendar.monthrange(day.year, day.month)[1]
    return day.day in rule.month_days or day.day - length - 1 in rule.month_days


_CYCLES = {"DAILY": _daily, "WEEKLY": _weekly, "MONTHLY": _monthly, "YEARLY": _yearly}
