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
_LAST_YEAR = 9000


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
        raise NotKnownHere("time zone %s" % name) from None


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
    for at in _starts(first, None if rule is None else _recurrence_in(rule), zone):
        begin = ms_of(at, zone)
        if begin >= until:
            break
        if at not in skipped:
            found.append((begin, ms_of(at + length, zone)))
    return found


def _recurrence_in(text: str) -> _Recurrence:
    parts = dict(word.split("=", 1) for word in text.replace("RRULE:", "", 1).split(";"))
    if not set(parts) <= _PARTS or parts.get("FREQ") not in _CYCLES:
        raise NotKnownHere("recurrence rule %s" % text)

    def numbers(name: str) -> list[int]:
        return [int(word) for word in parts[name].split(",")] if name in parts else []

    until = parts.get("UNTIL")
    return _Recurrence(
        parts["FREQ"],
        int(parts.get("INTERVAL", "1")),
        int(parts["COUNT"]) if "COUNT" in parts else None,
        None
        if until is None
        else datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc),
        [(int(word[:-2] or "0"), _DAYS.index(word[-2:])) for word in parts["BYDAY"].split(",")]
        if "BYDAY" in parts
        else [],
        numbers("BYMONTHDAY"),
        numbers("BYMONTH"),
        numbers("BYSETPOS"),
        _DAYS.index(parts.get("WKST", "MO")),
    )


def _starts(first: datetime, rule: _Recurrence | None, zone: ZoneInfo) -> Iterator[datetime]:
    """`first` is an occurrence whatever the rule says, and COUNT counts it."""
    yield first
    if rule is None:
        return
    count = 1
    for day in _days(first.date(), rule):
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


def _days(first: date, rule: _Recurrence) -> Iterator[date]:
    """Cycle by cycle: its days that fit, in order, and of those the positions asked for."""
    step = 0
    while True:
        found = _CYCLES[rule.freq](first, step, rule)
        if found is None:
            return
        days = sorted({day for day in found if not rule.months or day.month in rule.months})
        if rule.positions:
            places = [n - 1 if n > 0 else n for n in rule.positions]
            days = sorted({days[n] for n in places if -len(days) <= n < len(days)})
        yield from days
        step += rule.interval


def _daily(first: date, step: int, rule: _Recurrence) -> list[date] | None:
    if first.toordinal() + step > date(_LAST_YEAR, 1, 1).toordinal():
        return None
    day = first + timedelta(days=step)
    weekday = not rule.days or day.weekday() in {one for _, one in rule.days}
    return [day] if weekday and (not rule.month_days or _is_month_day(day, rule)) else []


def _weekly(first: date, step: int, rule: _Recurrence) -> list[date] | None:
    if first.toordinal() + 7 * step > date(_LAST_YEAR, 1, 1).toordinal():
        return None
    monday = first - timedelta(days=(first.weekday() - rule.week_start) % 7)
    wanted = {day for _, day in rule.days} or {first.weekday()}
    week = [monday + timedelta(days=7 * step + n) for n in range(7)]
    return [day for day in week if day.weekday() in wanted]


def _monthly(first: date, step: int, rule: _Recurrence) -> list[date] | None:
    months = first.year * 12 + first.month - 1 + step
    year, month = months // 12, months % 12 + 1
    if year > _LAST_YEAR:
        return None
    return _fitting(_month(year, month), rule, first.day)


def _yearly(first: date, step: int, rule: _Recurrence) -> list[date] | None:
    year = first.year + step
    if year > _LAST_YEAR:
        return None
    months = [_month(year, month) for month in rule.months or range(1, 13)]
    if not rule.days and not rule.month_days and not rule.months:
        return [day for day in months[first.month - 1] if day.day == first.day]
    if rule.days and not rule.months:
        return _fitting([day for month in months for day in month], rule, first.day)
    return [day for month in months for day in _fitting(month, rule, first.day)]


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
