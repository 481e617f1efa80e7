"""Down time beyond what weeks allow, against the hours that a quarter grants on top of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from collector.core import periods
from collector.core.verdict import ratio
from probes.config_payer import Payer
from probes.spans import Interval, intersect, total

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Quarter:
    """`over`: what its weeks were down beyond their own allowance; a week belongs where it begins.

    No verdict is made of it: whether hours were used for what they are granted for, people say.
    Where `over` exceeds `granted` no use of them explains every week.
    """

    span: Interval
    over: int
    granted: int

    @property
    def exceeds(self) -> bool:
        return self.over > self.granted


def quarters(payer: Payer, down: Sequence[Interval], known: Interval) -> Iterator[Quarter]:
    """Calendar quarters that overlap `known`, by all their weeks; `down` is united."""
    if payer.quarterly_hours is None:
        return
    zone, at = ZoneInfo(payer.timezone), known.start
    while at < known.end:
        span = periods.quarter(at, zone)
        over = sum(
            max(0, total(intersect(down, (week,))) - allowed(week, payer.target))
            for week in periods.weeks(span.start, span.end, zone, periods.SUNDAY)
            if span.start <= week.start
        )
        yield Quarter(span, over, payer.quarterly_hours * HOUR_MS)
        at = span.end


def allowed(week: Interval, target: str) -> int:
    """Whole milliseconds of a week that may be down."""
    return int((1 - ratio(target)) * week.length)
