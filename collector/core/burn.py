"""How fast the error budget burns: the four rows of the SRE workbook, scaled to the real month.

A row fires when the error ratio of its long and of its short window both exceed `factor` times
what the target allows. The ratios come from confirmed states: one failing result moves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from alerts.events import State
from collector.core.amounts import NOTHING, Sums, amounts, sums
from collector.core.verdict import ratio
from probes.config_systems import Slo
from probes.spans import Interval, Timeline

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

PAGE, TICKET = "page", "ticket"
ROWS = (
    (PAGE, HOUR, 5 * MINUTE, Fraction(2, 100)),
    (PAGE, 6 * HOUR, 30 * MINUTE, Fraction(5, 100)),
    (TICKET, DAY, 2 * HOUR, Fraction(10, 100)),
    (TICKET, 3 * DAY, 6 * HOUR, Fraction(10, 100)),
)
"""Severity, long window, short window, share of the month's budget the long one may burn."""
LONGEST_MS = 3 * DAY
"""How far any row looks back."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the rows look at: timelines of the system (key None) and of its monitored sites up to
    `edge`, users by site, approved maintenance (united), and the length of the calendar month.
    """

    lines: Mapping[str | None, Timeline[State]]
    users: Mapping[str, int]
    out: Sequence[Interval]
    edge: int
    month_ms: int


@dataclass(frozen=True, slots=True)
class Row:
    """`threshold` is `factor * (1 - target)`; `long` and `short` are `D / (U + D)`, None where
    nothing is known. `site` is named where the contract judges the worst site.
    """

    severity: str
    long_ms: int
    short_ms: int
    factor: Fraction
    threshold: Fraction
    long: Fraction | None
    short: Fraction | None
    site: str | None

    @property
    def firing(self) -> bool:
        return (
            self.long is not None
            and self.short is not None
            and self.long > self.threshold
            and self.short > self.threshold
        )


def rows(slo: Slo, sight: Sight) -> tuple[Row, ...]:
    """The four rows as of `sight.edge`, by the contract's scope."""
    lines = sight.lines
    sites = sorted(site for site in lines if site is not None)
    if slo.scope == "worst_site":
        found = [
            [_row(slo, sight, row, [(lines[site], 1)], site) for site in sites] for row in ROWS
        ]
        return tuple(
            min(each, key=_order) if each else _row(slo, sight, row, [], None)
            for row, each in zip(ROWS, found, strict=True)
        )
    if slo.scope == "user_weighted":
        heard = [(lines[site], sight.users[site]) for site in sites]
    else:
        heard = [(lines[None], 1)]
    return tuple(_row(slo, sight, row, heard, None) for row in ROWS)


def _row(
    slo: Slo,
    sight: Sight,
    row: tuple[str, int, int, Fraction],
    heard: Iterable[tuple[Timeline[State], int]],
    site: str | None,
) -> Row:
    severity, long_ms, short_ms, share = row
    factor = share * sight.month_ms / long_ms
    heard = list(heard)
    return Row(
        severity,
        long_ms,
        short_ms,
        factor,
        factor * (1 - ratio(slo.target)),
        _errors(slo, sight, heard, long_ms),
        _errors(slo, sight, heard, short_ms),
        site,
    )


def _errors(
    slo: Slo, sight: Sight, heard: Iterable[tuple[Timeline[State], int]], length: int
) -> Fraction | None:
    window = Interval(sight.edge - length, sight.edge)
    found: Sums = NOTHING
    for line, weight in heard:
        found += sums(amounts(line, window, sight.out, sight.edge, slo.formula)).times(weight)
    return Fraction(found.down, found.up + found.down) if found.seen else None


def _order(row: Row) -> tuple[bool, Fraction, Fraction]:
    """The worst first: one that fires, then the higher ratios; one that knows nothing last."""
    unknown = Fraction(-1)
    return (
        not row.firing,
        -(unknown if row.long is None else row.long),
        -(unknown if row.short is None else row.short),
    )
