"""The same as `alerts/hours.py`, minute by minute: every minute asks whether it is open.

Shares nothing with it but the rule of the days. All instants are whole minutes.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from probes.opening import Opening

MINUTE = 60_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@cache
def wall(minute: int, zone: ZoneInfo) -> datetime:
    """What the clock on the wall shows."""
    return (_EPOCH + timedelta(minutes=minute)).astimezone(zone).replace(tzinfo=None)


@cache
def shown(local: datetime, zone: ZoneInfo) -> int:
    """The first minute at which the wall shows it; one never shown is counted from midnight."""
    guess = (local.replace(tzinfo=UTC) - _EPOCH) // timedelta(minutes=1)
    for minute in range(guess - 15 * 60, guess + 15 * 60):
        if wall(minute, zone) == local:
            return minute
    midnight = local.replace(hour=0, minute=0)
    return shown(midnight, zone) + (local - midnight) // timedelta(minutes=1)


@cache
def open_minutes(rule: Opening, zone: ZoneInfo, day: date) -> frozenset[int]:
    if not rule.opens(day):
        return frozenset()
    midnight = datetime(day.year, day.month, day.day)
    return frozenset(
        minute
        for start, end in rule.times
        for minute in range(
            shown(midnight + timedelta(minutes=start), zone),
            shown(midnight + timedelta(minutes=end), zone),
        )
    )


def after_hours(start_ms: int, count: int, rule: Opening, zone: ZoneInfo) -> int:
    minute, left = start_ms // MINUTE, count * 60
    while True:
        today = wall(minute, zone).date()
        near = (today + timedelta(days=n) for n in (-1, 0, 1))
        left -= any(minute in open_minutes(rule, zone, day) for day in near)
        minute += 1
        if left == 0:
            return minute * MINUTE


def after_days(start_ms: int, count: int, rule: Opening, zone: ZoneInfo) -> int:
    local = wall(start_ms // MINUTE, zone)
    day, left = local.date(), count
    while left:
        day += timedelta(days=1)
        left -= bool(open_minutes(rule, zone, day))
    if not open_minutes(rule, zone, local.date()):
        return (max(open_minutes(rule, zone, day)) + 1) * MINUTE
    minute = shown(datetime.combine(day, local.time()), zone)
    opened = open_minutes(rule, zone, day)
    if minute in opened or minute - 1 in opened:
        return minute * MINUTE
    return min((m for m in opened if m > minute), default=max(opened) + 1) * MINUTE
