"""Who is on duty, asked quarter by quarter of an hour: slow, plain, and written without `alerts/rota.py`.

Wall clocks become instants by trying every offset a zone has around them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from probes.config_oncall import Layer, OnCall, Only, Override

MINUTE = 60_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(wall: datetime, zone: ZoneInfo) -> int:
    """The first instant at which the clocks show it; in a gap, by the offset before the gap."""
    plain = int((wall.replace(tzinfo=UTC) - _EPOCH) / timedelta(milliseconds=1))
    offsets = [_offset(plain + hours * 3_600_000, zone) for hours in (-30, 30)]
    fits = [plain - off for off in offsets if _offset(plain - off, zone) == off]
    return min(fits) if fits else plain - offsets[0]


def _offset(t: int, zone: ZoneInfo) -> int:
    off = (_EPOCH + timedelta(milliseconds=t)).astimezone(zone).utcoffset()
    assert off is not None
    return int(off / timedelta(milliseconds=1))


def on_duty(schedule: OnCall, zone: ZoneInfo, t: int, given: Sequence[Override] = ()) -> str | None:
    found = None
    for layer in schedule.layers:
        found = _on_layer(layer, zone, t) or found
    for one in (*schedule.overrides, *given):
        start, end = (
            instant(x, zone) if x.tzinfo is None else int(x.timestamp() * 1000)
            for x in (one.start, one.end)
        )
        if start <= t < end:
            found = one.person
    return found


def _on_layer(layer: Layer, zone: ZoneInfo, t: int) -> str | None:
    if layer.ends is not None and t >= instant(layer.ends, zone):
        return None
    if layer.only is not None and not any(_inside(one, zone, t) for one in layer.only):
        return None
    found, number, wall = None, 0, layer.starts
    if t < instant(wall, zone):
        return None
    while wall < _clock(t, zone) + timedelta(days=2):
        if instant(wall, zone) <= t:
            found = layer.people[number % len(layer.people)]
        number += 1
        wall += timedelta(milliseconds=layer.turn)
    return found


def _clock(t: int, zone: ZoneInfo) -> datetime:
    return (_EPOCH + timedelta(milliseconds=t)).astimezone(zone).replace(tzinfo=None)


def _inside(one: Only, zone: ZoneInfo, t: int) -> bool:
    today = _clock(t, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    names = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    for back in (3, 2, 1, 0, -1):
        day = today - timedelta(days=back)
        if one.weekdays is not None and names[day.weekday()] not in one.weekdays:
            continue
        for shift in one.times or ():
            start, end = (_at(day, text) for text in (shift.start_time, shift.end_time))
            if end <= start:
                end += timedelta(days=1)
            if instant(start, zone) <= t < instant(end, zone):
                return True
        if one.times is None and instant(day, zone) <= t < instant(day + timedelta(days=1), zone):
            return True
    return False


def _at(day: datetime, text: str) -> datetime:
    hours, minutes = map(int, text.split(":"))
    return day + timedelta(hours=hours, minutes=minutes)
