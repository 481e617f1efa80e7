"""When a job is due by cron, on wall-clock time as cron itself keeps it. Pure.

On the night clocks go forward a job of a time that does not exist runs right after the gap; on the
night they go back one of a time that comes twice runs the first time; one of every so many minutes
or hours runs by real time (cron(8) of Debian).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_AHEAD = timedelta(hours=3)
"""Where a search begins: behind every instant whose wall-clock time comes twice."""
_NEVER = timedelta(days=366 * 9)
"""A 29 February comes within it, also around 2100."""


def check(expression: str) -> None:
    """ValueError, saying what to write."""
    words = "write the five fields of cron, such as 30 2 * * 1-5"
    if len(expression.split()) != 5:
        raise ValueError(words)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    try:
        first = next(CronSim(expression, at))
    except (CronSimError, ValueError, AssertionError):
        raise ValueError(words) from None
    except StopIteration:
        first = None
    if first is None or first - at > _NEVER:
        raise ValueError("no day is ever like this")


def dues_before(expression: str, zone: ZoneInfo, until_ms: int) -> Iterator[int]:
    """The instants (UTC ms) before `until_ms`, latest first."""
    last = until_ms
    local = (datetime.fromtimestamp(until_ms / 1000, UTC) + _AHEAD).astimezone(zone)
    for due in CronSim(expression, local, reverse=True):
        at_ms = int(due.timestamp()) * 1000
        if at_ms < last:
            last = at_ms
            yield at_ms
