"""Which hour of the week an instant belongs to, on the organization's wall clock. A public holiday
is taken as a Sunday.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from probes.times import from_ms

_SUNDAY = 6


class Hour(NamedTuple):
    """`start`: the instant it began, which tells the two hours of an autumn night apart."""

    number: int
    start: int
    holiday: bool


class Calendar:
    """`holidays` gives the dates of a year."""

    def __init__(
        self, zone: ZoneInfo, holidays: Callable[[int], frozenset[date]] | None = None
    ) -> None:
        self._zone = zone
        self._holidays = holidays

    def hour(self, t: int) -> Hour:
        """The hour of an instant, UTC milliseconds."""
        local = from_ms(t, self._zone)
        into_ms = (local.minute * 60 + local.second) * 1000 + local.microsecond // 1000
        holiday = self._holidays is not None and local.date() in self._holidays(local.year)
        weekday = _SUNDAY if holiday else local.weekday()
        return Hour(weekday * 24 + local.hour, t - into_ms, holiday)
