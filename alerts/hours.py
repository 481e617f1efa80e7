"""Business time as intervals of instants: when something is due that only counts while open. Pure.

Instants are UTC milliseconds. A day's opening is converted by its two local ends, each by the
rule of maintenance windows (semantics 4): a time in a gap uses the offset before it, an
ambiguous one is the first. So the night a clock changes has its real minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from probes.amounts import Amount, Unit
from probes.opening import Opening
from probes.spans import Interval, unite
from probes.times import from_ms, to_ms

HOUR_MS = 3_600_000
SEARCHED_DAYS = 3_660
"""How far ahead business time is looked for: a little more than ten years."""


@dataclass(frozen=True, slots=True)
class Hours:
    """`holidays` gives the holidays of a year, always the same for the same year."""

    opening: Opening
    zone: ZoneInfo
    holidays: Callable[[int], frozenset[date]] = lambda _year: frozenset()

    def on(self, day: date) -> tuple[Interval, ...]:
        """The open time of one local day, in order; what a clock change left nothing of is none."""
        if not self.opening.opens(day) or day in self.holidays(day.year):
            return ()
        midnight = datetime(day.year, day.month, day.day)
        return unite(
            Interval(
                to_ms(midnight + timedelta(minutes=start), self.zone),
                to_ms(midnight + timedelta(minutes=end), self.zone),
            )
            for start, end in self.opening.times
        )

    def after(self, day: date) -> Iterator[tuple[date, tuple[Interval, ...]]]:
        """The open days after a local day, as far as they are looked for."""
        for ahead in range(1, SEARCHED_DAYS + 1):
            following = day + timedelta(days=ahead)
            if intervals := self.on(following):
                yield following, intervals


def add_business(start_ms: int, amount: Amount, hours: Hours) -> int:
    """When `amount` after `start_ms` has passed; plain milliseconds need no hours.

    Business hours end where the last of them has been used up, be it the end of a day. A business
    day ends at the same local time of the next open day; where that is closed, when it opens
    again on that day, or at its end; from a day that is closed it ends with that day's hours. Where
    too little opens in the days looked for, it is due at
    the end of those: never never.
    """
    match amount.unit:
        case Unit.MS:
            return start_ms + amount.count
        case Unit.HOURS:
            return _hours(start_ms, amount.count * HOUR_MS, hours)
        case Unit.DAYS:
            return _days(start_ms, amount.count, hours)


def next_opening(start_ms: int, hours: Hours) -> int:
    """When they open next, after `start_ms`."""
    today = from_ms(start_ms, hours.zone).date()
    for _, intervals in hours.after(today - timedelta(days=1)):
        for interval in intervals:
            if start_ms < interval.start:
                return interval.start
    return _last(start_ms)


def _hours(start_ms: int, wanted: int, hours: Hours) -> int:
    today = from_ms(start_ms, hours.zone).date()
    left = wanted
    for _, intervals in hours.after(today - timedelta(days=1)):
        for interval in intervals:
            begin = max(interval.start, start_ms)
            if interval.end - begin >= left:
                return begin + left
            left -= max(0, interval.end - begin)
    return _last(start_ms)


def _days(start_ms: int, wanted: int, hours: Hours) -> int:
    local = from_ms(start_ms, hours.zone).replace(tzinfo=None)
    closed = not hours.on(local.date())
    for number, (day, intervals) in enumerate(hours.after(local.date()), 1):
        if number == wanted and closed:
            # as from the evening before it: a later start is never due earlier
            return intervals[-1].end
        if number == wanted:
            same = to_ms(datetime.combine(day, local.time()), hours.zone)
            return _open_at(same, intervals)
    return _last(start_ms)


def _open_at(instant: int, intervals: tuple[Interval, ...]) -> int:
    """The instant itself where it is open, else when it opens next, else the end."""
    for interval in intervals:
        if instant <= interval.end:
            return max(instant, interval.start)
    return intervals[-1].end


def _last(start_ms: int) -> int:
    return start_ms + SEARCHED_DAYS * 24 * HOUR_MS
