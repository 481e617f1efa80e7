"""What can be attested: a finished calendar period, once it has closed, and which systems. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from collector.attesting.refusals import Refusal, RefusedAttestationError
from collector.core import periods
from collector.store.attestations import Wanted
from probes.history import History
from probes.spans import Interval

CLOSES_MS = 259_200_000
"""72 h: evidence that comes so long after the end still counts (semantics 8)."""
WRITTEN = "write a month, quarter, year or week, such as 2026-07, 2026-Q3, 2026 or 2026-W31"


class UnknownSystemError(Exception):
    """Of no version of the file."""

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


def wanted(history: History, period: str, systems: Sequence[str] | None, now: int) -> Wanted:
    """Of all systems that were monitored in it, or those named. ValueError for a period of another
    form, UnknownSystemError, RefusedAttestationError for one that is open or has nothing in it.
    """
    span = span_of(history, period, now)
    known = {name for version in history.versions for name in version.config.systems}
    for place, name in enumerate(systems or ()):
        if name not in known:
            raise UnknownSystemError(place)
    closes = span.end + CLOSES_MS
    if now < closes:
        raise RefusedAttestationError(Refusal.OPEN, closes_at=closes)
    there = monitored(history, span)
    chosen = there if systems is None else there & set(systems)
    if not chosen or (systems is not None and chosen != set(systems)):
        raise RefusedAttestationError(Refusal.NOTHING)
    return Wanted(period, span.start, span.end, tuple(sorted(chosen)))


def span_of(history: History, period: str, now: int) -> Interval:
    """Only what is written out: a name such as `month` is of now, and open."""
    if period in periods.NAMES:
        raise ValueError(WRITTEN)
    try:
        return periods.period(period, now, history.latest.organization.zone)
    except ValueError:
        raise ValueError(WRITTEN) from None


def monitored(history: History, span: Interval) -> set[str]:
    """Systems of any version that was in force in it."""
    first = history.version_at(span.start)
    versions = [one for one in history.versions if one.at is None or one.at < span.end]
    return {
        name
        for one in versions
        if one is first or one.at is None or one.at > span.start
        for name in one.config.systems
    }
